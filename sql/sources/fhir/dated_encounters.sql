/*
title: Encounters of FHIR, dated
grain: one row per encounter that was held
rationale: >
  The class is a code of v3 ActCode; a site may map its own.
needs: [fhir_encounters, fhir_concepts]
columns: as declared in the contract, with dates in the place of days
*/
select
    fhir_encounters.id as encounter_id,
    fhir_encounters.patient_id,
    fhir_day(fhir_encounters.start_time) as start_date,
    fhir_day(fhir_encounters.end_time) as end_date,
    fhir_concepts.word as type
from fhir_encounters
left join fhir_concepts
    on
        fhir_system(fhir_encounters.class_system) = fhir_concepts.system
        and fhir_encounters.class_code = fhir_concepts.code
        and fhir_concepts.meaning = 'encounter_type';
