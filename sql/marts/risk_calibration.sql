/*
title: Calibration of the risk models
grain: one row per outcome and group of patients of similar predicted risk
key: [measure, first_tenth]
needs: [risk_calibration]
columns:
  measure: {description: the outcome, enum: measures}
  first_tenth:
    description: >-
      the first tenth of the patients in this group, in order of predicted risk; patients of the same risk stay
      together
    unit: tenth
  last_tenth: {description: the last tenth of the patients in this group, unit: tenth}
  patients: {description: patients in the group, unit: patients}
  observed: {description: those of them with the outcome, unit: patients}
  expected: {description: "sum of their risks, each predicted by a model that has not seen the patient", unit: patients}
  observed_share: {description: observed among the patients, unit: fraction}
  observed_share_low: {description: lower limit of its 95 % confidence interval (Wilson), unit: fraction}
  observed_share_high: {description: upper limit of its 95 % confidence interval (Wilson), unit: fraction}
  expected_share: {description: mean predicted risk of the patients, unit: fraction}
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
    expected_share
from risk_calibration
order by measure, first_tenth
