/*
title: How many patients fell out of the cohort at which step
grain: one row per site and step
needs: [attempts, cohort, table_counts]
columns:
  patients_in: patients who reached the step
  patients_out: patients who left at the step
  patients_left: patients who passed it
  cells_blanked: cells set to missing of what the site has in force, at the first step; null at the others
  patients_without_index: patients of the site's source who have no index fusion and were not delivered, at the first
    step, as its newest submission in force states it; null where it does not, and at the others
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
),

blanked as (
    select
        table_counts.site_id,
        sum(table_counts.cells_blanked) as cells
    from table_counts
    inner join attempts
        on
            table_counts.site_id = attempts.site_id
            and table_counts.submission_period = attempts.submission_period
            and table_counts.attempt = attempts.attempt
    where attempts.status = 'accepted'
    group by table_counts.site_id
),

not_delivered as (
    select site_id, patients_without_index
    from attempts
    where status = 'accepted'
    qualify row_number() over (partition by site_id order by submission_period desc) = 1
)

select
    running.site_id, running.step, running.reason,
    cast(running.patients_left + running.patients_out as bigint) as patients_in,
    running.patients_out,
    cast(running.patients_left as bigint) as patients_left,
    case when running.step = 1 then cast(coalesce(blanked.cells, 0) as bigint) end as cells_blanked,
    case when running.step = 1 then not_delivered.patients_without_index end as patients_without_index
from running
left join blanked
    on running.site_id = blanked.site_id
left join not_delivered
    on running.site_id = not_delivered.site_id
