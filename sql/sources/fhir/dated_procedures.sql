/*
title: Procedures of FHIR, dated
grain: one row per procedure and coding that is mapped
rationale: >
  A Procedure has no place for a modifier or for units; its body sites tell the levels. Its day is that on which it was
  done or begun, as written.
needs: [fhir_coded_procedures, fhir_levels]
columns: as declared in the contract, with a date in the place of the day
*/
select
    fhir_coded_procedures.id || '-' || cast(fhir_coded_procedures.place as varchar)
    || '-' || fhir_coded_procedures.code as procedure_id,
    fhir_coded_procedures.patient_id,
    fhir_coded_procedures.encounter_id,
    fhir_day(fhir_coded_procedures.moment) as date,
    fhir_coded_procedures.code_system,
    fhir_coded_procedures.code,
    fhir_levels.levels,
    fhir_coded_procedures.surgeon_id
from fhir_coded_procedures
left join fhir_levels on fhir_coded_procedures.id = fhir_levels.procedure_id
where fhir_coded_procedures.code_system is not null;
