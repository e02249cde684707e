/*
title: Risk models of the headline outcomes
grain: one row per outcome and term of its model
key: [measure, term, level]
needs: [risk_models]
columns:
  measure: {description: the outcome, enum: measures}
  term: "the factor of the case mix, or intercept"
  level: "the level of the factor, or the step of a straight line; all of the intercept"
  state:
    description: >-
      estimated; the reference of its factor; merged with the reference, as too few patients of either answer have it;
      or collinear, as the terms before it leave nothing to tell it apart by
    enum: [estimated, merged, reference, collinear]
  coefficient: {description: null where it was not estimated, unit: log odds}
  std_error: {description: of the coefficient, unit: log odds}
  odds_ratio: {description: against the reference of the factor; null of the intercept, unit: ratio}
  odds_ratio_low: {description: lower limit of its 95 % confidence interval (Wald), unit: ratio}
  odds_ratio_high: {description: upper limit of its 95 % confidence interval (Wald), unit: ratio}
  model_kind:
    description: "full: all factors; core: age, sex, ASA class, levels; intercept: the same risk for all"
    enum: [full, core, intercept]
  reason:
    description: why the model is not the full one; null when it is
    enum: [too_few_events, no_usable_factor, not_converged, no_better_than_chance]
  patients:
    description: >-
      patients that the model was fitted to; as all below, the same in each row of an outcome
    unit: patients
  events: {description: those of them with the outcome, unit: patients}
  c_statistic:
    description: >-
      how often, of two patients of whom one has the outcome, that one was given the higher risk; cross-validated
    unit: fraction
  brier: {description: "mean squared distance of risk and outcome; cross-validated", unit: fraction}
  calibration_intercept:
    description: >-
      what would have to be added to the predicted log odds, 0 when as many are expected as observed; null when all
      risks are the same; cross-validated
    unit: log odds
  calibration_slope:
    description: >-
      by what the predicted log odds would have to be multiplied, less than 1 when they are too extreme; null
      when all risks are the same; cross-validated
    unit: ratio
*/
select
    measure,
    term,
    level,
    state,
    coefficient,
    std_error,
    odds_ratio,
    odds_ratio_low,
    odds_ratio_high,
    model_kind,
    reason,
    patients,
    events,
    c_statistic,
    brier,
    calibration_intercept,
    calibration_slope
from risk_models
order by measure, term, level
