/*
title: encounters of this site as known on this period
grain: one row per encounter
columns:
  encounter_id: the encounter
  patient_id: the patient whose encounter it is
  later_period: the later period that first holds the encounter, when none up to this one does
*/
with own as (
    select
        encounter_id, patient_id,
        coalesce(deleted, false) as is_withdrawn
    from accepted_encounters
),

-- A full submission replaces what came before, so only an incremental one may rest on it.
earlier as (
    select encounters.encounter_id, encounters.patient_id
    from encounters
    inner join submission
        on
            encounters.site_id = submission.site_id
            and submission.kind = 'incremental'
    left join own
        on encounters.encounter_id = own.encounter_id
    where own.encounter_id is null
),

later as (
    select later_encounters.encounter_id, later_encounters.patient_id, later_encounters.period
    from later_encounters
    left join own
        on later_encounters.encounter_id = own.encounter_id
    left join earlier
        on later_encounters.encounter_id = earlier.encounter_id
    where own.encounter_id is null and earlier.encounter_id is null
)

select
    encounter_id, patient_id,
    cast(null as varchar) as later_period
from own
where not is_withdrawn
union all
select
    encounter_id, patient_id,
    cast(null as varchar) as later_period
from earlier
union all
select
    encounter_id, patient_id,
    period as later_period
from later
