/*
title: Suspected unresolved condition
guide: >
  The problem that led to surgery may not have been fully relieved.
definition: >
  Possible: a code of the family known before surgery again after day 56, at a fused joint where it names one.
  Probable: that code, or an outcome that did not better (arm pain down by less than 30 percent at 6 weeks and 3
  months, or mJOA gain below its clinically important difference), at most 180 days from an image of residual
  stenosis at a fused joint. Confirmed: that image on CT.
rationale: >
  Pain alone does not tell an unresolved condition from a new one.
citation: clinical specification, sections 1 and 3
grain: one row per episode and piece of evidence
version: 1
status: accepted
headline: false
needs: [causes]
columns:
  onset_day: the later of symptom and image; else the day of the code or of the revision
  value: the image's measured value when it has one; of a no, the observed days
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
from causes
where cause = 'unresolved_condition'
