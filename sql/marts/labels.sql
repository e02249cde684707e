/*
title: Labels
grain: one row per episode and label
key: [site_id, patient_id, label]
needs: [labels]
columns:
  site_id: the site
  patient_id: the patient, a random key of the site
  label: {description: name of the definition, enum: labels}
  status: {description: the answer, enum: ["yes", "no", not_assessable]}
  reason:
    description: "why not assessable; null otherwise"
    enum:
      - died_before_window
      - revised_before_window
      - window_not_closed
      - no_follow_up
      - no_source_data
      - no_assessment_in_window
      - level_unknown
      - treatment_data_incomplete
      - not_revised
      - no_red_flag
      - no_pain_past_3_months
      - painful_before_revision
  onset_day:
    description: "first day on which the label holds; null unless yes"
    unit: days since the index fusion
  value: {description: the value that decided, unit: see value_name}
  value_name: what value holds
  kind: "which kind of yes; null otherwise"
  definition_version: {description: version of the definition, unit: none}
  is_counted: counts in shares; it could be said, and its site delivers the table to say no as well as yes
*/
select
    site_id,
    patient_id,
    cast(label as varchar) as label,
    cast(status as varchar) as status,
    cast(reason as varchar) as reason,
    onset_day,
    value,
    value_name,
    kind,
    definition_version,
    is_counted
from labels
order by site_id, patient_id, label
