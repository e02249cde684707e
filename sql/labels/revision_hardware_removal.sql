/*
title: "Revision: hardware removal"
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
where type = 'hardware_removal'
