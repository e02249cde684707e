/*
title: The records of an OMOP extract that have a code
grain: one row per record and code
rationale: >
  A record stands in the table of its standard concept's domain, which need not be that of its code: a status code of
  ICD-10-CM is an observation. So the code system says what it is, and not the table.
needs: [omop_records, omop_codes]
columns: those of the records that contract tables take, with code_system and code
*/
select
    omop_records.kind, omop_records.record_id, omop_records.patient_id, omop_records.encounter_id, omop_records.date,
    omop_records.end_date, omop_records.modifier, omop_records.units, omop_records.surgeon_id,
    omop_records.status_concept_id, omop_records.route_concept_id, omop_records.route_source_value,
    omop_codes.code_system, omop_codes.code
from omop_records
inner join omop_codes
    on
        omop_records.kind = omop_codes.kind
        and omop_records.concept_id is not distinct from omop_codes.concept_id
        and omop_records.source_concept_id is not distinct from omop_codes.source_concept_id
        and omop_records.source_value is not distinct from omop_codes.source_value;
