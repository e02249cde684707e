/*
title: patients of this site as known on this period
grain: one row per patient whose rows may be followed up
columns:
  patient_id: the patient
  death_day: the day of death, when dead
  data_cut_day: the day on which the extract was cut, as the patient's row in force says
*/
with own as (
    select
        patient_id, death_day, data_cut_day,
        coalesce(deleted, false) as is_withdrawn
    from accepted_patients
),

-- A full submission replaces what came before, so only an incremental one may rest on it.
earlier as (
    select patients.patient_id, patients.death_day, patients.data_cut_day
    from patients
    inner join submission
        on
            patients.site_id = submission.site_id
            and submission.kind = 'incremental'
    left join own
        on patients.patient_id = own.patient_id
    where own.patient_id is null
)

select patient_id, death_day, data_cut_day
from own
where not is_withdrawn
union all
select patient_id, death_day, data_cut_day
from earlier
