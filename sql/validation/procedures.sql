/*
title: facts about delivered procedures that span rows, tables or columns
grain: one row per delivered row
columns:
  row_number: position in the file
  key_count: rows of the file with this key, when there is one
  patient_known: whether the patient was accepted now or is in force
  days_after_death: day minus the patient's day of death
  days_after_data_cut: day minus the patient's day of the data cut
  days_after_extract: day minus the last day that can be, where the patient states no data cut
  encounter_known: whether the encounter is this patient's and known, when one is named
  system_and_code: >
    code system (`none` when not given) and code, joined by a colon, when there is a code and its system is listed
*/
select
    delivered_procedures.row_number,
    nullif(
        count(delivered_procedures.procedure_id) over (partition by delivered_procedures.procedure_id), 0
    ) as key_count,
    known_patients.patient_id is not null as patient_known,
    delivered_procedures.day - known_patients.death_day as days_after_death,
    delivered_procedures.day - known_patients.data_cut_day as days_after_data_cut,
    delivered_procedures.day - known_patients.latest_day as days_after_extract,
    case
        when delivered_procedures.encounter_id is not null then known_encounters.encounter_id is not null
    end as encounter_known,
    case
        when coalesce(delivered_procedures.code_system, 'none') in ('none', 'CPT', 'HCPCS', 'ICD10PCS', 'ICD9PCS')
            then coalesce(delivered_procedures.code_system, 'none') || ':' || delivered_procedures.code
    end as system_and_code
from delivered_procedures
left join known_patients
    on delivered_procedures.patient_id = known_patients.patient_id
left join known_encounters
    on
        delivered_procedures.encounter_id = known_encounters.encounter_id
        and delivered_procedures.patient_id = known_encounters.patient_id
