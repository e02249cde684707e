/*
title: How long each patient was observed
rationale: >
  "No event" can be said only up to death, last contact or the data cut. A record later than the stated last contact
  proves that the patient was still observed, so the later of the two counts; what lies after the data cut is not known.
  Where no cut is stated the end of a stay is no sign: it may stand for a stay without end.
citation: clinical specification, sections 1 and 8
grain: one row per patient
columns:
  observed_days: days from the index fusion to the end of observation
  data_cut_day: the patient's day of the data cut, the last sign of the patient where none is stated
*/
with record_days as (
    select
        encounters.site_id, encounters.patient_id,
        greatest(
            encounters.start_day, case when patients.data_cut_day is not null then encounters.end_day end
        ) as day
    from encounters
    inner join patients
        on
            encounters.site_id = patients.site_id
            and encounters.patient_id = patients.patient_id
    union all
    select site_id, patient_id, day
    from procedures
    union all
    select site_id, patient_id, day
    from diagnoses
    union all
    select site_id, patient_id, day
    from follow_ups
    union all
    select site_id, patient_id, day
    from imaging
    union all
    select
        site_id, patient_id,
        start_day as day
    from treatments
),

latest_records as (
    select
        site_id, patient_id,
        max(day) as day
    from record_days
    group by site_id, patient_id
),

last_signs as (
    select
        patients.site_id, patients.patient_id, patients.death_day, patients.data_cut_day,
        coalesce(greatest(patients.last_contact_day, latest_records.day), 0) as day
    from patients
    left join latest_records
        on
            patients.site_id = latest_records.site_id
            and patients.patient_id = latest_records.patient_id
)

select
    site_id, patient_id, death_day,
    coalesce(data_cut_day, day) as data_cut_day,
    least(day, data_cut_day, death_day) as observed_days
from last_signs
