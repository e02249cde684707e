/*
title: Suspected nonunion
guide: >
  The bones may not have grown together.
definition: >
  Possible: a code of nonunion on day 180 or later. Probable: a symptom or code and an image at most 180 days apart,
  the image on day 180 or later at a fused joint showing interspinous motion of 1 mm or more (valid only with 4 mm
  or more next to it). Confirmed: no bridging bone on CT beside a symptom or code, or a revision of a nonunion.
  Provisional before day 365, firm from then on.
rationale: >
  Fusion takes months: nothing before half a year is nonunion, and before a year it is provisional.
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
where cause = 'nonunion'
