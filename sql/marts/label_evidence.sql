/*
title: Evidence of the labels
grain: one row per episode, label and source record that the answer rests on
key: [site_id, patient_id, label, source_table, record_id]
needs: [label_evidence]
columns:
  site_id: the site
  patient_id: the patient, a random key of the site
  label: {description: name of the definition, enum: labels}
  source_table: {description: contract table of the record, enum: tables}
  record_id: key of the record within the site
  submission_id: the submission that delivered the record
*/
select
    site_id,
    patient_id,
    label,
    source_table,
    record_id,
    submission_id
from label_evidence
order by site_id, patient_id, label, source_table, record_id
