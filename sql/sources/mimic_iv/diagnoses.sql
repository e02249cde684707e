/*
title: Contract table diagnoses from MIMIC-IV
grain: one row per coded diagnosis
rationale: >
  Diagnoses are coded for billing at discharge, without a date: their day is the first day of the stay, the earliest
  on which they can have been true. The key is the random key of the stay and the sequence number in it.
needs: [index_days, mimic_diagnoses, mimic_admissions, patient_keys, encounter_keys]
columns: as declared in the contract
*/
select
    encounter_keys.encounter_id || '-d' || cast(mimic_diagnoses.seq_num as varchar) as diagnosis_id,
    patient_keys.patient_id, encounter_keys.encounter_id,
    date_diff('day', index_days.index_date, mimic_admissions.admittime) as day,
    case mimic_diagnoses.icd_version when 10 then 'ICD10CM' else 'ICD9CM' end as code_system,
    mimic_diagnoses.icd_code as code,
    mimic_diagnoses.seq_num as position
from mimic_diagnoses
inner join mimic_admissions on mimic_diagnoses.hadm_id = mimic_admissions.hadm_id
inner join index_days on mimic_diagnoses.subject_id = index_days.subject_id
inner join patient_keys on mimic_diagnoses.subject_id = patient_keys.subject_id
inner join encounter_keys on mimic_diagnoses.hadm_id = encounter_keys.hadm_id
order by encounter_keys.encounter_id, mimic_diagnoses.seq_num;
