/*
title: Radiographic adjacent segment disease
category: suspected causes
guide: The joints above and below a fusion can wear faster; an image shows it.
definition: >
  An image after day 0 shows degeneration, herniation or stenosis of a joint adjacent to the fusion, new or worse than
  on the images before surgery. Worse is a higher grade, a larger herniation, a lower disc or a narrower canal, in one
  unit; grade 0 is no finding. Without any image before surgery a finding counts from day {asd_without_baseline_day} on
  and only when the first image after surgery showed the joint free of it. A joint that was symptomatic before surgery,
  or is coded in the stay of the fusion, does not count.
rationale: >
  Findings on images are far more frequent than disease, so they are kept apart from suspected disease. What was never
  looked at before cannot be called new, and a no needs an image that could have shown it, and images sent as long as
  the patient was observed.
citation: clinical specification, section 3
grain: one row per episode and piece of evidence
version: 4
status: accepted
needs: [episodes, adjacent_images, adjacent_looks, delivered_until, thresholds]
columns:
  onset_day: day of the first such image
  value: the finding's recorded value when it has one; of a no, the observed days
criteria:
  - says: the fused joints are known
    relation: index_joints
  - says: a joint next to them that was not symptomatic before surgery
    relation: adjacent_joints
    where: is_counting
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
*/
with first_images as (
    select site_id, patient_id, imaging_id, day, finding, value
    from adjacent_images
    where is_new
    qualify row_number() over (partition by site_id, patient_id order by day, imaging_id) = 1
),

unproven as (
    select distinct site_id, patient_id
    from adjacent_images
    where is_new is null
),

reasoned as (
    select
        episodes.site_id, episodes.patient_id, episodes.observed_days, first_images.imaging_id,
        first_images.day, first_images.finding, first_images.value,
        case
            when first_images.imaging_id is not null then null
            when episodes.index_levels is null then 'level_unknown'
            when delivered_until.patient_id is null then 'no_source_data'
            when coalesce(episodes.observed_days < thresholds.asd_observed_days, true) then 'no_follow_up'
            when delivered_until.until_day < episodes.observed_days then 'delivery_gap'
            when unproven.patient_id is not null then 'no_baseline_image'
            when not adjacent_looks.has_image then 'no_image'
        end as reason
    from episodes
    cross join thresholds
    inner join adjacent_looks
        on
            episodes.site_id = adjacent_looks.site_id
            and episodes.patient_id = adjacent_looks.patient_id
    left join first_images
        on
            episodes.site_id = first_images.site_id
            and episodes.patient_id = first_images.patient_id
    left join unproven
        on
            episodes.site_id = unproven.site_id
            and episodes.patient_id = unproven.patient_id
    left join delivered_until
        on
            episodes.site_id = delivered_until.site_id
            and episodes.patient_id = delivered_until.patient_id
            and delivered_until.source_table = 'imaging'
)

select
    site_id, patient_id,
    case
        when imaging_id is not null then 'yes'
        when reason is not null then 'not_assessable'
        else 'no'
    end as status,
    reason,
    day as onset_day,
    case when imaging_id is not null then value else cast(observed_days as double) end as value,
    case when imaging_id is not null then finding else 'observed_days' end as value_name,
    cast(null as varchar) as kind,
    case when imaging_id is not null then 'imaging' else 'patients' end as source_table,
    coalesce(imaging_id, patient_id) as record_id
from reasoned
