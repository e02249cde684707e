/*
title: "Received: heat, ice or manual therapy"
category: conservative care
guide: >
  Without another operation, heat, ice or manual therapy may ease pain after a fusion.
definition: >
  At least one record of the class on a day after the index fusion: hot or cold packs, manual therapy or massage; by
  code, or by class where the site codes so. A no needs the site to see all treatments of the patient.
rationale: >
  Self-applied heat and ice are invisible unless the site codes by class.
citation: clinical specification, section 5
grain: one row per episode and piece of evidence
version: 1
status: accepted
needs: [received_care]
columns:
  onset_day: first day after the index fusion on which it was received
  value: number of records; of a no, the observed days
criteria:
  - says: a record of heat, ice or manual therapy on a day after the index fusion
    relation: treatment_classes
    where: treatment_class = 'heat_ice_manual' and end_day >= 1
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
where treatment_class = 'heat_ice_manual'
