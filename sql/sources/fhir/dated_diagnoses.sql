/*
title: Diagnoses of FHIR conditions, dated
grain: one row per condition and coding that is mapped
rationale: >
  The contract asks for the day on which it was recorded; where that is not told it is the onset, else the first day of
  the encounter. The position is the rank that the encounter gives it.
needs: [fhir_coded_conditions, fhir_encounters, fhir_encounter_diagnoses]
columns: as declared in the contract, with a date in the place of the day
*/
with positions as (
    select
        condition_id,
        encounter_id,
        min(position) as position
    from fhir_encounter_diagnoses
    where coalesce(status, '') <> 'entered-in-error'
    group by condition_id, encounter_id
)

select
    fhir_coded_conditions.id || '-' || cast(fhir_coded_conditions.place as varchar)
    || '-' || fhir_coded_conditions.code as diagnosis_id,
    fhir_coded_conditions.patient_id,
    fhir_coded_conditions.encounter_id,
    coalesce(
        fhir_day(fhir_coded_conditions.recorded),
        fhir_day(fhir_coded_conditions.onset),
        fhir_day(fhir_encounters.start_time)
    ) as date,
    fhir_coded_conditions.code_system,
    fhir_coded_conditions.code,
    positions.position
from fhir_coded_conditions
left join fhir_encounters on fhir_coded_conditions.encounter_id = fhir_encounters.id
left join positions
    on
        fhir_coded_conditions.id = positions.condition_id
        and fhir_coded_conditions.encounter_id = positions.encounter_id
where fhir_coded_conditions.code_system is not null;
