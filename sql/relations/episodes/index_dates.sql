/*
title: Between which dates the index fusion lies
rationale: >
  A submission gives the month, under Safe Harbor the year, and never the day.
grain: one row per delivered patient; both dates are null where the index period is
columns:
  earliest: first day of the period
  latest: last day of the period
*/
with bounds as (
    select
        site_id, patient_id,
        cast(index_period || case when length(index_period) = 4 then '-01-01' else '-01' end as date) as earliest,
        cast(index_period || case when length(index_period) = 4 then '-12-01' else '-01' end as date) as last_month
    from patients
)

select
    site_id, patient_id, earliest,
    last_day(last_month) as latest
from bounds
