/*
title: Imaging or a visit within 30 days of a red flag
guide: A red flag should be looked into right away.
definition: >
  Among patients with a red flag: an image, or an outpatient, emergency or inpatient encounter, that starts on the day
  of the first red flag or in the 30 days after it. The encounter in which the red flag was coded on that day does not
  count.
rationale: >
  Care that followed, not a judgement of it: where the patient went elsewhere it is invisible. A no needs all 30 days
  observed.
citation: clinical specification, sections 1 and 4
grain: one row per episode and piece of evidence
version: 1
status: accepted
headline: false
needs: [prompt_care]
columns:
  onset_day: day of the first image or encounter
  value: days from the first red flag to it; of a no, the observed days
*/
select
    site_id,
    patient_id,
    status,
    reason,
    onset_day,
    value,
    value_name,
    kind,
    source_table,
    record_id
from prompt_care
where label = 'imaging_or_visit_after_red_flag'
