/*
title: Diagnoses of FHIR conditions, dated
grain: one row per condition and coding that is mapped
rationale: >
  The contract asks for the day on which it was recorded; where that is not told it is the onset, else the first day of
  the encounter. The position is the rank that the encounter gives it.
needs: [fhir_conditions, fhir_codes, fhir_encounters, fhir_encounter_diagnoses]
columns: as declared in the contract, with a date in the place of the day
*/
with positions as (
    select
        condition_id,
        encounter_id,
        min(position) as position
    from fhir_encounter_diagnoses
    group by condition_id, encounter_id
)

select
    fhir_conditions.id || '-' || cast(fhir_conditions.place as varchar) || '-' || fhir_codes.code as diagnosis_id,
    fhir_conditions.patient_id,
    fhir_conditions.encounter_id,
    coalesce(
        fhir_day(fhir_conditions.recorded),
        fhir_day(coalesce(fhir_conditions.onset, fhir_conditions.onset_start)),
        fhir_day(fhir_encounters.start_time)
    ) as date,
    fhir_codes.code_system,
    fhir_codes.code,
    positions.position
from fhir_conditions
inner join fhir_codes
    on
        fhir_conditions.system = fhir_codes.system
        and fhir_conditions.code = fhir_codes.delivered_code
        and fhir_codes.table_name = 'diagnoses'
left join fhir_encounters on fhir_conditions.encounter_id = fhir_encounters.id
left join positions
    on fhir_encounters.id = positions.encounter_id and fhir_conditions.id = positions.condition_id;
