/*
title: Codings of drugs that the contract has a code system for
grain: one row per prescription or statement and coding, and each code that a site maps it to
needs: [fhir_drugs, fhir_code_systems, fhir_concepts]
columns:
  treatment_id: the resource, with its kind
  patient_id: the patient
  start_time: when it begins, as written
  end_date: the last day
  route_system: of the route
  route_code: of the route
  system: of the coding, as written
  delivered_code: of the coding, as written
  code_system: the contract's, null when the coding is not mapped
  code: the contract's
*/
select
    fhir_drugs.treatment_id,
    fhir_drugs.patient_id,
    fhir_drugs.start_time,
    fhir_drugs.end_date,
    fhir_drugs.route_system,
    fhir_drugs.route_code,
    fhir_drugs.system,
    fhir_drugs.code as delivered_code,
    coalesce(fhir_concepts.meaning, fhir_code_systems.code_system) as code_system,
    coalesce(fhir_concepts.word, fhir_drugs.code) as code
from fhir_drugs
left join fhir_code_systems
    on fhir_system(fhir_drugs.system) = fhir_code_systems.system and fhir_code_systems.table_name = 'treatments'
left join fhir_concepts
    on
        fhir_system(fhir_drugs.system) = fhir_concepts.system
        and fhir_drugs.code = fhir_concepts.code
        and fhir_concepts.meaning in ('ATC', 'RXNORM', 'treatment_class');
