/*
title: Visits from the landmark on at which neck pain was assessed
citation: clinical specification, section 2
grain: one row per assessed visit on or after the landmark day
needs: [pain_assessments, thresholds]
columns:
  is_painful: the visit shows pain past the threshold
  is_after_revision: the visit came after the first revision
  value: the score that decides
*/
select
    pain_assessments.site_id, pain_assessments.patient_id, pain_assessments.follow_up_id,
    pain_assessments.day, pain_assessments.is_after_revision, pain_assessments.is_painful,
    pain_assessments.value_name, pain_assessments.value
from pain_assessments
cross join thresholds
where pain_assessments.day >= thresholds.pain_landmark_day
