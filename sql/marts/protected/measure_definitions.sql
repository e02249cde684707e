/*
title: Definitions of the measures
grain: one row per measure
key: [measure]
needs: [measure_definitions]
columns:
  measure: {description: name of the definition, enum: measures}
  place: {description: place in the list of measures, unit: none}
  category:
    description: what it belongs to
    enum:
      - recovery timeline
      - suspected causes
      - red flags
      - care that followed
      - conservative care
      - revision
      - readmission
      - patient-reported outcomes
      - follow-up
  title: the measure in words
  why: why it matters
  numerator: who counts as having the outcome
  denominator: among whom
  exclusions: who is left out
  direction: {description: what change is for the better, enum: [lower_is_better, higher_is_better, neutral]}
  unit: {description: a share of patients or a rate per 100 person-years, enum: [share, rate]}
  owner: the role that answers for the definition
  next_review: when the definition is looked at again, YYYY-MM
  version: {description: version of the definition, unit: none}
  label: {description: "the label whose answers it counts; null when it is not one label's", enum: labels}
  headline: {description: place among the measures compared between sites; null of the others, unit: none}
  judged_after_months:
    description: "months of follow-up after which a month of fusion is judged on control charts; 0 where the definition
      waits by itself"
    unit: months
*/
select
    measure,
    place,
    category,
    title,
    why,
    numerator,
    denominator,
    exclusions,
    direction,
    unit,
    owner,
    next_review,
    version,
    label,
    headline,
    judged_after_months
from measure_definitions
order by measure
