/*
title: The stay of the index fusion
rationale: >
  Stays that touch are one stay: a transfer continues it. An encounter that the fusion names belongs to it whatever its
  type.
citation: clinical specification, sections 0 and 8
grain: one row per patient and encounter of the index stay; a row without an encounter where none is known
needs: [fusions]
columns:
  encounter_id: an encounter of the stay, null where none is known
  last_day: last day of the stay, 0 where it is not known
*/
with named as (
    select distinct site_id, patient_id, encounter_id
    from fusions
    where day = 0
),

stays as (
    select
        encounters.site_id, encounters.patient_id, encounters.encounter_id, encounters.start_day,
        greatest(encounters.start_day, coalesce(encounters.end_day, encounters.start_day)) as end_day
    from encounters
    left join named
        on
            encounters.site_id = named.site_id
            and encounters.patient_id = named.patient_id
            and encounters.encounter_id = named.encounter_id
    where encounters.type = 'inpatient' or named.encounter_id is not null
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

index_chains as (
    select
        site_id, patient_id, chain,
        max(end_day) as last_day
    from chained
    group by site_id, patient_id, chain
    having min(start_day) <= 0 and max(end_day) >= 0
),

encounters_of_stay as (
    select site_id, patient_id, encounter_id
    from named
    union
    select chained.site_id, chained.patient_id, chained.encounter_id
    from chained
    inner join index_chains
        on
            chained.site_id = index_chains.site_id
            and chained.patient_id = index_chains.patient_id
            and chained.chain = index_chains.chain
)

select
    encounters_of_stay.site_id, encounters_of_stay.patient_id, encounters_of_stay.encounter_id,
    coalesce(index_chains.last_day, 0) as last_day
from encounters_of_stay
left join index_chains
    on
        encounters_of_stay.site_id = index_chains.site_id
        and encounters_of_stay.patient_id = index_chains.patient_id
