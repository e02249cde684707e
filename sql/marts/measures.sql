/*
title: Measures
rationale: >
  Exact counts, for research inside the institution. Every site, period and stratum has its row, zeros included; strata
  are not crossed with periods.
grain: one row per measure, site, period of the index fusion and stratum, with the margins
key: [site_id, measure, resolution, period, stratum_kind, stratum]
needs: [measure_estimates, measure_definitions]
columns:
  measure: {description: the measure, enum: measures}
  unit:
    description: a share of patients, or a rate of first events per 100 person-years
    enum: [share, rate]
  site_id: "the site; null when all sites together"
  resolution: {description: how long the periods are; all takes them together, enum: [all, year, month]}
  period:
    description: >-
      year (YYYY) or month (YYYY-MM) of the index fusion; null when all together; a month only holds patients whose site
      delivers the month
  stratum_kind:
    description: how the patients are grouped, beside by site and period
    enum: [all, approach, levels_band, age_band, indication]
  stratum: "the group; null when all of them together"
  numerator: {description: patients with the outcome, unit: patients}
  patients: {description: patients in the denominator, unit: patients}
  excluded: {description: "patients not in the denominator, see measure_exclusions", unit: patients}
  days: {description: "of a rate, time at risk; null of a share", unit: person-days}
  estimate:
    description: "the share, or the rate per 100 person-years; null without patients or time"
    unit: fraction, or events per 100 person-years
  estimate_low:
    description: "lower limit of the 95 % confidence interval (share: Wilson; rate: exact Poisson)"
    unit: as estimate
  estimate_high:
    description: "upper limit of the 95 % confidence interval (share: Wilson; rate: exact Poisson)"
    unit: as estimate
*/
select
    measure_estimates.measure,
    measure_definitions.unit,
    measure_estimates.site_id,
    measure_estimates.resolution,
    measure_estimates.period,
    measure_estimates.stratum_kind,
    measure_estimates.stratum,
    measure_estimates.numerator,
    measure_estimates.patients,
    measure_estimates.excluded,
    measure_estimates.days,
    measure_estimates.estimate,
    measure_estimates.estimate_low,
    measure_estimates.estimate_high
from measure_estimates
inner join measure_definitions
    on measure_estimates.measure = measure_definitions.measure
-- The rows of a site stand together, for they are read together.
order by
    measure_estimates.site_id,
    measure_estimates.measure,
    measure_estimates.resolution,
    measure_estimates.period,
    measure_estimates.stratum_kind,
    measure_estimates.stratum
