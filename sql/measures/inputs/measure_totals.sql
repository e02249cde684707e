/*
title: Answers of each measure, counted by cohort and by profile
rationale: The one pass over all answers; everything else is added up from here.
grain: one row per measure, answer, reason, and cohort or profile
needs: [measure_results, measure_groups]
columns:
  cohort: null where the row is of a profile
  profile: null where the row is of a cohort
  days: of a rate, person-days at risk; null otherwise
*/
select
    measure_results.measure,
    measure_results.status,
    measure_results.reason,
    measure_groups.cohort,
    measure_groups.profile,
    count(*) as patients,
    cast(sum(measure_results.days) as bigint) as days
from measure_results
inner join measure_groups
    on
        measure_results.site_id = measure_groups.site_id
        and measure_results.patient_id = measure_groups.patient_id
group by grouping sets (
    (measure_results.measure, measure_results.status, measure_results.reason, measure_groups.cohort),
    (measure_results.measure, measure_results.status, measure_results.reason, measure_groups.profile)
)
