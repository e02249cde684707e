/*
title: Patients whom a signal of a measure is about
rationale: >
  Whoever looks into a signal begins with those who fared worse. Only measures of a fixed exposure are charted and
  compared, so that only they have signals; and the others of their patients would be many times as many.
grain: one row per measure of a fixed exposure and episode with the outcome, or without where more is better
needs: [measure_results, measure_definitions]
columns:
  measure: the measure
*/
select measure_results.measure, measure_results.site_id, measure_results.patient_id
from measure_results
inner join measure_definitions
    on measure_results.measure = measure_definitions.measure
where
    measure_definitions.exposure <> 'ever'
    and measure_results.status = case measure_definitions.direction when 'higher_is_better' then 'no' else 'yes' end
