/*
title: "Received: traction"
category: conservative care
guide: >
  Without another operation, traction may ease pain after a fusion.
definition: >
  At least one record of the class on a day after the index fusion: mechanical traction, or equipment supplied for
  it; by code, or by class where the site codes so. A no needs the site to see all treatments of the patient.
rationale: >
  Traction of a freshly fused neck is unusual; the label tells how often it is used.
citation: clinical specification, section 5
grain: one row per episode and piece of evidence
version: 1
status: accepted
needs: [received_care]
columns:
  onset_day: first day after the index fusion on which it was received
  value: number of records; of a no, the observed days
criteria:
  - says: a record of traction on a day after the index fusion
    relation: treatment_classes
    where: treatment_class = 'traction' and end_day >= 1
    record: record_id
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
from received_care
where treatment_class = 'traction'
