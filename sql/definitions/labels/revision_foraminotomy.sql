/*
title: "Revision: foraminotomy"
category: revision
guide: >
  Widening the opening for a pinched nerve can take the pressure off.
definition: >
  A cervical foraminotomy, laminectomy with foraminotomy, or release of a cervical nerve. One day is one revision,
  and one revision can have several types.
rationale: >
  Further-joint codes that are not cervical-specific count only with cervical context.
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
  - says: a cervical foraminotomy, or release of a cervical nerve, among them
    relation: revisions
    where: list_contains(string_split(types, ';'), 'foraminotomy')
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
where type = 'foraminotomy'
