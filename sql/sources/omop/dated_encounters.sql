/*
title: Encounters of an OMOP extract, dated
grain: one row per visit occurrence
needs: [omop_visit_occurrence, omop_meanings]
columns: as declared in the contract, with dates in the place of days
*/
with types as (
    select concept_id, source_value, value, is_own
    from omop_meanings
    where target = 'encounters.type'
)

select
    omop_visit_occurrence.visit_occurrence_id as encounter_id,
    omop_visit_occurrence.person_id as patient_id,
    omop_visit_occurrence.visit_start_date as start_date,
    omop_visit_occurrence.visit_end_date as end_date,
    coalesce(case when by_word.is_own then by_word.value end, by_concept.value, by_word.value) as type
from omop_visit_occurrence
left join types as by_concept on omop_visit_occurrence.visit_concept_id = by_concept.concept_id
left join types as by_word on lower(omop_visit_occurrence.visit_source_value) = by_word.source_value;
