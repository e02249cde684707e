/*
title: Definitions of the labels
grain: one row per label
key: [label]
needs: [definitions]
columns:
  label: name of the definition
  title: the label in words
  category: the part of the guide that it belongs to
  definition_text: what the label means
  guide: the sentence of the patient guide that it follows
  version: version of the definition
  headline: place among the labels shown first; null of the others
*/
select
    label,
    title,
    category,
    definition_text,
    guide,
    version,
    headline
from definitions
order by label
