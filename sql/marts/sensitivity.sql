/*
title: Sensitivity of the shares to the conventions
rationale: >
  Published rates differ severalfold by definition alone; this shows how far each convention moves ours.
grain: one row per label, convention and setting tried
key: [label, convention, setting]
needs: [sensitivity]
columns:
  label: {description: name of the definition, enum: labels}
  convention:
    description: the threshold that is moved, or lowest_tier
    enum: [pain_nrs, symptom_image_days, stage_days, interspinous_motion_mm, lowest_tier]
  setting: the value tried
  is_default: the value that the definition uses
  "yes": {description: patients for whom the label holds, unit: patients}
  "no": {description: patients for whom it does not hold, unit: patients}
  not_assessable: {description: patients for whom it cannot be said, unit: patients}
  share: {description: yes among yes and no, unit: fraction}
*/
select
    label,
    convention,
    setting,
    is_default,
    yes,
    no,
    not_assessable,
    yes / nullif(yes + no, 0) as share
from sensitivity
order by label, convention, setting
