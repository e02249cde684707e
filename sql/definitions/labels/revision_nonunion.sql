/*
title: Revision of a nonunion
category: revision
guide: >
  A fusion that did not heal can be fused again.
definition: >
  A fusion, or a revision of its fixation, on a fused joint or coded with pseudarthrosis. One day is one revision,
  and one revision can have several types.
rationale: >
  Without recorded joints the type stays unknown, and neither fusion type can be denied.
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
  - says: a fusion or a revision of its fixation, on a fused joint or coded with pseudarthrosis
    relation: revisions
    where: list_contains(string_split(types, ';'), 'nonunion_revision')
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
where type = 'nonunion_revision'
