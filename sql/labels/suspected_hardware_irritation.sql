/*
title: Suspected hardware irritation
guide: >
  Screws or plates can loosen, break or rub.
definition: >
  Possible: a code of a mechanical complication or of pain due to the device. Probable: a symptom or code at most
  180 days from an image of screw back-out, plate fracture or subsidence of 3 mm or more. Confirmed: such an image
  on CT, or hardware removed.
rationale: >
  Infection is another disease with another treatment: its codes never count here.
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
where cause = 'hardware_irritation'
