/*
title: How many patients fell out of the cohort at which step
grain: one row per site and step
needs: [cohort]
columns:
  patients_in: patients who reached the step
  patients_out: patients who left at the step
  patients_left: patients who passed it
*/
with steps as (
    select
        1 as step,
        'delivered' as reason
    union all
    select
        2 as step,
        'no_cervical_fusion_on_day_0' as reason
    union all
    select
        3 as step,
        'earlier_cervical_fusion' as reason
    union all
    select
        4 as step,
        'arthrodesis_status_before' as reason
),

delivered as (
    select
        site_id,
        count(*) as patients
    from cohort
    group by site_id
),

counted as (
    select
        delivered.site_id, steps.step, steps.reason, delivered.patients,
        count(cohort.patient_id) as patients_out
    from delivered
    cross join steps
    left join cohort
        on
            delivered.site_id = cohort.site_id
            and steps.step = cohort.step
    group by delivered.site_id, steps.step, steps.reason, delivered.patients
),

running as (
    select
        site_id, step, reason, patients_out,
        patients - sum(patients_out) over (
            partition by site_id order by step rows between unbounded preceding and current row
        ) as patients_left
    from counted
)

select
    site_id, step, reason,
    cast(patients_left + patients_out as bigint) as patients_in,
    patients_out,
    cast(patients_left as bigint) as patients_left
from running
