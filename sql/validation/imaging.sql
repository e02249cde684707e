/*
title: facts about delivered imaging that span rows, tables or columns
grain: one row per delivered row
columns:
  row_number: position in the file
  key_count: rows of the file with this key
  patient_known: whether the patient was accepted now or is in force
  days_after_death: day minus the patient's day of death
  days_after_data_cut: day minus the patient's day of the data cut
  grade: value where its unit is a grade
  unit_of_value: unit where a value is given, `missing` when it has none
  level_of_finding: level of a finding that has a place in the neck, `missing` when none is given
*/
select
    delivered_imaging.row_number,
    count(*) over (partition by delivered_imaging.imaging_id) as key_count,
    known_patients.patient_id is not null as patient_known,
    delivered_imaging.day - known_patients.death_day as days_after_death,
    delivered_imaging.day - known_patients.data_cut_day as days_after_data_cut,
    case when delivered_imaging.unit = 'grade' then delivered_imaging.value end as grade,
    case when delivered_imaging.value is not null then coalesce(delivered_imaging.unit, 'missing') end as unit_of_value,
    case
        when delivered_imaging.finding not in ('normal', 'c2_7_sva') then coalesce(delivered_imaging.level, 'missing')
    end as level_of_finding
from delivered_imaging
left join known_patients
    on delivered_imaging.patient_id = known_patients.patient_id
