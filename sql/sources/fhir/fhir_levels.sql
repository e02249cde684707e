/*
title: The joints that body sites of FHIR procedures name
grain: one row per procedure with a body site that names a joint
rationale: >
  A site of a procedure is a coding that the site's concepts map to joints, or words: C5-6, C5/C6, C7-T1, or from one
  vertebra to another, C4-C7, which is every joint between them. Joint number p lies below vertebra p - 1, counted from
  the occiput 0 to T2 as 9.
needs: [fhir_body_sites, fhir_concepts]
columns:
  procedure_id: the resource
  levels: joints, joined by a semicolon, from above
*/
with named as (
    select
        fhir_body_sites.procedure_id,
        unnest(
            coalesce(
                string_split(fhir_concepts.word, ';'),
                regexp_extract_all(
                    upper(coalesce(fhir_body_sites.words, fhir_body_sites.code)),
                    '\b(?:C[0-7]|T1) ?[-/–] ?(?:C[1-7]|T[12]|[1-7])\b'
                )
            )
        ) as words
    from fhir_body_sites
    left join fhir_concepts
        on
            fhir_system(fhir_body_sites.system) = fhir_concepts.system
            and fhir_body_sites.code = fhir_concepts.code
            and fhir_concepts.meaning = 'levels'
),

spans as (
    select
        procedure_id,
        cast(substring(words, 2, 1) as integer) + if(words like 'T%', 7, 0) as highest,
        cast(right(words, 1) as integer)
        + if(regexp_matches(words, 'T[12]$') or words like 'T%', 7, 0) as lowest
    from named
)

select
    spans.procedure_id,
    string_agg(distinct joints.joint, ';' order by joints.joint) as levels
from spans
inner join joints on spans.highest < joints.position and spans.lowest >= joints.position
group by spans.procedure_id;
