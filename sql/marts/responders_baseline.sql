/*
title: Those who answered beside those who did not, at baseline
rationale: >
  Where the two differ before surgery, the outcomes of those who answered do not stand for all; 0.1 and more is commonly
  taken as a difference that matters.
citation: Austin 2009, Statistics in Medicine 28:3083 (https://doi.org/10.1002/sim.3697)
grain: one row per visit window after the index fusion and characteristic, over all sites
key: [target_day, visit_window, characteristic]
needs: [responders_baseline]
columns:
  visit_window: {description: the visit window, enum: visit_windows.visit_window}
  target_day: {description: the day that a visit should be nearest to, unit: days since the index fusion}
  characteristic:
    description: what is compared, as it was before surgery
    enum: [age_years, female, current_smoker, baseline_ndi, baseline_neck_pain]
  responders:
    description: patients with a visit in the closed window, and the characteristic known
    unit: patients
  non_responders:
    description: patients without one in the closed window, and the characteristic known
    unit: patients
  responders_value:
    description: "mean of the responders, or their share; null without any"
    unit: "years, fraction, NDI percent or NRS points"
  non_responders_value:
    description: "mean of the others, or their share; null without any"
    unit: as responders_value
  difference:
    description: >-
      standardised mean difference, responders less non-responders; null when either group is too small or neither
      varies
    unit: standard deviations
*/
select
    visit_window,
    target_day,
    characteristic,
    responders,
    non_responders,
    responders_value,
    non_responders_value,
    difference
from responders_baseline
order by target_day, visit_window, characteristic
