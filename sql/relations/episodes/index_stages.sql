/*
title: The index fusion and its stages
rationale: >
  A further cervical fusion in the same admission, or soon after and planned, is a stage of the index fusion and not a
  revision; an unplanned return to the theatre never is.
citation: clinical specification, section 0
grain: one row per fusion procedure that belongs to the index episode, add-ons included
needs: [cohort, fusions, thresholds]
*/
with index_encounters as (
    select distinct site_id, patient_id, encounter_id
    from fusions
    where day = 0 and encounter_id is not null
)

select
    fusions.site_id, fusions.patient_id, fusions.procedure_id, fusions.encounter_id, fusions.day,
    fusions.levels, fusions.approach, fusions.joints
from fusions
inner join cohort
    on
        fusions.site_id = cohort.site_id
        and fusions.patient_id = cohort.patient_id
        and cohort.step is null
left join index_encounters
    on
        fusions.site_id = index_encounters.site_id
        and fusions.patient_id = index_encounters.patient_id
        and fusions.encounter_id = index_encounters.encounter_id
cross join thresholds
where
    fusions.day = 0
    or (
        fusions.day > 0
        and not fusions.is_unplanned_return
        and (
            index_encounters.encounter_id is not null
            or (fusions.day <= thresholds.stage_days and fusions.is_planned)
        )
    )
