/*
title: Complaints after the index fusion
citation: clinical specification, section 3 (neck or arm pain, or a red flag)
grain: one row per record that shows one
needs: [follow_up_scores, red_flags, thresholds]
*/
select
    follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.day,
    'follow_ups' as source_table,
    follow_up_scores.follow_up_id as record_id
from follow_up_scores
cross join thresholds
where
    follow_up_scores.day > 0
    and (
        follow_up_scores.neck_pain_nrs >= thresholds.pain_nrs
        or follow_up_scores.arm_pain_nrs >= thresholds.pain_nrs
    )
union
select site_id, patient_id, day, source_table, record_id
from red_flags
