/*
title: Suspected scar tissue
guide: >
  Scar tissue around the nerves can hurt.
definition: >
  Possible: a code of scar or postlaminectomy syndrome. Probable: a symptom or code at most 180 days from an MRI
  that shows epidural or perineural scar and no recurrent disc.
rationale: >
  Scar is common on MRI without pain: the finding has a low predictive value and is read with caution.
citation: clinical specification, sections 1 and 3
grain: one row per episode and piece of evidence
version: 1
status: accepted
headline: false
needs: [causes]
columns:
  onset_day: the later of symptom and image; else the day of the code or of the revision
  value: the image's measured value when it has one; of a no, the observed days
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
from causes
where cause = 'scar_tissue'
