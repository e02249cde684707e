/*
title: Visit windows
grain: one row per episode and visit window, those to 24 months and later ones as far as the data cut
key: [site_id, patient_id, visit_window]
needs: [window_states]
columns:
  site_id: the site
  patient_id: the patient, a random key of the site
  visit_window:
    description: the visit window, baseline to 24_months and then yearly
    enum: visit_windows.visit_window
  target_day: {description: the day that a visit should be nearest to, unit: days since the index fusion}
  state:
    description: >-
      what became of it: done, a visit with at least one scored instrument and not after a revision; lost, none and the
      window is closed; due, open without one; not_yet_due, before its first day; or the death or the first revision
      came before its first day. A visit is expected when done, due or lost.
    enum: [done, lost, due, not_yet_due, died_before_window, revised_before_window]
  is_closed: the data cut has reached the window's last day, or the death or first revision before that day
  follow_up_id: "the visit of a window that is done, the nearest to the target; null otherwise"
  day: {description: day of that visit, unit: days since the index fusion}
*/
select
    site_id,
    patient_id,
    visit_window,
    target_day,
    state,
    is_closed,
    follow_up_id,
    day
from window_states
order by site_id, patient_id, visit_window
