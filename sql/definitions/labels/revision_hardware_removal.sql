/*
title: "Revision: hardware removal"
category: revision
guide: >
  Plates or screws that hurt or loosen can be taken out.
definition: >
  Removal of cervical fixation or of an interbody device. One day is one revision, and one revision can have several
  types.
rationale: >
  Codes that are not cervical-specific count only with cervical context.
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
  - says: cervical fixation or an interbody device removed
    relation: revisions
    where: list_contains(string_split(types, ';'), 'hardware_removal')
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
where type = 'hardware_removal'
