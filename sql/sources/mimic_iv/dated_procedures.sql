/*
title: Procedures of MIMIC-IV, dated
grain: one row per coded procedure
rationale: >
  MIMIC-IV states no levels, no modifier and no plan; what the code says of the approach is read from the code later.
needs: [mimic_procedures]
columns: as declared in the contract, with a date in the place of the day
*/
select
    hadm_id || '-' || cast(seq_num as varchar) as procedure_id,
    subject_id as patient_id,
    hadm_id as encounter_id,
    chartdate as date,
    case icd_version when 10 then 'ICD10PCS' else 'ICD9PCS' end as code_system,
    icd_code as code
from mimic_procedures;
