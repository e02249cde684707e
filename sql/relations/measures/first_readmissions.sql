/*
title: First readmission of each episode
rationale: >
  Readmission is counted from surgery. An inpatient stay that begins on the last day of the index stay or before is a
  transfer, and continues it; the stay of a planned stage of the index fusion is part of it.
citation: clinical specification, section 8
grain: one row per episode with a readmission
is_view: true
needs: [encounters, index_stages]
columns:
  day: first day of the first readmission
*/
with inpatient_stays as (
    select
        encounters.site_id, encounters.patient_id, encounters.encounter_id, encounters.start_day,
        coalesce(encounters.end_day, encounters.start_day) as end_day
    from encounters
    where encounters.type = 'inpatient'
),

index_encounters as (
    select distinct site_id, patient_id, encounter_id
    from index_stages
    where encounter_id is not null
),

index_stays as (
    select
        inpatient_stays.site_id, inpatient_stays.patient_id,
        max(inpatient_stays.end_day) as last_day
    from inpatient_stays
    where inpatient_stays.start_day <= 0 and inpatient_stays.end_day >= 0
    group by inpatient_stays.site_id, inpatient_stays.patient_id
)

select
    inpatient_stays.site_id, inpatient_stays.patient_id,
    min(inpatient_stays.start_day) as day
from inpatient_stays
left join index_encounters
    on
        inpatient_stays.site_id = index_encounters.site_id
        and inpatient_stays.patient_id = index_encounters.patient_id
        and inpatient_stays.encounter_id = index_encounters.encounter_id
left join index_stays
    on
        inpatient_stays.site_id = index_stays.site_id
        and inpatient_stays.patient_id = index_stays.patient_id
where
    index_encounters.encounter_id is null
    and inpatient_stays.start_day > coalesce(index_stays.last_day, 0)
group by inpatient_stays.site_id, inpatient_stays.patient_id
