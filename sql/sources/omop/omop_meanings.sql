/*
title: What a concept or a source value means, by the concept map
grain: one row per concept or source value and meaning
rationale: >
  The map names a concept by its number, or by vocabulary and code, of which the extract's own vocabulary tells the
  number. What the site says goes before what is shipped.
needs: [omop_concept_map, omop_concepts]
columns:
  concept_id: the concept, null where a source value is meant
  source_value: the source value in lower case, null where a concept is meant
  target: a column of the contract (table.column), or a code system
  value: the word or code that is delivered, null for the record's own value
  is_own: whether the site's own map says so
*/
with named as (
    select concept_id, null as source_value, "to" as target, value, is_own
    from omop_concept_map
    where concept_id is not null

    union
    select
        omop_concepts.concept_id, null as source_value, omop_concept_map."to" as target, omop_concept_map.value,
        omop_concept_map.is_own
    from omop_concept_map
    inner join omop_concepts
        on
            omop_concept_map.vocabulary_id = omop_concepts.vocabulary_id
            and omop_concept_map.concept_code = omop_concepts.concept_code

    union
    select null as concept_id, lower(source_value) as source_value, "to" as target, value, is_own
    from omop_concept_map
    where source_value is not null
)

select concept_id, source_value, target, value, is_own
from named
qualify
    row_number() over (partition by concept_id, source_value, target order by is_own desc, value asc nulls last) = 1;
