/*
title: facts about delivered encounters that span rows, tables or columns
grain: one row per delivered row
columns:
  row_number: position in the file
  key_count: rows of the file with this key, when there is one
  patient_known: whether the patient was accepted now or is in force
  days_after_death: start_day minus the patient's day of death
  days_after_data_cut: start_day minus the patient's day of the data cut
  days_after_extract: start_day minus the last day that can be, where the patient states no data cut
  days_from_data_cut_to_end: end_day minus the patient's day of the data cut
  days_from_extract_to_end: end_day minus the last day that can be, where the patient states no data cut
  days_from_death_to_end: end_day minus the patient's day of death
*/
select
    delivered_encounters.row_number,
    nullif(
        count(delivered_encounters.encounter_id) over (partition by delivered_encounters.encounter_id), 0
    ) as key_count,
    known_patients.patient_id is not null as patient_known,
    delivered_encounters.start_day - known_patients.death_day as days_after_death,
    delivered_encounters.start_day - known_patients.data_cut_day as days_after_data_cut,
    delivered_encounters.start_day - known_patients.latest_day as days_after_extract,
    delivered_encounters.end_day - known_patients.data_cut_day as days_from_data_cut_to_end,
    delivered_encounters.end_day - known_patients.latest_day as days_from_extract_to_end,
    delivered_encounters.end_day - known_patients.death_day as days_from_death_to_end
from delivered_encounters
left join known_patients
    on delivered_encounters.patient_id = known_patients.patient_id
