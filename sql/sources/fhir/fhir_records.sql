/*
title: Days on which FHIR patients were in care
grain: one row per record of a patient that tells a day
needs: [fhir_encounters, dated_encounters, dated_procedures, dated_diagnoses, dated_follow_ups]
columns:
  patient_id: the patient
  date: the day
*/
select
    patient_id,
    start_date as date
from dated_encounters
union all
select
    patient_id,
    end_date as date
from dated_encounters
union all
select
    patient_id,
    date
from dated_procedures
union all
select
    patient_id,
    date
from dated_diagnoses
union all
select
    patient_id,
    date
from dated_follow_ups;
