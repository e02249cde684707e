/*
title: Attrition
grain: one row per step from the delivered patients to the cohort, over all sites
key: [step]
needs: [attrition]
columns:
  step: {description: 1 = all delivered patients, unit: none}
  reason:
    description: why patients left at this step
    enum: [delivered, no_cervical_fusion_on_day_0, earlier_cervical_fusion, arthrodesis_status_before]
  patients_left: {description: patients who passed the step, unit: patients}
  is_suppressed: the count is hidden to protect patients (neither zero nor missing)
*/
select
    step,
    reason,
    cast(sum(patients_left) as bigint) as patients_left
from attrition
group by step, reason
order by step
