/*
title: First readmission of each episode
rationale: >
  Readmission is counted from surgery. Stays that touch are one stay: transfers continue it. The stay of the index
  fusion and that of a planned stage of it are no readmission, nor is what continues them.
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

stays as (
    select
        encounters.site_id, encounters.patient_id, encounters.encounter_id, encounters.start_day,
        greatest(encounters.start_day, coalesce(encounters.end_day, encounters.start_day)) as end_day,
        index_encounters.encounter_id is not null as is_of_index
    from encounters
    left join index_encounters
        on
            encounters.site_id = index_encounters.site_id
            and encounters.patient_id = index_encounters.patient_id
            and encounters.encounter_id = index_encounters.encounter_id
    where encounters.type = 'inpatient' or index_encounters.encounter_id is not null
),

reached as (
    select
        stays.*,
        max(stays.end_day) over (
            partition by stays.site_id, stays.patient_id
            order by stays.start_day, stays.end_day, stays.encounter_id
            rows between unbounded preceding and 1 preceding
        ) as reached_day
    from stays
),

chained as (
    select
        reached.*,
        sum(case when reached.start_day <= reached.reached_day then 0 else 1 end) over (
            partition by reached.site_id, reached.patient_id
            order by reached.start_day, reached.end_day, reached.encounter_id
            rows between unbounded preceding and current row
        ) as chain
    from reached
),

chains as (
    select
        site_id, patient_id,
        min(start_day) as first_day
    from chained
    group by site_id, patient_id, chain
    having not bool_or(is_of_index)
),

last_days as (
    select
        site_id, patient_id,
        max(last_day) as last_day
    from index_stays
    group by site_id, patient_id
)

select
    chains.site_id, chains.patient_id,
    min(chains.first_day) as day
from chains
inner join last_days
    on
        chains.site_id = last_days.site_id
        and chains.patient_id = last_days.patient_id
        and chains.first_day > last_days.last_day
group by chains.site_id, chains.patient_id
