/*
title: Answers of each measure, counted by cohort, by profile and by reason
rationale: The one pass over all answers; everything else is added up from here. Few and short keys make it fast.
grain: one row per measure and cohort; per measure and profile; and per measure, site and reason
needs: [measure_results, measure_groups, measure_definitions]
columns:
  cohort: null where the row is of a profile or a reason
  profile: null where the row is of a cohort or a reason
  site_id: null where the row is of a cohort or a profile
  reason: why not in the denominator; null of those in it, and where the row is of a cohort or a profile
  numerator: patients with the outcome
  patients: patients in the denominator
  excluded: episodes not in the denominator
  days: of a rate, person-days at risk; null otherwise
*/
with numbered as (
    select
        measure,
        cast(row_number() over (order by measure) as smallint) as number
    from measure_definitions
),

counted as (
    select
        numbered.number, measure_groups.cohort, measure_groups.profile, measure_results.site_id,
        measure_results.reason,
        count(*) filter (where measure_results.status = 'yes') as numerator,
        count(*) filter (where measure_results.status <> 'excluded') as patients,
        count(*) filter (where measure_results.status = 'excluded') as excluded,
        cast(sum(measure_results.days) as bigint) as days
    from measure_results
    inner join numbered
        on measure_results.measure = numbered.measure
    inner join measure_groups
        on
            measure_results.site_id = measure_groups.site_id
            and measure_results.patient_id = measure_groups.patient_id
    group by grouping sets (
        (numbered.number, measure_groups.cohort),
        (numbered.number, measure_groups.profile),
        (numbered.number, measure_results.site_id, measure_results.reason)
    )
)

select
    numbered.measure, counted.cohort, counted.profile, counted.site_id, counted.reason,
    counted.numerator, counted.patients, counted.excluded, counted.days
from counted
inner join numbered
    on counted.number = numbered.number
