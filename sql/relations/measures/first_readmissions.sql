/*
title: First readmission of each episode
rationale: >
  Readmission is counted from surgery. Stays that touch the stay of the index fusion, transfers, continue it; the stay
  of a planned stage of the index fusion is part of it.
citation: clinical specification, section 8
grain: one row per episode with a readmission
is_view: true
needs: [encounters, index_stays, index_stages]
columns:
  day: first day of the first readmission
*/
with index_encounters as (
    select site_id, patient_id, encounter_id
    from index_stages
    where encounter_id is not null
    union
    select site_id, patient_id, encounter_id
    from index_stays
    where encounter_id is not null
),

last_days as (
    select
        site_id, patient_id,
        max(last_day) as last_day
    from index_stays
    group by site_id, patient_id
)

select
    encounters.site_id, encounters.patient_id,
    min(encounters.start_day) as day
from encounters
inner join last_days
    on
        encounters.site_id = last_days.site_id
        and encounters.patient_id = last_days.patient_id
        and encounters.start_day > last_days.last_day
left join index_encounters
    on
        encounters.site_id = index_encounters.site_id
        and encounters.patient_id = index_encounters.patient_id
        and encounters.encounter_id = index_encounters.encounter_id
where
    encounters.type = 'inpatient'
    and index_encounters.encounter_id is null
group by encounters.site_id, encounters.patient_id
