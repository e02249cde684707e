/*
title: The codes of the words of an OMOP extract
grain: one row per word and code
rationale: >
  The source's own code tells most, so it goes before the standard concept: after what the site's own map says come the
  source concept, for a drug the ingredients of its standard concept that our lists read, the source concept of another
  vocabulary of drugs, the standard concept, the source value where it has the shape of a code, and the shipped map. A
  drug of several such ingredients is a row for each.
needs: [omop_words, omop_concepts, omop_meanings, omop_ingredients]
columns:
  kind: as in omop_words
  concept_id: as in omop_words
  source_concept_id: as in omop_words
  source_value: as in omop_words
  code_system: as the contract names it, or NDC
  code: the code
*/
with systems as (
    select t.vocabulary_id, t.code_system, t.tells_most
    from (
        values
        ('CPT4', 'CPT', true), ('HCPCS', 'HCPCS', true), ('ICD10PCS', 'ICD10PCS', true),
        ('ICD9Proc', 'ICD9PCS', true), ('ICD10CM', 'ICD10CM', true), ('ICD9CM', 'ICD9CM', true),
        ('ATC', 'ATC', true), ('RxNorm', 'RXNORM', false), ('NDC', 'NDC', false)
    ) as t (vocabulary_id, code_system, tells_most)
),

shapes as (
    select t.kinds, t.code_system, t.pattern, t.place
    from (
        values
        (['condition'], 'ICD10CM', '[A-Z][0-9][0-9A-Z]([.]?[0-9A-Z]{1,4})?', 1),
        (['condition'], 'ICD9CM', '[0-9]{3}([.]?[0-9]{1,2})?', 2),
        (['drug'], 'ATC', '[A-Z][0-9]{2}[A-Z]{2}[0-9]{2}', 1),
        (['drug'], 'NDC', '[0-9]{11}|[0-9]{4,5}-[0-9]{3,4}-[0-9]{1,2}', 2),
        (['procedure', 'device'], 'CPT', '[0-9]{4}[0-9A-Z]', 1),
        (['procedure', 'device'], 'HCPCS', '[A-V][0-9]{4}', 2),
        (['procedure'], 'ICD10PCS', '[0-9A-HJ-NP-Z]{7}', 3),
        (['procedure'], 'ICD9PCS', '[0-9]{2}[.][0-9]{1,2}', 4)
    ) as t (kinds, code_system, pattern, place)
),

coded_concepts as (
    select omop_concepts.concept_id, omop_concepts.concept_code as code, systems.code_system, systems.tells_most
    from omop_concepts
    inner join systems on omop_concepts.vocabulary_id = systems.vocabulary_id
),

found as (
    select
        omop_words.*, omop_meanings.target as code_system, omop_meanings.value as code,
        case when omop_meanings.is_own then 1 else 7 end as place
    from omop_words
    inner join omop_meanings
        on
            omop_meanings.concept_id in (omop_words.concept_id, omop_words.source_concept_id)
            or omop_meanings.source_value = lower(omop_words.source_value)
    where not contains(omop_meanings.target, '.')

    union all
    select
        omop_words.*, coded_concepts.code_system, coded_concepts.code,
        case when coded_concepts.tells_most then 2 else 4 end as place
    from omop_words
    inner join coded_concepts on omop_words.source_concept_id = coded_concepts.concept_id

    union all
    select
        omop_words.*, 'RXNORM' as code_system, omop_ingredients.code, 3 as place
    from omop_words
    inner join omop_ingredients on omop_words.concept_id = omop_ingredients.concept_id
    where omop_words.kind = 'drug'

    union all
    select
        omop_words.*, coded_concepts.code_system, coded_concepts.code, 5 as place
    from omop_words
    inner join coded_concepts on omop_words.concept_id = coded_concepts.concept_id

    union all
    select
        omop_words.*, shapes.code_system, omop_words.source_value as code,
        6 + shapes.place / 10 as place
    from omop_words
    inner join shapes
        on
            list_contains(shapes.kinds, omop_words.kind)
            and regexp_full_match(upper(omop_words.source_value), shapes.pattern)
)

select distinct kind, concept_id, source_concept_id, source_value, code_system, code
from found
where code_system is not null and code is not null
qualify place = min(place) over (partition by kind, concept_id, source_concept_id, source_value);
