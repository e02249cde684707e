/*
title: The records of an OMOP extract that have a code
grain: one row per record and code
rationale: >
  A record stands in the table of its standard concept's domain, which need not be that of its code: a status code of
  ICD-10-CM is an observation. So the code system says what it is, and not the table.
needs: [omop_codable, omop_codes]
columns: those of the records that contract tables take, with code_system and code
*/
select
    omop_codable.kind, omop_codable.record_id, omop_codable.patient_id, omop_codable.encounter_id, omop_codable.date,
    omop_codable.end_date, omop_codable.modifier, omop_codable.units, omop_codable.surgeon_id,
    omop_codable.status_concept_id, omop_codable.route_concept_id, omop_codable.route_source_value,
    omop_codes.code_system, omop_codes.code
from omop_codable
inner join omop_codes
    on
        omop_codable.kind = omop_codes.kind
        and omop_codable.concept_id is not distinct from omop_codes.concept_id
        and omop_codable.source_concept_id is not distinct from omop_codes.source_concept_id
        and omop_codable.source_value is not distinct from omop_codes.source_value;
