/*
title: Early discomfort
guide: The first weeks after a fusion hurt; that is part of healing.
definition: >
  At a visit on days 1 to 41, before any revision, neck pain of 4 or more, or a disability index of 30 percent or more
  with a pain item of 2 or more.
rationale: >
  Day 0 is the visit before surgery, so the first weeks start on day 1. Shown so that later pain can be read against it,
  not as a bad outcome.
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
where label = 'early_discomfort'
