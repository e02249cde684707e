/*
title: Calibration of the risk models
rationale: >
  Neighbouring tenths are taken together until each group has enough patients with the outcome and enough without.
grain: one row per outcome and group of patients of similar predicted risk
key: [measure, first_tenth]
needs: [protected_risk_calibration]
columns:
  measure: {description: the outcome, enum: measures}
  first_tenth:
    description: >-
      the first tenth of the patients in this group, in order of predicted risk; patients of the same risk stay
      together
    unit: tenth
  last_tenth: {description: the last tenth of the patients in this group, unit: tenth}
  patients: {description: "patients in the group, rounded", unit: patients}
  observed: {description: "those of them with the outcome, rounded", unit: patients}
  expected: {description: "sum of their risks, each predicted by a model that has not seen the patient", unit: patients}
  observed_share: {description: observed among the patients, unit: fraction}
  observed_share_low: {description: lower limit of its 95 % confidence interval (Wilson), unit: fraction}
  observed_share_high: {description: upper limit of its 95 % confidence interval (Wilson), unit: fraction}
  expected_share: {description: mean predicted risk of the patients, unit: fraction}
  is_suppressed: counts are hidden to protect patients (neither zero nor missing)
*/
select
    measure,
    first_tenth,
    last_tenth,
    patients,
    observed,
    expected,
    observed_share,
    observed_share_low,
    observed_share_high,
    expected_share,
    is_suppressed
from protected_risk_calibration
order by measure, first_tenth
