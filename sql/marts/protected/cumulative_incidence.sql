/*
title: Cumulative incidence of revision and of suspected adjacent segment disease
rationale: >
  Aalen-Johansen alone: one minus Kaplan-Meier beside it would tell how many died. The types of revision are shown for
  all sites together. A curve moves only where enough patients had the outcome or left since the day shown before, and
  ends where too few are at risk. The horizons go before other days; sites, strata and types have them and half-years.
grain: one row per outcome, group of patients and day
key: [outcome, stratum_kind, stratum, site_id, day]
needs: [protected_curves]
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
  stratum_kind:
    description: how the patients are grouped, beside by site
    enum: [all, approach, levels_band, age_band, indication]
  stratum: "the group; null when all of them together"
  site_id: "the site; null when all sites together"
  day: {description: "every 30 days, or near 1, 2, 5, 10 and 20 years that day", unit: days since the index fusion}
  state:
    description: "shown, withheld to protect patients, or ended because too few are at risk"
    enum: [shown, withheld, ended]
  at_risk:
    description: patients still observed and without any event just before the day, to the nearest 10 and at least 20
    unit: patients
  events:
    description: patients with the outcome up to and including the day, to the nearest 10 and, unless none, at least 20
    unit: patients
  incidence: {description: estimated share with the outcome by the day, unit: fraction}
  low: {description: "lower pointwise 95 % limit (log-log); null when the estimate is 0 or 1", unit: fraction}
  high: {description: "upper pointwise 95 % limit (log-log); null when the estimate is 0 or 1", unit: fraction}
*/
select
    outcome,
    stratum_kind,
    stratum,
    site_id,
    day,
    state,
    at_risk,
    events,
    incidence,
    low,
    high
from protected_curves
order by outcome, stratum_kind, stratum, site_id, day
