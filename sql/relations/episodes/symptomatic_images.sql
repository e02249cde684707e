/*
title: Image of an adjacent joint and a symptom that belongs to it
rationale: >
  The onset is the later of the two; the earliest onset decides, the nearer pair and then the lower ids break ties.
  What was on images before surgery makes no pair.
citation: clinical specification, section 3
grain: one row per episode that has such a pair, and whether its finding is known to be new
needs: [adjacent_images, symptoms, thresholds]
columns:
  is_new: the finding is new or worse; false where nothing tells whether it is
*/
with pairs as (
    select
        adjacent_images.site_id, adjacent_images.patient_id, adjacent_images.imaging_id,
        coalesce(adjacent_images.is_new, false) as is_new,
        symptoms.source_table as symptom_table,
        symptoms.record_id as symptom_id,
        greatest(adjacent_images.day, symptoms.day) as onset_day,
        abs(adjacent_images.day - symptoms.day) as days_apart
    from adjacent_images
    inner join symptoms
        on
            adjacent_images.site_id = symptoms.site_id
            and adjacent_images.patient_id = symptoms.patient_id
            and coalesce(symptoms.joint, adjacent_images.joint) = adjacent_images.joint
    cross join thresholds
    where
        coalesce(adjacent_images.is_new, true)
        and abs(adjacent_images.day - symptoms.day) <= thresholds.symptom_image_days
)

select site_id, patient_id, imaging_id, is_new, symptom_table, symptom_id, onset_day, days_apart
from pairs
qualify
    row_number() over (
        partition by site_id, patient_id, is_new
        order by onset_day, days_apart, imaging_id, symptom_table, symptom_id
    ) = 1
