/*
title: Treatments of an OMOP extract, dated
grain: one row per drug exposure and ingredient
rationale: >
  A drug of several ingredients on our lists is a row for each, told apart by the code. A source value may be any text,
  so a route is read where the concept map, or the contract, has the word.
needs: [omop_coded, omop_meanings]
columns: as declared in the contract, with dates in the place of days; and the route as it was said
*/
with routes as (
    select concept_id, source_value, value, is_own
    from omop_meanings
    where target = 'treatments.route'
)

select
    omop_coded.kind || '-' || omop_coded.record_id || '-' || omop_coded.code as treatment_id,
    omop_coded.patient_id,
    omop_coded.date as start_date,
    omop_coded.end_date,
    omop_coded.code_system, omop_coded.code,
    coalesce(case when by_word.is_own then by_word.value end, by_concept.value, by_word.value) as route,
    omop_coded.route_source_value
from omop_coded
left join routes as by_concept on omop_coded.route_concept_id = by_concept.concept_id
left join routes as by_word on lower(omop_coded.route_source_value) = by_word.source_value
where omop_coded.code_system in ('ATC', 'RXNORM', 'NDC');
