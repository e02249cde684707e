/*
title: Cumulative incidence of revision and of suspected adjacent segment disease
rationale: >
  Computed in days and only read off on the days listed. Aalen-Johansen with death competing, for a type of revision
  also a first revision of another type. One minus Kaplan-Meier takes what competes for the end of observation and so
  overstates; it is listed for the comparison alone.
grain: one row per outcome, estimator, group of patients and day
key: [site_id, outcome, estimator, stratum_kind, stratum, day]
needs: [curves]
columns:
  outcome:
    description: what is waited for
    enum:
      - asd
      - revision
      - revision_adjacent_segment_fusion
      - revision_disc_replacement
      - revision_foraminotomy
      - revision_fusion_level_unknown
      - revision_hardware_removal
      - revision_laminoplasty
      - revision_nonunion
      - revision_other
  estimator:
    description: how it is estimated; one_minus_km overstates and serves as a sensitivity analysis only
    enum: [aalen_johansen, one_minus_km]
  stratum_kind:
    description: how the patients are grouped, beside by site
    enum: [all, approach, levels_band, age_band, indication]
  stratum: "the group; null when all of them together"
  site_id: "the site; null when all sites together"
  day: {description: "every 30 days, or near 1, 2, 5, 10 and 20 years that day", unit: days since the index fusion}
  at_risk: {description: patients still observed and without any event just before the day, unit: patients}
  events: {description: patients with the outcome up to and including the day, unit: patients}
  competing: {description: patients for whom a competing event came first up to and including the day, unit: patients}
  censored: {description: patients whose observation ended without an event up to and including the day, unit: patients}
  incidence: {description: "estimated share with the outcome by the day; null when nobody is at risk", unit: fraction}
  low:
    description: "lower pointwise 95 % limit (log-log); null when the estimate is 0 or 1 or nobody is at risk"
    unit: fraction
  high:
    description: "upper pointwise 95 % limit (log-log); null when the estimate is 0 or 1 or nobody is at risk"
    unit: fraction
*/
select
    outcome,
    estimator,
    stratum_kind,
    stratum,
    site_id,
    day,
    at_risk,
    events,
    competing,
    censored,
    incidence,
    low,
    high
from curves
-- The rows of a site stand together, for they are read together.
order by site_id, outcome, estimator, stratum_kind, stratum, day
