/*
title: Answer of each headline measure for each episode
rationale: Risk models and comparisons ask for them several times; the view would work out all measures each time.
grain: one row per headline measure and episode
needs: [measure_results, measure_definitions]
columns:
  measure: the measure
  status: yes (in the numerator), no, or excluded (not in the denominator)
  reason: why excluded; null otherwise
  day: of an event within a time, days from surgery to what came first; null otherwise
*/
select
    measure_results.measure, measure_results.site_id, measure_results.patient_id,
    measure_results.status, measure_results.reason, cast(null as bigint) as day
from measure_results
inner join measure_definitions
    on measure_results.measure = measure_definitions.measure
where measure_definitions.headline is not null
