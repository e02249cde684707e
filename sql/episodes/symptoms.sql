/*
title: Symptoms after the index fusion
citation: clinical specification, section 3 (a symptom is neck or arm pain, a red flag, or a listed code)
grain: one row per record that shows a symptom, and joint where the record names one
needs: [follow_up_scores, joint_diagnoses, thresholds]
*/
select
    follow_up_scores.site_id,
    follow_up_scores.patient_id,
    follow_up_scores.day,
    cast(null as varchar) as joint,
    'follow_ups' as source_table,
    follow_up_scores.follow_up_id as record_id
from follow_up_scores
cross join thresholds
where
    follow_up_scores.day > 0
    and (
        follow_up_scores.neck_pain_nrs >= thresholds.pain_nrs
        or follow_up_scores.arm_pain_nrs >= thresholds.pain_nrs
        or follow_up_scores.radiating_pain
        or follow_up_scores.numbness
        or follow_up_scores.occipital_headache
        or follow_up_scores.mrc_grade_min <= thresholds.weakness_mrc_grade
    )
union all
select
    site_id,
    patient_id,
    day,
    joint,
    'diagnoses' as source_table,
    diagnosis_id as record_id
from joint_diagnoses
where day > 0
