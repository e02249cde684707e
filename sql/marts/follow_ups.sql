/*
title: Follow-up visits, scored
grain: one row per follow-up visit of an episode
key: [site_id, follow_up_id]
contract_table: follow_ups
needs: [follow_up_scores, nearest_visits]
columns:
  site_id: the site
  patient_id:
  follow_up_id:
  day:
  visit_window:
    description: the visit window that holds the day; null between windows
    enum: visit_windows.visit_window
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
  eq5d_index:
    description: "EQ-5D-5L index of the profile by the value set that the installation supplies; null without one"
    unit: 1 = full health
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
    follow_up_scores.site_id,
    follow_up_scores.patient_id,
    follow_up_scores.follow_up_id,
    follow_up_scores.day,
    follow_up_scores.visit_window,
    nearest_visits.follow_up_id is not null as is_window_visit,
    follow_up_scores.is_after_revision,
    follow_up_scores.has_outcome,
    follow_up_scores.neck_pain_nrs,
    follow_up_scores.arm_pain_nrs,
    follow_up_scores.ndi_percent,
    follow_up_scores.ndi_band,
    follow_up_scores.ndi_pain_item,
    follow_up_scores.ndi_headache_item,
    follow_up_scores.ndi_items_answered,
    follow_up_scores.mjoa,
    follow_up_scores.mjoa_severity,
    follow_up_scores.eq5d_profile,
    follow_up_scores.eq5d_index,
    follow_up_scores.eq_vas,
    follow_up_scores.promis_pf_t,
    follow_up_scores.promis_pi_t,
    follow_up_scores.satisfaction,
    follow_up_scores.is_satisfied,
    follow_up_scores.radiating_pain,
    follow_up_scores.numbness,
    follow_up_scores.mrc_grade_min,
    follow_up_scores.neck_rotation_deg,
    follow_up_scores.occipital_headache,
    follow_up_scores.opioid_use,
    follow_up_scores.working
from follow_up_scores
left join nearest_visits
    on
        follow_up_scores.site_id = nearest_visits.site_id
        and follow_up_scores.follow_up_id = nearest_visits.follow_up_id
order by follow_up_scores.site_id, follow_up_scores.follow_up_id
