/*
title: Procedures of FHIR, dated
grain: one row per procedure and coding that is mapped
rationale: >
  A Procedure has no place for a modifier or for units; its body sites tell the levels. Its day is that on which it was
  done or begun, as written. It may be coded several times over.
needs: [fhir_procedures, fhir_codes, fhir_levels]
columns: as declared in the contract, with a date in the place of the day
*/
select
    fhir_procedures.id || '-' || cast(fhir_procedures.place as varchar) || '-' || fhir_codes.code as procedure_id,
    fhir_procedures.patient_id,
    fhir_procedures.encounter_id,
    fhir_day(coalesce(fhir_procedures.moment, fhir_procedures.start_time)) as date,
    fhir_codes.code_system,
    fhir_codes.code,
    fhir_levels.levels,
    fhir_procedures.surgeon_id
from fhir_procedures
inner join fhir_codes
    on
        fhir_procedures.system = fhir_codes.system
        and fhir_procedures.code = fhir_codes.delivered_code
        and fhir_codes.table_name = 'procedures'
left join fhir_levels on fhir_procedures.id = fhir_levels.procedure_id;
