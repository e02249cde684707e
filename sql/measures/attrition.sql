/*
title: Attrition
grain: one row per step from the delivered patients to the cohort, over all sites
key: [step]
needs: [attrition]
columns:
  step: 1 = all delivered patients
  reason: why patients left at this step
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
