/*
title: Encounters of MIMIC-IV, dated
grain: one row per admission
rationale: >
  Every row of admissions is a hospital stay; only observation in the emergency unit and ambulatory observation are
  not inpatient. A stay ends at the latest with the patient's death: the discharge may be recorded after it.
needs: [mimic_admissions]
columns: as declared in the contract, with dates in the place of days
*/
select
    hadm_id as encounter_id,
    subject_id as patient_id,
    admittime as start_date,
    least(dischtime, deathtime) as end_date,
    case admission_type
        when 'EU OBSERVATION' then 'emergency'
        when 'AMBULATORY OBSERVATION' then 'outpatient'
        else 'inpatient'
    end as type
from mimic_admissions;
