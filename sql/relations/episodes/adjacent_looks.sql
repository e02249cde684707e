/*
title: Images that could show adjacent segment disease
rationale: >
  What is new needs a before. Without an image before surgery a change counts late only, since early ones tell what was
  there already.
citation: clinical specification, section 3
grain: one row per episode
needs: [episodes, thresholds]
columns:
  has_baseline: an image before surgery, or of its day
  first_day: day of the first image after surgery
  look_day: the first day on which a finding can count
  has_image: an image on that day or later
*/
with image_days as (
    select
        episodes.site_id, episodes.patient_id,
        coalesce(min(imaging.day) <= 0, false) as has_baseline,
        min(case when imaging.day >= 1 then imaging.day end) as first_day,
        max(imaging.day) as last_day
    from episodes
    left join imaging
        on
            episodes.site_id = imaging.site_id
            and episodes.patient_id = imaging.patient_id
    group by episodes.site_id, episodes.patient_id
),

looked_from as (
    select
        image_days.site_id, image_days.patient_id, image_days.has_baseline, image_days.first_day, image_days.last_day,
        case when image_days.has_baseline then 1 else thresholds.asd_without_baseline_day end as look_day
    from image_days
    cross join thresholds
)

select
    site_id, patient_id, has_baseline, first_day, look_day,
    coalesce(last_day >= look_day, false) as has_image
from looked_from
