/*
title: Treatments of an OMOP extract, dated
grain: one row per drug exposure and ingredient
rationale: A drug of several ingredients on our lists is a row for each, told apart by the code.
needs: [omop_coded, omop_meanings]
columns: as declared in the contract, with dates in the place of days
*/
with routes as (
    select concept_id, source_value, value
    from omop_meanings
    where target = 'treatments.route'
)

select
    omop_coded.kind || '-' || omop_coded.record_id || '-' || omop_coded.code as treatment_id,
    omop_coded.patient_id,
    omop_coded.date as start_date,
    omop_coded.end_date,
    omop_coded.code_system, omop_coded.code,
    coalesce(by_word.value, by_concept.value, omop_coded.route_source_value) as route
from omop_coded
left join routes as by_concept on omop_coded.route_concept_id = by_concept.concept_id
left join routes as by_word on lower(omop_coded.route_source_value) = by_word.source_value
where omop_coded.code_system in ('ATC', 'RXNORM', 'NDC');
