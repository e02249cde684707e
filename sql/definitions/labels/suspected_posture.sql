/*
title: Suspected posture or mechanics
category: suspected causes
guide: >
  Weak muscles and bent posture can strain the neck.
definition: >
  Possible: a code of posture, muscle pain or segmental dysfunction. Probable: a symptom or code at most 180 days
  from an image with a C2-C7 sagittal vertical axis above 40 mm; or a code and no physical therapy in days 0 to 90
  where the site sees all treatments. Confirmed: such an image on CT.
rationale: >
  Muscle codes are weak evidence: possible disease here is a prompt to look, no more.
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
    - says: a code after day 0 of posture, muscle pain or segmental dysfunction
      relation: cause_codes
      where: cause = 'posture' and not is_supporting
      record: diagnosis_id
  image and symptom:
    - says: an image after day 0 with a C2-C7 sagittal vertical axis above {sva_mm} mm
      relation: cause_images
      where: cause = 'posture'
      record: imaging_id
    - says: >-
        neck or arm pain of {pain_nrs} or more, a red flag, or a code of the cause,
        at most {symptom_image_days} days from that image
      relation: cause_symptoms
      where: >
        cause = 'posture'
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
where cause = 'posture'
