/*
title: Imaging within 60 days of pain past 3 months
guide: Pain that lasts beyond 3 months needs imaging.
definition: >
  Among patients with pain past 3 months: an image on the day of the visit that established it or in the 60 days after
  it.
rationale: >
  An image taken before the pain was established does not answer it. A no needs all 60 days observed.
citation: clinical specification, sections 1, 2 and 4
grain: one row per episode and piece of evidence
version: 1
status: accepted
headline: false
needs: [prompt_care]
columns:
  onset_day: day of the first image
  value: days from the visit to the image; of a no, the observed days
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
from prompt_care
where label = 'imaging_after_pain'
