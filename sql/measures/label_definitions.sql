/*
title: Definitions of the labels
grain: one row per label
key: [label]
needs: [definitions]
columns:
  label: name of the definition
  title: the label in words
  definition_text: what the label means
  guide: the sentence of the patient guide that it follows
  version: version of the definition
  is_headline: shown first
*/
select
    label,
    title,
    definition_text,
    guide,
    version,
    is_headline
from definitions
order by label
