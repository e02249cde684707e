/*
title: Suspected nonunion
category: suspected causes
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
needs: [causes]
columns:
  onset_day: the later of symptom and image; else the day of the code or of the revision
  value: the image's measured value when it has one; of a no, the observed days
ways:
  coded:
    - says: a code of nonunion on day {nonunion_day} or later, in cervical context
      relation: cause_codes
      where: cause = 'nonunion' and not is_supporting
      record: diagnosis_id
  image and symptom:
    - says: >-
        an image on day {nonunion_day} or later at a fused joint with interspinous motion of {interspinous_motion_mm} mm
        or more (beside {superjacent_motion_mm} mm or more next to the fusion), or no bridging bone on CT
      relation: cause_images
      where: cause = 'nonunion'
      record: imaging_id
    - says: >-
        neck or arm pain of {pain_nrs} or more, a red flag, or a code of the cause,
        at most {symptom_image_days} days from that image
      relation: cause_symptoms
      where: >
        cause = 'nonunion'
        and exists (
        select 1 from cause_images as image
        where image.site_id = cause_symptoms.site_id
        and image.patient_id = cause_symptoms.patient_id
        and image.cause = cause_symptoms.cause
        and abs(image.day - cause_symptoms.day) <= {symptom_image_days}
        )
      record: record_id
  found at a revision:
    - says: a revision of a nonunion on day {nonunion_day} or later
      relation: revisions
      where: type = 'nonunion_revision' and day >= {nonunion_day}
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
where cause = 'nonunion'
