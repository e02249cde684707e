/*
title: facts about delivered imaging that span rows, tables or columns
grain: one row per delivered row
columns:
  row_number: position in the file
  key_count: rows of the file with this key, when there is one
  patient_known: whether the patient was accepted now or is in force
  days_after_death: day minus the patient's day of death
  days_after_data_cut: day minus the patient's day of the data cut
  days_after_extract: day minus the last day that can be, where the patient states no data cut
  grade: value where its unit is a grade
  millimetres: value where its unit is mm, but of c2_7_sva
  axis_millimetres: value of c2_7_sva where its unit is mm
  degrees: value where its unit is degrees
  value_without_unit: value where it has no unit
  unit_of_value: unit where a value is given, `missing` when it has none
  level_of_finding: level of a finding that has a place in the neck, `missing` when none is given
*/
select
    delivered_imaging.row_number,
    nullif(
        count(delivered_imaging.imaging_id) over (partition by delivered_imaging.imaging_id), 0
    ) as key_count,
    known_patients.patient_id is not null as patient_known,
    delivered_imaging.day - known_patients.death_day as days_after_death,
    delivered_imaging.day - known_patients.data_cut_day as days_after_data_cut,
    delivered_imaging.day - known_patients.latest_day as days_after_extract,
    case when delivered_imaging.unit = 'grade' then delivered_imaging.value end as grade,
    case
        when delivered_imaging.unit = 'mm' and coalesce(delivered_imaging.finding, '') <> 'c2_7_sva'
            then delivered_imaging.value
    end as millimetres,
    case
        when delivered_imaging.unit = 'mm' and delivered_imaging.finding = 'c2_7_sva' then delivered_imaging.value
    end as axis_millimetres,
    case when delivered_imaging.unit = 'degrees' then delivered_imaging.value end as degrees,
    case when delivered_imaging.unit is null then delivered_imaging.value end as value_without_unit,
    case when delivered_imaging.value is not null then coalesce(delivered_imaging.unit, 'missing') end as unit_of_value,
    case
        when delivered_imaging.finding not in ('normal', 'c2_7_sva') then coalesce(delivered_imaging.level, 'missing')
    end as level_of_finding
from delivered_imaging
left join known_patients
    on delivered_imaging.patient_id = known_patients.patient_id
