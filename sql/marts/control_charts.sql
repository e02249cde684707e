/*
title: Control charts
rationale: >
  A chart tells whether a measure changed or only varied as it always does. The kind of chart follows the volume; the
  rules are those of NHS England's Making Data Count.
grain: one row per measure, site (and all sites together) and month of the index fusion
key: [site_id, measure, period]
needs: [control_chart_points]
columns:
  measure: {description: the measure, enum: measures}
  site_id: "the site; null for all sites together"
  period: month of the index fusion, YYYY-MM
  chart:
    description: "what is charted: xmr and p the measure, g the patients without the outcome for each patient with it,
      t the observed person-days for each event; null when no month has a patient"
    enum: [xmr, p, g, t]
  reason_for_chart: why this chart was chosen
  phase: {description: "counts from 1; a rebase starts the next, with limits of its own", unit: none}
  is_rebased: a rebase starts a phase in this month
  is_judged: "the month takes part in limits and rules; false where its patients have been followed too briefly"
  has_trial_limits: "the phase has fewer than 12 values, so that its limits will still move"
  value:
    description: "what is charted; null in a month without patients, and on g and t without an event"
    unit: fraction or events per 100 person-years (xmr), fraction (p), patients (g), person-days (t)
  centre: {description: "mean of the phase; on g and t the median expected; null where not judged", unit: as value}
  lower: {description: lower limit; null where not judged, unit: as value}
  upper: {description: upper limit; null where not judged, unit: as value}
  rules:
    description: "which rules hold, joined by semicolons: outside (the limits), run (7 or more on one side of the
      centre), trend (7 or more that rise or fall), near (2 of 3 in the outer third); null when none does"
  variation:
    description: "common when no rule holds; else special, by the measure's direction; null without a value, and where
      not judged"
    enum: [common, special_improving, special_concerning, special_neutral]
  target:
    description: "what the measure should reach, as the installation has set it; null without a target"
    unit: fraction or events per 100 person-years
  assurance:
    description: "what the limits say of the target: hits (they lie wholly on its better side, so that it is met
      whatever chance does), misses (wholly on its worse side) or either; null without a target or limits, for a
      neutral measure, and on g and t"
    enum: [hits, misses, either]
  annotation: "what annotations say of this month; several are joined by semicolons"
  annotation_author: who wrote them
  annotation_reason: "why limits start anew, or why a note was made"
*/
select
    measure,
    site_id,
    period,
    chart,
    reason_for_chart,
    phase,
    is_rebased,
    is_judged,
    has_trial_limits,
    value,
    centre,
    lower,
    upper,
    rules,
    variation,
    target,
    assurance,
    annotation,
    annotation_author,
    annotation_reason
from control_chart_points
-- The rows of a site stand together, for they are read together.
order by site_id, measure, period
