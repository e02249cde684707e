/*
title: Measures, as they may be shown
rationale: >
  Cells with a small count, and those it could be worked out from, are suppressed; then counts are rounded, and shares,
  rates and intervals computed from the rounded counts. Months are not shown: nearly all of a site's would be hidden.
grain: one row per measure, site, period of the index fusion and stratum, with the margins
key: [measure, site_id, resolution, period, stratum_kind, stratum]
needs: [measure_counts, protected_measures]
columns:
  measure: {description: name of the definition, enum: measures}
  site_id: "the site; null when all sites together"
  resolution: {description: how long the periods are; all takes them together, enum: [all, year]}
  period: "year of the index fusion (YYYY); null when all together"
  stratum_kind:
    description: how the patients are grouped, beside by site and period
    enum: [all, approach, levels_band, age_band, indication]
  stratum: "the group; null when all of them together"
  state:
    description: >-
      suppressed: hidden to protect patients; zero: nobody has the outcome; missing: nobody could have been counted;
      shown: none of these
    enum: [shown, zero, missing, suppressed]
  numerator: {description: "patients with the outcome, to the nearest 5; null when suppressed", unit: patients}
  patients: {description: "patients in the denominator, rounded as the numerator", unit: patients}
  excluded: {description: "patients not in the denominator, rounded as the numerator", unit: patients}
  person_years: {description: "of a rate, time at risk to the nearest 5; null of a share", unit: person-years}
  estimate:
    description: "the share, or the rate per 100 person-years, of the rounded counts"
    unit: fraction, or events per 100 person-years
  estimate_low:
    description: "lower limit of its 95 % confidence interval (share: Wilson; rate: exact Poisson)"
    unit: as estimate
  estimate_high:
    description: "upper limit of its 95 % confidence interval (share: Wilson; rate: exact Poisson)"
    unit: as estimate
*/
select
    measure,
    site_id,
    resolution,
    period,
    stratum_kind,
    stratum,
    state,
    numerator,
    patients,
    excluded,
    person_years,
    estimate,
    estimate_low,
    estimate_high
from protected_measures
order by measure, site_id, resolution, period, stratum_kind, stratum
