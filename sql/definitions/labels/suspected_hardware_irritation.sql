/*
title: Suspected hardware irritation
category: suspected causes
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
needs: [causes]
columns:
  onset_day: the later of symptom and image; else the day of the code or of the revision
  value: the image's measured value when it has one; of a no, the observed days
ways:
  coded:
    - says: a code after day 0 of a mechanical complication or of pain due to the device, in cervical context
      relation: cause_codes
      where: cause = 'hardware_irritation' and not is_supporting
      record: diagnosis_id
  image and symptom:
    - says: an image after day 0 of screw back-out, plate fracture or subsidence of {subsidence_mm} mm or more
      relation: cause_images
      where: cause = 'hardware_irritation'
      record: imaging_id
    - says: >-
        neck or arm pain of {pain_nrs} or more, a red flag, or a code of the cause,
        at most {symptom_image_days} days from that image
      relation: cause_symptoms
      where: >
        cause = 'hardware_irritation'
        and exists (
        select 1 from cause_images as image
        where image.site_id = cause_symptoms.site_id
        and image.patient_id = cause_symptoms.patient_id
        and image.cause = cause_symptoms.cause
        and abs(image.day - cause_symptoms.day) <= {symptom_image_days}
        )
      record: record_id
  found at a revision:
    - says: a revision in which hardware was removed
      relation: revisions
      where: list_contains(string_split(types, ';'), 'hardware_removal')
      record: procedure_ids
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
