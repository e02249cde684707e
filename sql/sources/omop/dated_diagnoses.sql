/*
title: Diagnoses of an OMOP extract, dated
grain: one row per record with a code of diagnoses
rationale: >
  Concept 32902 of condition_status_concept_id is the primary diagnosis (vocabulary Condition Status of the OHDSI
  standardized vocabularies), 32901 that at admission, 32903 that at discharge; other records state no position.
needs: [omop_coded]
columns: as declared in the contract, with a date in the place of the day
*/
select
    kind || '-' || record_id as diagnosis_id,
    patient_id, encounter_id, date, code_system, code,
    case when status_concept_id in ('32901', '32902', '32903') then 1 end as position
from omop_coded
where code_system in ('ICD10CM', 'ICD9CM');
