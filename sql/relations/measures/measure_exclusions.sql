/*
title: Why patients are not counted, by measure and site
grain: one row per measure, site (null = all) and reason seen anywhere for the measure
needs: [measure_totals, submissions, reasons]
columns:
  reason: why the patient is not in the denominator
  is_missing: the answer exists but is not known
  patients: patients excluded for it
*/
with excluded as (
    select
        measure, site_id, reason,
        excluded as patients
    from measure_totals
    where excluded > 0 and reason is not null
),

reasons_seen as (
    select distinct measure, reason
    from excluded
),

sites as (
    select distinct site_id
    from submissions
    where status = 'accepted'
),

cells as (
    select measure, site_id, reason, patients
    from excluded
    union all
    select
        measure,
        cast(null as varchar) as site_id,
        reason, patients
    from excluded
    union all
    select
        reasons_seen.measure, sites.site_id, reasons_seen.reason,
        0 as patients
    from reasons_seen
    cross join sites
)

select
    cells.measure, cells.site_id, cells.reason, reasons.is_missing,
    cast(sum(cells.patients) as bigint) as patients
from cells
inner join reasons
    on cells.reason = reasons.reason
group by cells.measure, cells.site_id, cells.reason, reasons.is_missing
