/*
title: Who is in the cohort, and why the others are not
rationale: >
  The site sets day 0; here it is checked. The first reason that holds, in the order of the steps, is the one that
  counts. An arthrodesis status speaks against the patient unless a fusion of another region explains it.
citation: clinical specification, section 0
grain: one row per delivered patient
needs: [coded_records, fusions, thresholds]
columns:
  step: the attrition step at which the patient left, null when in the cohort
  reason: why, null when in the cohort
*/
with fusion_days as (
    select
        site_id, patient_id,
        coalesce(bool_or(day = 0 and not is_add_on), false) as has_index_fusion,
        coalesce(bool_or(day < 0), false) as has_earlier_fusion
    from fusions
    group by site_id, patient_id
),

fused_elsewhere as (
    select
        site_id, patient_id,
        min(day) as first_day
    from coded_records
    where list = 'other_region_fusion' and source_table = 'procedures'
    group by site_id, patient_id
),

fused_before as (
    select distinct coded_records.site_id, coded_records.patient_id
    from coded_records
    cross join thresholds
    left join fused_elsewhere
        on
            coded_records.site_id = fused_elsewhere.site_id
            and coded_records.patient_id = fused_elsewhere.patient_id
            and coded_records.day >= fused_elsewhere.first_day
    where
        coded_records.list = 'arthrodesis_status'
        and coded_records.day < 0
        and coded_records.day >= -thresholds.arthrodesis_lookback_days
        and fused_elsewhere.patient_id is null
),

judged as (
    select
        patients.site_id, patients.patient_id,
        case
            when not coalesce(fusion_days.has_index_fusion, false) then 2
            when fusion_days.has_earlier_fusion then 3
            when fused_before.patient_id is not null then 4
        end as step
    from patients
    left join fusion_days
        on
            patients.site_id = fusion_days.site_id
            and patients.patient_id = fusion_days.patient_id
    left join fused_before
        on
            patients.site_id = fused_before.site_id
            and patients.patient_id = fused_before.patient_id
)

select
    site_id, patient_id, step,
    case step
        when 2 then 'no_cervical_fusion_on_day_0'
        when 3 then 'earlier_cervical_fusion'
        when 4 then 'arthrodesis_status_before'
    end as reason
from judged
