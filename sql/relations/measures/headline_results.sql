/*
title: Answer of each headline measure for each episode
rationale: Risk models and comparisons ask for them several times; the view would work out all measures each time.
grain: one row per headline measure and episode
needs: [measure_results, measure_definitions, within_horizons]
columns:
  measure: the measure
  status: yes (in the numerator), no, or excluded (not in the denominator)
  reason: why excluded; null otherwise
  day: of an event within a time, days from surgery to what came first; null otherwise
  cause: of an event within a time, what came first (see within_horizons); null otherwise
*/
select
    measure_results.measure, measure_results.site_id, measure_results.patient_id,
    measure_results.status, measure_results.reason, within_horizons.day, within_horizons.cause
from measure_results
inner join measure_definitions
    on measure_results.measure = measure_definitions.measure
left join within_horizons
    on
        measure_results.measure = within_horizons.measure
        and measure_results.site_id = within_horizons.site_id
        and measure_results.patient_id = within_horizons.patient_id
where measure_definitions.headline is not null
