/*
title: facts about delivered patients that span rows
grain: one row per delivered row
columns:
  row_number: position in the file
  key_count: rows of the file with this key, when there is one
*/
select
    row_number,
    nullif(
        count(patient_id) over (partition by patient_id), 0
    ) as key_count
from delivered_patients
