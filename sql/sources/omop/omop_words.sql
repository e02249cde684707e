/*
title: What the records of an OMOP extract call things, each once
grain: one row per kind of record, standard concept, source concept and source value
rationale: >
  A concept is looked up once and not once per record. How many patients share a word only a dry run counts, of the few
  without meaning: of all words it would take the memory of every pair of word and patient.
needs: [omop_records]
columns:
  kind: procedure, condition, drug, device, measurement or observation
  concept_id: the standard concept, 0 or null where the site found none
  source_concept_id: the concept of the source's own code
  source_value: the source's own code or word
  row_count: records
*/
select
    kind, concept_id, source_concept_id, source_value,
    count(*) as row_count
from omop_records
group by kind, concept_id, source_concept_id, source_value;
