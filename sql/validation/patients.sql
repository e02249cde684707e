/*
title: facts about delivered patients that span rows
grain: one row per delivered row
columns:
  row_number: position in the file
  key_count: rows of the file with this key
*/
select
    row_number,
    count(*) over (partition by patient_id) as key_count
from delivered_patients
