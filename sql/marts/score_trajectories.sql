/*
title: Score trajectories
rationale: >
  Not the same patients in each window: those who come back differ from those who do not, so that a line through the
  medians is no patient's course.
grain: one row per instrument, visit window (baseline included) and site (and all sites together)
key: [instrument, visit_window, site_id]
needs: [score_trajectories]
columns:
  instrument:
    description: what was measured
    enum: [ndi, neck_pain_nrs, arm_pain_nrs, mjoa, promis_pf_t, promis_pi_t]
  visit_window:
    description: "the visit window, baseline included; only those in which anybody has a score"
    enum: visit_windows.visit_window
  target_day: {description: the day that a visit should be nearest to, unit: days since the index fusion}
  site_id: "the site; null when all sites together"
  patients:
    description: "patients with a score, after surgery in a closed window and before any revision"
    unit: patients
  lower_quartile:
    description: "the least score that a quarter of the patients does not exceed; null without any"
    unit: "NDI percent, pain NRS points, mJOA points, PROMIS T-score"
  median:
    description: "the least score that half of the patients do not exceed; null without any"
    unit: as lower_quartile
  upper_quartile:
    description: "the least score that three quarters of the patients do not exceed; null without any"
    unit: as lower_quartile
*/
select
    instrument,
    visit_window,
    target_day,
    site_id,
    patients,
    lower_quartile,
    median,
    upper_quartile
from score_trajectories
order by instrument, visit_window, site_id
