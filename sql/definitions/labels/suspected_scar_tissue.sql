/*
title: Suspected scar tissue
category: suspected causes
guide: >
  Scar tissue around the nerves can hurt.
definition: >
  Possible: a code of scar or postlaminectomy syndrome. Probable: a symptom or code at most 180 days from an MRI
  that shows epidural or perineural scar and no recurrent disc.
rationale: >
  Scar is common on MRI without pain: the finding has a low predictive value and is read with caution.
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
    - says: a code after day 0 of scar or postlaminectomy syndrome, in cervical context
      relation: cause_codes
      where: cause = 'scar_tissue' and not is_supporting
      record: diagnosis_id
  image and symptom:
    - says: an MRI after day 0 with epidural or perineural scar and no recurrent disc
      relation: cause_images
      where: cause = 'scar_tissue'
      record: imaging_id
    - says: >-
        neck or arm pain of {pain_nrs} or more, a red flag, or a code of the cause,
        at most {symptom_image_days} days from that image
      relation: cause_symptoms
      where: >
        cause = 'scar_tissue'
        and exists (
        select 1 from cause_images as image
        where image.site_id = cause_symptoms.site_id
        and image.patient_id = cause_symptoms.patient_id
        and image.cause = cause_symptoms.cause
        and abs(image.day - cause_symptoms.day) <= {symptom_image_days}
        )
      record: record_id
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
where cause = 'scar_tissue'
