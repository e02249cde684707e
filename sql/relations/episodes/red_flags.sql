/*
title: Red flags after the index fusion
rationale: >
  What is new or worse is judged against the patient's own earlier state: strength, numbness and mJOA against that
  before surgery, rotation against the visit before only, since the fusion itself removes motion. Pain, headache and
  stiffness that a visit finds in the first weeks are healing. A code of the index stay names the reason for surgery.
citation: clinical specification, section 4
grain: one row per episode, flag and record that shows it
needs: [accompanied_records, coded_records, episodes, follow_up_scores, index_stay_records, weak_visits, thresholds]
columns:
  flag: the label of the red flag, also the name of its code list
  kind: code or measured
*/
with numb_before as (
    select distinct site_id, patient_id
    from follow_up_scores
    where day <= 0 and numbness
),

rotation_days as (
    select
        site_id, patient_id, day,
        max(neck_rotation_deg) as rotation_deg
    from follow_up_scores
    where day > 0 and neck_rotation_deg is not null
    group by site_id, patient_id, day
),

rotations as (
    select
        site_id, patient_id, day,
        lag(rotation_deg) over (partition by site_id, patient_id order by day) as previous_deg,
        lead(rotation_deg) over (partition by site_id, patient_id order by day) as next_deg
    from rotation_days
),

judged as (
    select
        follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.follow_up_id, follow_up_scores.day,
        follow_up_scores.day >= thresholds.red_flag_measured_from_day as is_past_healing,
        follow_up_scores.radiating_pain
        or (
            follow_up_scores.neck_pain_nrs >= thresholds.pain_nrs
            and follow_up_scores.arm_pain_nrs >= thresholds.pain_nrs
        )
            as has_radiating_pain,
        follow_up_scores.numbness,
        numb_before.patient_id is not null as is_numb_before,
        round(rotations.previous_deg - follow_up_scores.neck_rotation_deg, 6) >= thresholds.rotation_fall_deg
        and (
            follow_up_scores.neck_pain_nrs >= thresholds.pain_nrs
            or round(rotations.previous_deg - rotations.next_deg, 6) >= thresholds.rotation_fall_deg
        )
            as has_limited_motion,
        follow_up_scores.occipital_headache
        or follow_up_scores.ndi_headache_item >= thresholds.headache_ndi_item
            as has_headache
    from follow_up_scores
    cross join thresholds
    left join numb_before
        on
            follow_up_scores.site_id = numb_before.site_id
            and follow_up_scores.patient_id = numb_before.patient_id
    left join rotations
        on
            follow_up_scores.site_id = rotations.site_id
            and follow_up_scores.patient_id = rotations.patient_id
            and follow_up_scores.day = rotations.day
    where follow_up_scores.day > 0
),

measured as (
    select
        site_id, patient_id, follow_up_id, day,
        'red_flag_radiating_pain' as flag
    from judged
    where has_radiating_pain and is_past_healing
    union all
    select
        site_id, patient_id, follow_up_id, day,
        'red_flag_numbness' as flag
    from judged
    where numbness and (is_past_healing or not is_numb_before)
    union all
    select
        site_id, patient_id, follow_up_id, day,
        'red_flag_weakness' as flag
    from weak_visits
    union all
    select
        site_id, patient_id, follow_up_id, day,
        'red_flag_limited_motion' as flag
    from judged
    where has_limited_motion and is_past_healing
    union all
    select
        site_id, patient_id, follow_up_id, day,
        'red_flag_headache' as flag
    from judged
    where has_headache and is_past_healing
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
left join accompanied_records
    on
        coded_records.source_table = accompanied_records.source_table
        and coded_records.site_id = accompanied_records.site_id
        and coded_records.record_id = accompanied_records.record_id
        and coded_records.needs = accompanied_records.needs
left join index_stay_records
    on
        coded_records.source_table = index_stay_records.source_table
        and coded_records.site_id = index_stay_records.site_id
        and coded_records.record_id = index_stay_records.record_id
where
    starts_with(coded_records.list, 'red_flag_')
    and coded_records.source_table = 'diagnoses'
    and coded_records.day > 0
    and (coded_records.needs is null or accompanied_records.record_id is not null)
    and index_stay_records.record_id is null
