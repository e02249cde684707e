/*
title: The concepts that records use or that the concept map names
grain: one row per concept
rationale: The vocabulary of a site has millions of concepts; few are needed.
needs: [omop_words, omop_concept, omop_concept_map]
columns:
  concept_id: its number
  vocabulary_id: the vocabulary that its code is of
  concept_code: its code there
*/
select concept_id, vocabulary_id, concept_code
from omop_concept
where
    concept_id in (select omop_words.concept_id from omop_words)
    or concept_id in (select omop_words.source_concept_id from omop_words)
    or (vocabulary_id, concept_code) in (
        select (omop_concept_map.vocabulary_id, omop_concept_map.concept_code) from omop_concept_map
    );
