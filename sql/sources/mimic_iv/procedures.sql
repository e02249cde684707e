/*
title: Contract table procedures from MIMIC-IV
grain: one row per coded procedure
rationale: >
  The procedure's key is the random key of its stay and its sequence number in it. MIMIC-IV states no levels, no
  modifier and no plan; what the code says of the approach is read from the code later.
needs: [index_days, mimic_procedures, patient_keys, encounter_keys]
columns: as declared in the contract
*/
select
    encounter_keys.encounter_id || '-p' || cast(mimic_procedures.seq_num as varchar) as procedure_id,
    patient_keys.patient_id, encounter_keys.encounter_id,
    date_diff('day', index_days.index_date, mimic_procedures.chartdate) as day,
    case mimic_procedures.icd_version when 10 then 'ICD10PCS' else 'ICD9PCS' end as code_system,
    mimic_procedures.icd_code as code,
    cast(null as varchar) as modifier,
    cast(null as bigint) as units,
    cast(null as varchar) as levels,
    cast(null as varchar) as approach,
    cast(null as boolean) as planned_stage,
    cast(null as varchar) as surgeon_id
from mimic_procedures
inner join index_days on mimic_procedures.subject_id = index_days.subject_id
inner join patient_keys on mimic_procedures.subject_id = patient_keys.subject_id
inner join encounter_keys on mimic_procedures.hadm_id = encounter_keys.hadm_id
order by encounter_keys.encounter_id, mimic_procedures.seq_num;
