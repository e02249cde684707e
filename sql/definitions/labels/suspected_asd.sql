/*
title: Suspected adjacent segment disease
category: suspected causes
guide: New symptoms after a good spell can come from the joint above or below the fusion.
definition: >
  Clinical adjacent segment disease that is probable (a new or worse image of an adjacent joint, and neck or arm pain,
  any of the five red flags or a listed code at most {symptom_image_days} days from it), or surgical adjacent segment
  disease. The kind says which: clinical, surgical or both.
rationale: >
  Radiographic findings alone are not suspected disease. A no needs both parts to be a no: known joints, observation,
  and a look: an image that could have shown it, or a visit without symptoms in the same time.
citation: clinical specification, sections 3 and 4
grain: one row per episode and piece of evidence
version: 5
status: accepted
headline: 2
needs: [episodes, symptomatic_images, surgical_asd, adjacent_looks, follow_up_scores, complaints, delivered_until,
  thresholds]
columns:
  onset_day: the earlier onset of the two parts
  value: the observed days of a no
criteria:
  - says: the fused joints are known
    relation: index_joints
  - says: a joint next to them that was not symptomatic before surgery
    relation: adjacent_joints
    where: is_counting
ways:
  clinical:
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
  surgical:
    - says: a revision
      relation: revision_procedures
      record: procedure_id
    - says: >-
        by fusion, decompression or disc replacement of such a joint
      relation: revisions
      where: is_adjacent
      record: procedure_ids
*/
with surgical as (
    select site_id, patient_id, status, reason, onset_day, source_table, record_id
    from surgical_asd
),

surgical_results as (
    select distinct site_id, patient_id, status, reason, onset_day
    from surgical
),

visits_without_symptoms as (
    select distinct follow_up_scores.site_id, follow_up_scores.patient_id
    from follow_up_scores
    inner join adjacent_looks
        on
            follow_up_scores.site_id = adjacent_looks.site_id
            and follow_up_scores.patient_id = adjacent_looks.patient_id
    left join complaints
        on
            follow_up_scores.site_id = complaints.site_id
            and follow_up_scores.follow_up_id = complaints.record_id
            and complaints.source_table = 'follow_ups'
    where
        complaints.record_id is null
        and follow_up_scores.day >= adjacent_looks.look_day
        and coalesce(follow_up_scores.neck_pain_nrs, follow_up_scores.arm_pain_nrs) is not null
),

results as (
    select
        episodes.site_id, episodes.patient_id, episodes.observed_days,
        least(symptomatic_images.onset_day, surgical_results.onset_day) as onset_day,
        case
            when symptomatic_images.imaging_id is not null and surgical_results.status = 'yes' then 'both'
            when symptomatic_images.imaging_id is not null then 'clinical'
            when surgical_results.status = 'yes' then 'surgical'
        end as kind,
        case
            when symptomatic_images.imaging_id is not null or surgical_results.status = 'yes' then null
            when surgical_results.reason = 'level_unknown' then 'level_unknown'
            when delivered_until.patient_id is null then 'no_source_data'
            when surgical_results.reason is not null then surgical_results.reason
            when delivered_until.until_day < episodes.observed_days then 'delivery_gap'
            when unproven.imaging_id is not null then 'no_baseline_image'
            when not adjacent_looks.has_image and visits_without_symptoms.patient_id is null then 'no_image'
        end as reason
    from episodes
    inner join surgical_results
        on
            episodes.site_id = surgical_results.site_id
            and episodes.patient_id = surgical_results.patient_id
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
    left join visits_without_symptoms
        on
            episodes.site_id = visits_without_symptoms.site_id
            and episodes.patient_id = visits_without_symptoms.patient_id
    left join delivered_until
        on
            episodes.site_id = delivered_until.site_id
            and episodes.patient_id = delivered_until.patient_id
            and delivered_until.source_table = 'imaging'
),

evidence as (
    select
        site_id, patient_id,
        'imaging' as source_table,
        imaging_id as record_id
    from symptomatic_images
    where is_new
    union all
    select
        site_id, patient_id,
        symptom_table as source_table,
        symptom_id as record_id
    from symptomatic_images
    where is_new
    union all
    select site_id, patient_id, source_table, record_id
    from surgical
    where status = 'yes'
)

select
    results.site_id, results.patient_id,
    case
        when results.kind is not null then 'yes'
        when results.reason is not null then 'not_assessable'
        else 'no'
    end as status,
    results.reason, results.onset_day,
    case when results.kind is null then cast(results.observed_days as double) end as value,
    case when results.kind is null then 'observed_days' end as value_name,
    results.kind,
    coalesce(evidence.source_table, 'patients') as source_table,
    coalesce(evidence.record_id, results.patient_id) as record_id
from results
left join evidence
    on
        results.site_id = evidence.site_id
        and results.patient_id = evidence.patient_id
