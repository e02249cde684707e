/*
title: Why patients are not counted, by measure and site
grain: one row per measure, site (null = all) and reason seen anywhere for the measure
needs: [measure_totals, measure_groups, submissions]
columns:
  reason: why the patient is not in the denominator
  patients: patients excluded for it
*/
with cohorts as (
    select distinct
        cohort,
        site_id
    from measure_groups
),

excluded as (
    select
        measure_totals.measure,
        cohorts.site_id,
        measure_totals.reason,
        measure_totals.patients
    from measure_totals
    inner join cohorts
        on measure_totals.cohort = cohorts.cohort
    where measure_totals.status = 'excluded'
),

reasons_seen as (
    select distinct
        measure,
        reason
    from excluded
),

sites as (
    select distinct site_id
    from submissions
    where status = 'accepted'
),

cells as (
    select
        measure,
        site_id,
        reason,
        patients
    from excluded
    union all
    select
        measure,
        cast(null as varchar) as site_id,
        reason,
        patients
    from excluded
    union all
    select
        reasons_seen.measure,
        sites.site_id,
        reasons_seen.reason,
        0 as patients
    from reasons_seen
    cross join sites
)

select
    measure,
    site_id,
    reason,
    cast(sum(patients) as bigint) as patients
from cells
group by measure, site_id, reason
