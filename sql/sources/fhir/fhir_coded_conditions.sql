/*
title: Codings of FHIR conditions that the contract has a code system for
grain: one row per condition and coding, and each code that a site maps it to
rationale: >
  What was refuted or entered in error is no diagnosis. A coding whose system the contract does not know counts by the
  site's concepts, else it is not mapped.
needs: [fhir_conditions, fhir_code_systems, fhir_concepts]
columns:
  id: the resource
  place: of the coding, from 0
  patient_id: the patient
  encounter_id: the encounter
  recorded: when it was recorded, as written
  onset: when it began, as written
  system: of the coding, as written
  delivered_code: of the coding, as written
  code_system: the contract's, null when the coding is not mapped
  code: the contract's
*/
select
    fhir_conditions.id,
    fhir_conditions.place,
    fhir_conditions.patient_id,
    fhir_conditions.encounter_id,
    fhir_conditions.recorded,
    coalesce(fhir_conditions.onset, fhir_conditions.onset_start) as onset,
    fhir_conditions.system,
    fhir_conditions.code as delivered_code,
    coalesce(fhir_code_systems.code_system, fhir_concepts.meaning) as code_system,
    coalesce(fhir_concepts.word, fhir_conditions.code) as code
from fhir_conditions
left join fhir_code_systems
    on
        fhir_system(fhir_conditions.system) = fhir_code_systems.system
        and fhir_code_systems.table_name = 'diagnoses'
left join fhir_concepts
    on
        fhir_system(fhir_conditions.system) = fhir_concepts.system
        and fhir_conditions.code = fhir_concepts.code
        and fhir_concepts.meaning in ('ICD10CM', 'ICD9CM')
where coalesce(fhir_conditions.verification, '') not in ('refuted', 'entered-in-error');
