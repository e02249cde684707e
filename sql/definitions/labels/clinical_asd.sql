/*
title: Clinical adjacent segment disease
category: suspected causes
guide: The joints above and below a fusion can wear faster and hurt.
definition: >
  Probable: radiographic adjacent segment disease and a symptom at most {symptom_image_days} days from the image. A
  symptom is neck or arm pain of {pain_nrs} or more, any of the five red flags, coded or measured, or a listed code; a
  code that names another joint than the image's does not count. Possible: only a diagnosis after surgery that names a
  counting adjacent joint. The kind is the tier. Codes of the stay of the fusion describe why it was done.
rationale: >
  A code alone is weak evidence; an image alone is no disease. A no needs an image that could have shown it, and codes
  that the list can read.
citation: clinical specification, sections 3 and 4
grain: one row per episode and piece of evidence
version: 5
status: accepted
needs: [episodes, symptomatic_images, first_adjacent_diagnoses, adjacent_looks, unknown_code_systems, delivered_until,
  thresholds]
columns:
  onset_day: the later of image and symptom; of possible disease, the day of the diagnosis
  value: days between image and symptom; of a no, the observed days
criteria:
  - says: the fused joints are known
    relation: index_joints
  - says: a joint next to them that was not symptomatic before surgery
    relation: adjacent_joints
    where: is_counting
ways:
  probable:
    - says: an image after day 0
      relation: imaging
      where: day > 0
      record: imaging_id
    - says: >-
        degeneration, herniation or stenosis of such a joint on it; without an image before surgery, on day
        {asd_without_baseline_day} or later
      relation: adjacent_images
      record: imaging_id
    - says: >-
        new or worse than before surgery; without an image before surgery, not on the first image after it
      relation: adjacent_images
      where: is_new
      record: imaging_id
    - says: >-
        neck or arm pain of {pain_nrs} or more, a red flag, or a listed code that names no other joint, at most
        {symptom_image_days} days from that image
      relation: symptomatic_images
      where: is_new
      record: symptom_id
  possible:
    - says: a diagnosis after surgery, not of the stay of the fusion, that names such a joint
      relation: first_adjacent_diagnoses
      record: diagnosis_id
*/
with sources as (
    select
        site_id, patient_id,
        max(until_day) as until_day
    from delivered_until
    where source_table in ('imaging', 'diagnoses')
    group by site_id, patient_id
),

results as (
    select
        episodes.site_id, episodes.patient_id, symptomatic_images.imaging_id,
        symptomatic_images.symptom_table, symptomatic_images.symptom_id,
        first_adjacent_diagnoses.diagnosis_id,
        coalesce(symptomatic_images.onset_day, first_adjacent_diagnoses.day) as onset_day,
        case
            when symptomatic_images.imaging_id is not null then 'probable'
            when first_adjacent_diagnoses.diagnosis_id is not null then 'possible'
        end as kind,
        case
            when symptomatic_images.imaging_id is not null then cast(symptomatic_images.days_apart as double)
            when first_adjacent_diagnoses.diagnosis_id is null then cast(episodes.observed_days as double)
        end as value,
        case
            when symptomatic_images.imaging_id is not null then 'days_between_image_and_symptom'
            when first_adjacent_diagnoses.diagnosis_id is null then 'observed_days'
        end as value_name,
        case
            when coalesce(symptomatic_images.imaging_id, first_adjacent_diagnoses.diagnosis_id) is not null then null
            when episodes.index_levels is null then 'level_unknown'
            when sources.site_id is null then 'no_source_data'
            when coalesce(episodes.observed_days < thresholds.asd_observed_days, true) then 'no_follow_up'
            when sources.until_day < episodes.observed_days then 'delivery_gap'
            when unknown_code_systems.patient_id is not null then 'code_system_unknown'
            when unproven.imaging_id is not null then 'no_baseline_image'
            when not adjacent_looks.has_image then 'no_image'
        end as reason
    from episodes
    cross join thresholds
    inner join adjacent_looks
        on
            episodes.site_id = adjacent_looks.site_id
            and episodes.patient_id = adjacent_looks.patient_id
    left join symptomatic_images
        on
            episodes.site_id = symptomatic_images.site_id
            and episodes.patient_id = symptomatic_images.patient_id
            and symptomatic_images.is_new
    left join symptomatic_images as unproven
        on
            episodes.site_id = unproven.site_id
            and episodes.patient_id = unproven.patient_id
            and not unproven.is_new
    left join unknown_code_systems
        on
            episodes.site_id = unknown_code_systems.site_id
            and episodes.patient_id = unknown_code_systems.patient_id
            and unknown_code_systems.list = 'adjacent_segment'
    left join first_adjacent_diagnoses
        on
            episodes.site_id = first_adjacent_diagnoses.site_id
            and episodes.patient_id = first_adjacent_diagnoses.patient_id
    left join sources
        on
            episodes.site_id = sources.site_id
            and episodes.patient_id = sources.patient_id
),

evidence as (
    select
        site_id, patient_id,
        'imaging' as source_table,
        imaging_id as record_id
    from results
    where kind = 'probable'
    union all
    select
        site_id, patient_id,
        symptom_table as source_table,
        symptom_id as record_id
    from results
    where kind = 'probable'
    union all
    select
        site_id, patient_id,
        'diagnoses' as source_table,
        diagnosis_id as record_id
    from results
    where kind = 'possible'
)

select
    results.site_id, results.patient_id,
    case
        when results.kind is not null then 'yes'
        when results.reason is not null then 'not_assessable'
        else 'no'
    end as status,
    results.reason, results.onset_day, results.value, results.value_name, results.kind,
    coalesce(evidence.source_table, 'patients') as source_table,
    coalesce(evidence.record_id, results.patient_id) as record_id
from results
left join evidence
    on
        results.site_id = evidence.site_id
        and results.patient_id = evidence.patient_id
