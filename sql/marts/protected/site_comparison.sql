/*
title: Sites against what their case mix leads one to expect
rationale: >
  Every figure follows from the rounded counts of the protected measures and the number expected, so that none tells
  more than those do. Sites are never ranked.
grain: one row per outcome and site with an accepted submission
key: [measure, site_id]
needs: [protected_site_comparison]
columns:
  measure: {description: the outcome, enum: measures}
  site_id: the site
  marking:
    description: >-
      compared; insufficient, as fewer than 20 patients were followed, and without ratio and position; or none_expected,
      as no site has the outcome; null where hidden
    enum: [compared, insufficient, none_expected]
  patients:
    description: >-
      patients followed, rounded; as all below, null where it would tell of a few patients
    unit: patients
  eligible:
    description: >-
      patients who could have been followed: all but those who died, were revised or came too recently; to the
      nearest step of the threshold less one
    unit: patients
  completeness: {description: patients followed among the eligible; 0.8 is the mark, unit: fraction}
  observed: {description: "patients with the outcome, rounded", unit: patients}
  expected:
    description: >-
      sum of the expected probabilities of the patients, by the risk model, to one decimal
    unit: patients
  share: {description: observed among the patients followed, unit: fraction}
  target_share: {description: "the same over all sites; the middle of the funnel", unit: fraction}
  ratio: {description: observed over expected, unit: ratio}
  ratio_low: {description: "lower limit of its 95 % confidence interval (exact Poisson)", unit: ratio}
  ratio_high: {description: "upper limit of its 95 % confidence interval (exact Poisson)", unit: ratio}
  adjusted_share: {description: ratio times the target share, unit: fraction}
  low_95: {description: "lower 95 % limit of the funnel for the adjusted share (exact binomial)", unit: fraction}
  high_95: {description: "upper 95 % limit of the funnel for the adjusted share (exact binomial)", unit: fraction}
  low_99_8: {description: "lower 99.8 % limit of the funnel for the adjusted share (exact binomial)", unit: fraction}
  high_99_8: {description: "upper 99.8 % limit of the funnel for the adjusted share (exact binomial)", unit: fraction}
  position:
    description: where the adjusted share lies in the funnel
    enum: &positions [above_99_8, above_95, inside, below_95, below_99_8]
  phi:
    description: >-
      over-dispersion of the sites that are compared, 1 when they differ by chance alone; the same in each row of
      an outcome
    unit: ratio
  tau2:
    description: >-
      variance between the sites beyond chance, of the square root of the ratio; the same in each row of an
      outcome
    unit: ratio
  widened_low_95: {description: "as low_95, widened for over-dispersion", unit: fraction}
  widened_high_95: {description: "as high_95, widened for over-dispersion", unit: fraction}
  widened_low_99_8: {description: "as low_99_8, widened for over-dispersion", unit: fraction}
  widened_high_99_8: {description: "as high_99_8, widened for over-dispersion", unit: fraction}
  widened_position: {description: where the adjusted share lies in the widened funnel, enum: *positions}
  is_suppressed: counts are hidden to protect patients (neither zero nor missing)
*/
select
    measure,
    site_id,
    marking,
    patients,
    eligible,
    completeness,
    observed,
    expected,
    share,
    target_share,
    ratio,
    ratio_low,
    ratio_high,
    adjusted_share,
    low_95,
    high_95,
    low_99_8,
    high_99_8,
    position,
    phi,
    tau2,
    widened_low_95,
    widened_high_95,
    widened_low_99_8,
    widened_high_99_8,
    widened_position,
    is_suppressed
from protected_site_comparison
order by measure, site_id
