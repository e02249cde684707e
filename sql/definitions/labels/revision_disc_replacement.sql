/*
title: "Revision: disc replacement"
category: revision
guide: >
  A worn disc next to the fusion can be replaced by a moving one.
definition: >
  Insertion, revision or removal of a cervical disc prosthesis. One day is one revision, and one revision can have
  several types.
rationale: >
  Revision and removal of a prosthesis are operations for the same reason and count alike.
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
  - says: a cervical disc prosthesis inserted, revised or removed
    relation: revisions
    where: list_contains(string_split(types, ';'), 'disc_replacement')
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
where type = 'disc_replacement'
