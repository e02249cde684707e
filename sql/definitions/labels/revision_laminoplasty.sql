/*
title: "Revision: laminoplasty"
category: revision
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
needs: [revisions_by_type]
columns:
  onset_day: day of the first revision of the type
  value: number of revisions of the type; of a no, the observed days
criteria:
  - says: a revision
    relation: revision_procedures
    record: procedure_id
  - says: a cervical laminoplasty, or release of the cord with reshaped bone on the same day, among them
    relation: revisions
    where: list_contains(string_split(types, ';'), 'laminoplasty')
    record: procedure_ids
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
