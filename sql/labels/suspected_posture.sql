/*
title: Suspected posture or mechanics
guide: >
  Weak muscles and bent posture can strain the neck.
definition: >
  Possible: a code of posture, muscle pain or segmental dysfunction. Probable: a symptom or code at most 180 days
  from an image with a C2-C7 sagittal vertical axis above 40 mm; or a code and no physical therapy in days 0 to 90
  where the site sees all treatments. Confirmed: such an image on CT.
rationale: >
  Muscle codes are weak evidence: possible disease here is a prompt to look, no more.
citation: clinical specification, sections 1 and 3
grain: one row per episode and piece of evidence
version: 1
status: accepted
headline: false
needs: [causes]
columns:
  onset_day: the later of symptom and image; else the day of the code or of the revision
  value: the image's measured value when it has one; of a no, the observed days
*/
select
    site_id,
    patient_id,
    status,
    reason,
    onset_day,
    value,
    value_name,
    kind,
    source_table,
    record_id
from causes
where cause = 'posture'
