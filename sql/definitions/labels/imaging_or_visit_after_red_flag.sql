/*
title: Imaging or a visit within 30 days of a red flag
category: care that followed
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
needs: [prompt_care]
columns:
  onset_day: day of the first image or encounter
  value: days from the first red flag to it; of a no, the observed days
criteria:
  - says: a red flag
    relation: red_flags
    record: record_id
ways:
  image:
    - says: an image on the day of the first red flag or in the {care_after_red_flag_days} days after it
      relation: imaging
      where: >
        day - (
        select min(flag.day) from red_flags as flag
        where flag.site_id = imaging.site_id and flag.patient_id = imaging.patient_id
        ) between 0 and {care_after_red_flag_days}
      record: imaging_id
  visit:
    - says: >-
        an outpatient, emergency or inpatient encounter, other than that in which the red flag was coded, that starts on
        the day of the first red flag or in the {care_after_red_flag_days} days after it
      relation: encounters
      where: >
        type in ('outpatient', 'emergency', 'inpatient')
        and start_day - (
        select min(flag.day) from red_flags as flag
        where flag.site_id = encounters.site_id and flag.patient_id = encounters.patient_id
        ) between 0 and {care_after_red_flag_days}
        and not exists (
        select 1 from diagnoses as coded
        inner join red_flags as flag on coded.site_id = flag.site_id and coded.diagnosis_id = flag.record_id
        where flag.source_table = 'diagnoses'
        and coded.site_id = encounters.site_id
        and coded.patient_id = encounters.patient_id
        and coded.encounter_id = encounters.encounter_id
        and coded.day = encounters.start_day
        and coded.day = (
        select min(first.day) from red_flags as first
        where first.site_id = coded.site_id and first.patient_id = coded.patient_id
        )
        )
      record: encounter_id
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
