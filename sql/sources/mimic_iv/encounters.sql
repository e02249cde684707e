/*
title: Contract table encounters from MIMIC-IV
grain: one row per admission
rationale: >
  Every row of admissions is a hospital stay; only observation in the emergency unit and ambulatory observation are
  not inpatient. A stay ends at the latest with the patient's death: the discharge may be recorded after it.
needs: [index_days, mimic_admissions, patient_keys, encounter_keys]
columns: as declared in the contract
*/
select
    encounter_keys.encounter_id, patient_keys.patient_id,
    date_diff('day', index_days.index_date, mimic_admissions.admittime) as start_day,
    date_diff(
        'day', index_days.index_date, least(mimic_admissions.dischtime, mimic_admissions.deathtime)
    ) as end_day,
    case mimic_admissions.admission_type
        when 'EU OBSERVATION' then 'emergency'
        when 'AMBULATORY OBSERVATION' then 'outpatient'
        else 'inpatient'
    end as type
from mimic_admissions
inner join index_days on mimic_admissions.subject_id = index_days.subject_id
inner join patient_keys on mimic_admissions.subject_id = patient_keys.subject_id
inner join encounter_keys on mimic_admissions.hadm_id = encounter_keys.hadm_id
order by encounter_keys.encounter_id;
