/*
title: Imaging within 60 days of pain past 3 months
category: care that followed
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
needs: [prompt_care]
columns:
  onset_day: day of the first image
  value: days from the visit to the image; of a no, the observed days
criteria:
  - says: pain past 3 months
    relation: pain_past_3_months
    where: status = 'yes'
    record: record_id
  - says: an image on the day of the visit that established it or in the {imaging_after_pain_days} days after it
    relation: imaging
    where: >
      day - (
      select max(pain.onset_day) from pain_past_3_months as pain
      where pain.site_id = imaging.site_id and pain.patient_id = imaging.patient_id
      ) between 0 and {imaging_after_pain_days}
    record: imaging_id
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
