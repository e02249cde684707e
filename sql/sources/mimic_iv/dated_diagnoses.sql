/*
title: Diagnoses of MIMIC-IV, dated
grain: one row per coded diagnosis
rationale: >
  Diagnoses are coded for billing at discharge, without a date: theirs is the first day of the stay, the earliest on
  which they can have been true.
needs: [mimic_diagnoses, mimic_admissions]
columns: as declared in the contract, with a date in the place of the day
*/
select
    mimic_diagnoses.hadm_id || '-' || cast(mimic_diagnoses.seq_num as varchar) as diagnosis_id,
    mimic_diagnoses.subject_id as patient_id,
    mimic_diagnoses.hadm_id as encounter_id,
    mimic_admissions.admittime as date,
    case mimic_diagnoses.icd_version when 10 then 'ICD10CM' else 'ICD9CM' end as code_system,
    mimic_diagnoses.icd_code as code,
    mimic_diagnoses.seq_num as position
from mimic_diagnoses
inner join mimic_admissions on mimic_diagnoses.hadm_id = mimic_admissions.hadm_id;
