/*
title: Revisions
grain: one row per episode and day of revision
key: [site_id, patient_id, revision_number]
needs: [revisions]
columns:
  site_id: the site
  patient_id: the patient, a random key of the site
  revision_number: {description: 1 = the first revision, unit: none}
  day: {description: day of the revision, unit: days since the index fusion}
  type: {description: the leading type, enum: revision_types.type}
  types: all types of that day, joined by a semicolon
  levels: "joints operated on, joined by a semicolon; null when not recorded"
  is_adjacent_only: "all joints are adjacent to the index fusion, one of them counting; null when unknown"
  procedure_ids: procedures of that day, joined by a semicolon
*/
select
    site_id,
    patient_id,
    revision_number,
    day,
    type,
    types,
    levels,
    is_adjacent_only,
    procedure_ids
from revisions
order by site_id, patient_id, revision_number
