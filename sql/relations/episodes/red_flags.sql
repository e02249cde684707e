/*
title: Red flags after the index fusion
rationale: >
  A measured fall is judged against the patient's own best earlier value. Rotation is compared with values after surgery
  only, since the fusion itself removes motion.
citation: clinical specification, section 4; mJOA thresholds after Tetreault 2015
grain: one row per episode, flag and record that shows it
needs: [coded_records, episodes, follow_up_scores, mjoa_severity, thresholds]
columns:
  flag: the label of the red flag, also the name of its code list
  kind: code or measured
*/
with visits as (
    select
        follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.follow_up_id,
        follow_up_scores.day, follow_up_scores.neck_pain_nrs, follow_up_scores.arm_pain_nrs,
        follow_up_scores.ndi_headache_item, follow_up_scores.mjoa, follow_up_scores.mrc_grade_min,
        follow_up_scores.neck_rotation_deg, follow_up_scores.radiating_pain,
        follow_up_scores.numbness, follow_up_scores.occipital_headache,
        max(follow_up_scores.mjoa) over earlier as best_mjoa,
        max(follow_up_scores.mrc_grade_min) over earlier as best_mrc_grade,
        max(case when follow_up_scores.day > 0 then follow_up_scores.neck_rotation_deg end) over earlier
            as best_rotation_deg
    from follow_up_scores
    window earlier as (
        partition by follow_up_scores.site_id, follow_up_scores.patient_id
        order by follow_up_scores.day range between unbounded preceding and 1 preceding
    )
),

judged as (
    select
        visits.site_id, visits.patient_id, visits.follow_up_id, visits.day,
        visits.radiating_pain
        or (visits.neck_pain_nrs >= thresholds.pain_nrs and visits.arm_pain_nrs >= thresholds.pain_nrs)
            as has_radiating_pain,
        visits.numbness as has_numbness,
        visits.mrc_grade_min <= thresholds.weakness_mrc_grade
        or visits.best_mrc_grade - visits.mrc_grade_min >= thresholds.weakness_mrc_fall
        or visits.best_mjoa - visits.mjoa >= mjoa_severity.mcid
            as has_weakness,
        visits.best_rotation_deg - visits.neck_rotation_deg >= thresholds.rotation_fall_deg as has_limited_motion,
        visits.occipital_headache or visits.ndi_headache_item >= thresholds.headache_ndi_item as has_headache
    from visits
    cross join thresholds
    left join mjoa_severity
        on visits.best_mjoa >= mjoa_severity.lowest and visits.best_mjoa <= mjoa_severity.highest
    where visits.day > 0
),

measured as (
    select
        site_id, patient_id, follow_up_id, day,
        'red_flag_radiating_pain' as flag
    from judged
    where has_radiating_pain
    union all
    select
        site_id, patient_id, follow_up_id, day,
        'red_flag_numbness' as flag
    from judged
    where has_numbness
    union all
    select
        site_id, patient_id, follow_up_id, day,
        'red_flag_weakness' as flag
    from judged
    where has_weakness
    union all
    select
        site_id, patient_id, follow_up_id, day,
        'red_flag_limited_motion' as flag
    from judged
    where has_limited_motion
    union all
    select
        site_id, patient_id, follow_up_id, day,
        'red_flag_headache' as flag
    from judged
    where has_headache
)

select
    site_id, patient_id, flag, day,
    'follow_ups' as source_table,
    follow_up_id as record_id,
    'measured' as kind
from measured
union
select
    coded_records.site_id, coded_records.patient_id,
    coded_records.list as flag,
    coded_records.day, coded_records.source_table, coded_records.record_id,
    'code' as kind
from coded_records
inner join episodes
    on
        coded_records.site_id = episodes.site_id
        and coded_records.patient_id = episodes.patient_id
where
    starts_with(coded_records.list, 'red_flag_')
    and coded_records.source_table = 'diagnoses'
    and coded_records.day > 0
