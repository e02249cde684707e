/*
title: Procedures of an OMOP extract, dated
grain: one row per record with a code of procedures
rationale: >
  No column of the CDM has levels, approach or plan; what the code says of the approach is read from the code later. A
  source value may be any text, so a modifier is read where it has the shape of one.
needs: [omop_coded]
columns: as declared in the contract, with a date in the place of the day; and the modifier as it was said
*/
select
    kind || '-' || record_id as procedure_id,
    patient_id, encounter_id, date, code_system, code,
    case when regexp_full_match(upper(modifier), '[0-9A-Z]{2}') then modifier end as modifier,
    modifier as modifier_source_value, units, surgeon_id
from omop_coded
where code_system in ('CPT', 'HCPCS', 'ICD10PCS', 'ICD9PCS');
