/*
title: Follow-up visits, scored
grain: one row per follow-up visit of an episode
key: [site_id, follow_up_id]
contract_table: follow_ups
needs: [follow_up_scores]
columns:
  site_id: the site
  patient_id:
  follow_up_id:
  day:
  visit_window: "the visit window that holds the day; null between windows"
  is_window_visit: of the visits in its window the one that represents it (nearest to the target day)
  is_after_revision: the visit came after the first revision
  has_outcome: "at least one instrument could be scored: pain, NDI, mJOA, EQ-5D, EQ VAS, PROMIS or satisfaction"
  neck_pain_nrs:
  arm_pain_nrs:
  ndi_percent:
    description: "Neck Disability Index, higher is worse; null when 3 or more items are missing"
    unit: percent
  ndi_band:
    description: "disability by NDI points: none 0-4, mild 5-14, moderate 15-24, severe 25-34, complete above 34"
    enum: [none, mild, moderate, severe, complete]
  ndi_pain_item: {description: "NDI item 1: pain intensity", unit: 0 to 5}
  ndi_headache_item: {description: "NDI item 5: headaches", unit: 0 to 5}
  ndi_items_answered: {description: number of NDI items answered, unit: items}
  mjoa:
    description: "modified Japanese Orthopaedic Association score, from its domains when given, higher is better"
    unit: 0 to 18
  mjoa_severity:
    description: "myelopathy by mJOA: none 18, mild 15-17, moderate 12-14, severe 0-11"
    enum: [none, mild, moderate, severe]
  eq5d_profile: "EQ-5D-5L levels as five digits; null when one is missing"
  eq5d_index: "EQ-5D-5L index of the profile by the value set that the installation supplies; null without one"
  eq_vas:
  promis_pf_t:
  promis_pi_t:
  satisfaction:
  is_satisfied: "satisfaction 1 or 2; null when not asked"
  radiating_pain:
  numbness:
  mrc_grade_min:
  neck_rotation_deg:
  occipital_headache:
  opioid_use:
  working:
*/
select
    site_id,
    patient_id,
    follow_up_id,
    day,
    visit_window,
    is_window_visit,
    is_after_revision,
    has_outcome,
    neck_pain_nrs,
    arm_pain_nrs,
    ndi_percent,
    ndi_band,
    ndi_pain_item,
    ndi_headache_item,
    ndi_items_answered,
    mjoa,
    mjoa_severity,
    eq5d_profile,
    eq5d_index,
    eq_vas,
    promis_pf_t,
    promis_pi_t,
    satisfaction,
    is_satisfied,
    radiating_pain,
    numbness,
    mrc_grade_min,
    neck_rotation_deg,
    occipital_headache,
    opioid_use,
    working
from follow_up_scores
order by site_id, follow_up_id
