/*
title: Codings of FHIR procedures that the contract has a code system for
grain: one row per procedure and coding, and each code that a site maps it to
rationale: >
  A procedure may be coded several times over; a coding whose system the contract does not know counts by the site's
  concepts, else it is not mapped.
needs: [fhir_procedures, fhir_code_systems, fhir_concepts]
columns:
  id: the resource
  place: of the coding, from 0
  patient_id: the patient
  encounter_id: the encounter
  surgeon_id: the surgeon
  moment: when it was done or begun, as written
  system: of the coding, as written
  delivered_code: of the coding, as written
  code_system: the contract's, null when the coding is not mapped
  code: the contract's
*/
select
    fhir_procedures.id,
    fhir_procedures.place,
    fhir_procedures.patient_id,
    fhir_procedures.encounter_id,
    fhir_procedures.surgeon_id,
    coalesce(fhir_procedures.moment, fhir_procedures.start_time) as moment,
    fhir_procedures.system,
    fhir_procedures.code as delivered_code,
    coalesce(fhir_code_systems.code_system, fhir_concepts.meaning) as code_system,
    coalesce(fhir_concepts.word, fhir_procedures.code) as code
from fhir_procedures
left join fhir_code_systems
    on
        fhir_system(fhir_procedures.system) = fhir_code_systems.system
        and fhir_code_systems.table_name = 'procedures'
left join fhir_concepts
    on
        fhir_system(fhir_procedures.system) = fhir_concepts.system
        and fhir_procedures.code = fhir_concepts.code
        and fhir_concepts.meaning in ('CPT', 'HCPCS', 'ICD10PCS', 'ICD9PCS')
where coalesce(fhir_procedures.status, '') not in ('entered-in-error', 'not-done', 'preparation');
