/*
title: "Revision: laminoplasty"
guide: >
  Opening the roof of the spinal canal gives the cord room.
definition: >
  A cervical laminoplasty, or release of the cord with reshaped bone on the same day. One day is one revision, and
  one revision can have several types.
rationale: >
  ICD-10-PCS has no code of its own for laminoplasty, so its codes make it probable only.
citation: clinical specification, section 6
grain: one row per episode and piece of evidence
version: 1
status: accepted
headline: false
needs: [revisions_by_type]
columns:
  onset_day: day of the first revision of the type
  value: number of revisions of the type; of a no, the observed days
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
from revisions_by_type
where type = 'laminoplasty'
