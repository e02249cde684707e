/*
title: Risk-adjusted CUSUM and VLAD
rationale: >
  A CUSUM finds a lasting change earlier than monthly shares do, and expects of each site what its own patients'
  risks let expect (Steiner 2000, https://doi.org/10.1093/biostatistics/1.4.441). Patients of months that are not judged
  yet (`judged_after_months`) are left out: they have had less time than the model takes them to have had.
grain: one row per outcome, site and period of the index fusion with a patient
key: [site_id, measure, period]
needs: [cusum_points]
columns:
  measure: {description: the outcome, enum: measures}
  site_id: the site
  period: "month of the index fusion, YYYY-MM; the year, YYYY, of patients whose month is not known"
  patients: {description: patients who can be judged, unit: patients}
  observed: {description: patients with the outcome, unit: patients}
  expected: {description: patients with the outcome that the risk model expects, unit: patients}
  vlad: {description: "expected minus observed, summed from the site's first patient on", unit: patients}
  cusum_upper:
    description: highest value in the period of the CUSUM that looks for doubled odds
    unit: log-likelihood ratio
  threshold_upper: {description: "where it signals, and starts anew at zero", unit: log-likelihood ratio}
  cusum_lower:
    description: highest value in the period of the CUSUM that looks for halved odds
    unit: log-likelihood ratio
  threshold_lower: {description: "where it signals, and starts anew at zero", unit: log-likelihood ratio}
  signal:
    description: "which CUSUM signals in the period: upper, more outcomes than expected; lower, fewer; null when none"
    enum: [upper, lower, both]
*/
select
    measure,
    site_id,
    period,
    patients,
    observed,
    expected,
    vlad,
    cusum_upper,
    threshold_upper,
    cusum_lower,
    threshold_lower,
    signal
from cusum_points
-- The rows of a site stand together, for they are read together.
order by site_id, measure, period
