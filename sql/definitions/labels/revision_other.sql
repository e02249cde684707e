/*
title: "Revision: other"
category: revision
guide: >
  Other operations on the neck may follow a fusion.
definition: >
  A cervical decompression, corpectomy or fusion that fits none of the other types. One day is one revision, and one
  revision can have several types.
rationale: >
  Keeps the types exhaustive: every revision has at least one.
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
  - says: a cervical decompression, corpectomy or fusion among them that fits no other type
    relation: revisions
    where: list_contains(string_split(types, ';'), 'other')
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
where type = 'other'
