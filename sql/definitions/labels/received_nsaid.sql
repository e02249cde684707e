/*
title: "Received: anti-inflammatory drugs"
category: conservative care
guide: >
  Without another operation, anti-inflammatory drugs may ease pain after a fusion.
definition: >
  At least one record of the class on a day after the index fusion: ATC M01A; by code, or by class where the site
  codes so. A no needs the site to see all treatments of the patient.
rationale: >
  Bought over the counter they are invisible in claims, so the share is a lower bound.
citation: clinical specification, section 5
grain: one row per episode and piece of evidence
version: 1
status: accepted
needs: [received_care]
columns:
  onset_day: first day after the index fusion on which it was received
  value: number of records; of a no, the observed days
criteria:
  - says: a record of an anti-inflammatory drug on a day after the index fusion
    relation: treatment_classes
    where: treatment_class = 'nsaid' and end_day >= 1
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
where treatment_class = 'nsaid'
