/*
title: Early discomfort
category: recovery timeline
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
needs: [pain_in_periods]
columns:
  onset_day: day of the first visit of the period that shows the pain
  value: the score that decided; of a no, the highest neck pain score (or index) of the assessed visits
criteria:
  - says: alive and observed on day {first_day}, with data up to day {closing_day}
    relation: episodes
    where: >
      coalesce(death_day >= {first_day}, true) and observed_days >= {first_day} and data_cut_day >= {closing_day}
  - says: neck pain assessed at a visit on days {first_day} to {last_day}, before any revision
    relation: pain_assessments
    where: day between {first_day} and {last_day} and not is_after_revision
    record: follow_up_id
  - says: >-
      at such a visit neck pain of {pain_nrs} or more, or a disability index of {pain_ndi_percent} percent
      or more with a pain item of {pain_ndi_item} or more
    relation: pain_assessments
    where: day between {first_day} and {last_day} and not is_after_revision and is_painful
    record: follow_up_id
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
