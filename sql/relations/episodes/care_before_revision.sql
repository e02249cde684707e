/*
title: Conservative care tried before the first revision
rationale: >
  Care of the days after an operation belongs to that operation: it was not tried against what led to the next.
citation: clinical specification, sections 4 and 5
grain: one row per treatment and class
needs: [episodes, neck_operations, treatment_classes, thresholds]
columns:
  end_day: last day covered, at most the day of the revision
*/
with surgeries as (
    select distinct site_id, patient_id, day
    from neck_operations
    where is_stage
)

select
    treatment_classes.site_id, treatment_classes.patient_id, treatment_classes.treatment_class,
    treatment_classes.start_day, treatment_classes.source_table, treatment_classes.record_id,
    least(treatment_classes.end_day, episodes.first_revision_day) as end_day
from treatment_classes
cross join thresholds
inner join episodes
    on
        treatment_classes.site_id = episodes.site_id
        and treatment_classes.patient_id = episodes.patient_id
        and treatment_classes.start_day >= 1
        and treatment_classes.start_day < episodes.first_revision_day
        and (
            treatment_classes.start_day >= thresholds.conservative_from_day
            or treatment_classes.start_day >= episodes.first_revision_day - thresholds.conservative_lookback_days
        )
left join surgeries
    on
        treatment_classes.site_id = surgeries.site_id
        and treatment_classes.patient_id = surgeries.patient_id
        and treatment_classes.start_day >= surgeries.day
        and treatment_classes.start_day <= surgeries.day + thresholds.care_after_surgery_days
where surgeries.patient_id is null
