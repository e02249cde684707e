/*
title: Which class of conservative care each episode received
rationale: >
  Care is often received elsewhere: its absence can be said only of patients whose treatments the site sees in full.
citation: clinical specification, sections 1 and 5
grain: one row per episode and class of conservative care
needs: [episodes, care_classes, treatment_classes, delivered_tables, thresholds]
columns:
  onset_day: first day after the index fusion on which it was received
  value: number of records; of a no, the observed days
*/
with counted as (
    select
        site_id,
        patient_id,
        treatment_class,
        source_table,
        record_id,
        greatest(start_day, 1) as onset_day,
        count(*) over (partition by site_id, patient_id, treatment_class) as record_count
    from treatment_classes
    where end_day >= 1
    qualify
        row_number() over (
            partition by site_id, patient_id, treatment_class
            order by start_day, record_id, source_table
        ) = 1
),

reasoned as (
    select
        episodes.site_id,
        episodes.patient_id,
        episodes.observed_days,
        care_classes.treatment_class,
        counted.source_table,
        counted.record_id,
        counted.onset_day,
        counted.record_count,
        case
            when counted.record_id is not null then null
            when delivered_tables.site_id is null then 'no_source_data'
            when not coalesce(episodes.treatment_data_complete, false) then 'treatment_data_incomplete'
            when coalesce(episodes.observed_days < thresholds.care_observed_days, true) then 'no_follow_up'
        end as reason
    from episodes
    cross join care_classes
    cross join thresholds
    left join counted
        on
            episodes.site_id = counted.site_id
            and episodes.patient_id = counted.patient_id
            and care_classes.treatment_class = counted.treatment_class
    left join delivered_tables
        on
            episodes.site_id = delivered_tables.site_id
            and delivered_tables.source_table = 'treatments'
)

select
    site_id,
    patient_id,
    treatment_class,
    case
        when record_id is not null then 'yes'
        when reason is not null then 'not_assessable'
        else 'no'
    end as status,
    reason,
    onset_day,
    cast(coalesce(record_count, observed_days) as double) as value,
    case when record_id is not null then 'records' else 'observed_days' end as value_name,
    cast(null as varchar) as kind,
    coalesce(source_table, 'patients') as source_table,
    coalesce(record_id, patient_id) as record_id
from reasoned
