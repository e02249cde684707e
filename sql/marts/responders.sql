/*
title: Responders
grain: one row per episode, instrument and visit window after the index fusion
key: [site_id, patient_id, instrument, visit_window]
needs: [responders]
columns:
  site_id: the site
  patient_id: the patient, a random key of the site
  instrument:
    description: what was measured
    enum: [ndi, neck_pain_nrs, arm_pain_nrs, mjoa, promis_pf_t, promis_pi_t]
  visit_window:
    description: the visit window, 6_weeks to 24_months and then yearly
    enum: visit_windows.visit_window
  target_day: {description: the day that a visit should be nearest to, unit: days since the index fusion}
  baseline_value:
    description: "score before surgery; null when not assessed"
    unit: "NDI percent, pain NRS points, mJOA points, PROMIS T-score"
  value:
    description: "score in the window, before any revision; null when not assessed or the window is not closed"
    unit: as baseline_value
  change: {description: "from baseline to the window, positive is better", unit: as baseline_value}
  reached_mcid:
    description: >-
      better by at least the minimal clinically important difference (NDI 15 percent, pain 2.5, mJOA 1, 2 or 3 by
      severity at baseline, PROMIS 5); null with a reason
  reached_scb:
    description: >-
      better by at least the substantial clinical benefit (NDI 19 percent, pain 3.5); null with a reason, and for an
      instrument without one
  reached_percent:
    description: >-
      the score fell by at least 30 percent of its baseline (NDI and pain); null with a reason, and for an instrument
      without such a threshold
  reason:
    description: "why nothing can be said; null otherwise"
    enum:
      - no_baseline
      - no_assessment_in_window
      - window_not_closed
      - died_before_window
      - revised_before_window
      - not_applicable
*/
select
    site_id,
    patient_id,
    instrument,
    visit_window,
    target_day,
    baseline_value,
    value,
    change,
    reached_mcid,
    reached_scb,
    reached_percent,
    reason
from responders
order by site_id, patient_id, instrument, visit_window
