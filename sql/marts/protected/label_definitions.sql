/*
title: Definitions of the labels
grain: one row per label
key: [label]
needs: [definitions]
columns:
  label: {description: name of the definition, enum: labels}
  title: the label in words
  category:
    description: the part of the guide that it belongs to
    enum: [care that followed, conservative care, recovery timeline, red flags, revision, suspected causes]
  definition_text: what the label means
  guide: the sentence of the patient guide that it follows
  version: {description: version of the definition, unit: none}
  headline: {description: place among the labels shown first; null of the others, unit: none}
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
