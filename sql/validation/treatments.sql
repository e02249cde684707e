/*
title: facts about delivered treatments that span rows, tables or columns
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
  system_and_code: >
    code system (`none` when not given) and code, joined by a colon, when there is a code and its system is listed
  code_has_system: whether a code comes with its code system, when there is a code
  has_code_or_class: whether the row says what the treatment was
*/
select
    delivered_treatments.row_number,
    nullif(
        count(delivered_treatments.treatment_id) over (partition by delivered_treatments.treatment_id), 0
    ) as key_count,
    known_patients.patient_id is not null as patient_known,
    delivered_treatments.start_day - known_patients.death_day as days_after_death,
    delivered_treatments.start_day - known_patients.data_cut_day as days_after_data_cut,
    delivered_treatments.start_day - known_patients.latest_day as days_after_extract,
    delivered_treatments.end_day - known_patients.data_cut_day as days_from_data_cut_to_end,
    delivered_treatments.end_day - known_patients.latest_day as days_from_extract_to_end,
    case
        when coalesce(delivered_treatments.code_system, 'none') in ('none', 'ATC', 'RXNORM', 'CPT', 'HCPCS', 'ICD10PCS')
            then coalesce(delivered_treatments.code_system, 'none') || ':' || delivered_treatments.code
    end as system_and_code,
    case when delivered_treatments.code is not null then delivered_treatments.code_system is not null end
        as code_has_system,
    delivered_treatments.code is not null or delivered_treatments.treatment_class is not null as has_code_or_class
from delivered_treatments
left join known_patients
    on delivered_treatments.patient_id = known_patients.patient_id
