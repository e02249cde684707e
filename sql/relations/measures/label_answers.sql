/*
title: Answers of the labels as measures
rationale: >
  A label's row counts when it says yes or no and the site delivers what could show a no. A measure of kinds counts the
  other kinds of yes as no.
grain: one row per measure and episode
is_view: true
needs: [labels, measure_definitions]
columns:
  status: yes, no or excluded
*/
select
    measure_definitions.measure, labels.site_id, labels.patient_id,
    case
        when not labels.is_counted then 'excluded'
        when labels.status = 'no' then 'no'
        when len(measure_definitions.kinds) = 0 or list_contains(measure_definitions.kinds, labels.kind) then 'yes'
        else 'no'
    end as status,
    case when not labels.is_counted then coalesce(labels.reason, 'no_source_data') end as reason
from labels
inner join measure_definitions
    on labels.label = measure_definitions.label
