/*
title: Suspected unresolved condition
category: suspected causes
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
needs: [causes]
columns:
  onset_day: the later of symptom and image; else the day of the code or of the revision
  value: the image's measured value when it has one; of a no, the observed days
ways:
  coded:
    - says: a code of the family known before surgery again after day {unresolved_day}, at a fused joint if it names one
      relation: cause_codes
      where: cause = 'unresolved_condition' and not is_supporting
      record: diagnosis_id
  image and symptom:
    - says: an image after day {unresolved_day} of residual stenosis at a fused joint
      relation: cause_images
      where: cause = 'unresolved_condition'
      record: imaging_id
    - says: >-
        such a code, or at 3 months arm pain down by less than {arm_pain_drop:.0%} (as at 6 weeks) or an mJOA gain below
        its minimal clinically important difference,
        at most {symptom_image_days} days from that image
      relation: cause_symptoms
      where: >
        cause = 'unresolved_condition'
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
where cause = 'unresolved_condition'
