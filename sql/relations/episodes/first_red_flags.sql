/*
title: First red flag of each kind
citation: clinical specification, sections 1 and 4
grain: one row per episode and flag
needs: [episodes, red_flags, code_lists, delivered_tables, thresholds]
columns:
  flag: the label of the red flag
  onset_day: day of the first record that shows it
  value: the observed days of a no
  kind: code or measured, as the deciding record shows it
*/
with flags as (
    select distinct list as flag
    from code_lists
    where starts_with(list, 'red_flag_')
),

first_records as (
    select
        site_id,
        patient_id,
        flag,
        day,
        source_table,
        record_id,
        kind
    from red_flags
    qualify row_number() over (partition by site_id, patient_id, flag order by day, source_table, record_id) = 1
),

sources as (
    select distinct site_id
    from delivered_tables
    where source_table in ('follow_ups', 'diagnoses')
),

reasoned as (
    select
        episodes.site_id,
        episodes.patient_id,
        episodes.observed_days,
        flags.flag,
        first_records.day,
        first_records.kind,
        first_records.source_table,
        first_records.record_id,
        case
            when first_records.record_id is not null then null
            when sources.site_id is null then 'no_source_data'
            when coalesce(episodes.observed_days < thresholds.red_flag_observed_days, true) then 'no_follow_up'
        end as reason
    from episodes
    cross join flags
    cross join thresholds
    left join first_records
        on
            episodes.site_id = first_records.site_id
            and episodes.patient_id = first_records.patient_id
            and flags.flag = first_records.flag
    left join sources
        on episodes.site_id = sources.site_id
)

select
    site_id,
    patient_id,
    flag,
    case
        when record_id is not null then 'yes'
        when reason is not null then 'not_assessable'
        else 'no'
    end as status,
    reason,
    day as onset_day,
    case when record_id is null and reason is null then cast(observed_days as double) end as value,
    case when record_id is null and reason is null then 'observed_days' end as value_name,
    kind,
    coalesce(source_table, 'patients') as source_table,
    coalesce(record_id, patient_id) as record_id
from reasoned
