/*
title: Discomfort at 6 to 12 weeks
guide: Discomfort for 6 to 12 weeks after a fusion is normal.
definition: >
  At a visit on days 42 to 84, before any revision, neck pain of 4 or more, or a disability index of 30 percent or more
  with a pain item of 2 or more.
rationale: >
  Expected in this period, so it is no sign of failure.
citation: clinical specification, sections 1 and 2
grain: one row per episode and piece of evidence
version: 1
status: accepted
headline: false
needs: [pain_in_periods]
columns:
  onset_day: day of the first visit of the period that shows the pain
  value: the score that decided; of a no, the highest neck pain score (or index) of the assessed visits
*/
select
    site_id,
    patient_id,
    status,
    reason,
    onset_day,
    value,
    value_name,
    kind,
    source_table,
    record_id
from pain_in_periods
where label = 'normal_discomfort'
