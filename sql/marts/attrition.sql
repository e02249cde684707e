/*
title: Attrition
grain: one row per site and step from the delivered patients to the cohort
key: [site_id, step]
needs: [attrition]
columns:
  site_id: the site
  step: {description: 1 = all delivered patients, unit: none}
  reason:
    description: why patients left at this step
    enum: [delivered, no_cervical_fusion_on_day_0, earlier_cervical_fusion, arthrodesis_status_before]
  patients_in: {description: patients who reached the step, unit: patients}
  patients_out: {description: patients who left at the step, unit: patients}
  patients_left: {description: patients who passed it, unit: patients}
*/
select
    site_id,
    step,
    reason,
    patients_in,
    patients_out,
    patients_left
from attrition
order by site_id, step
