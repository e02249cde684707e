/*
title: Completeness of follow-up
rationale: >
  80 percent is the mark, to be shown beside every outcome. Windows after 24 months hold only the patients whose data
  have reached them.
citation: Clark, Altman and De Stavola 2002, Lancet 359:1309 (https://doi.org/10.1016/S0140-6736(02)08272-7)
grain: one row per visit window and site
key: [target_day, visit_window, site_id]
needs: [completeness]
columns:
  visit_window: {description: the visit window, enum: visit_windows.visit_window}
  target_day: {description: the day that a visit should be nearest to, unit: days since the index fusion}
  site_id: "the site; null when all sites together"
  expected: {description: "visits expected: done, due or lost", unit: patients}
  done: {description: "visits held, with at least one scored instrument and not after a revision", unit: patients}
  due: {description: visits not held in windows that are still open, unit: patients}
  lost: {description: visits not held in windows that have closed, unit: patients}
  not_yet_due: {description: the data end before the window's first day, unit: patients}
  died_before_window: {description: died before the window's first day, unit: patients}
  revised_before_window: {description: revised before the window's first day, unit: patients}
  closed: {description: expected visits whose window has closed, unit: patients}
  answered: {description: visits held among them, unit: patients}
  response: {description: "answered among closed; null when none is closed", unit: fraction}
  observed_days:
    description: time observed up to the target day, at most to the end of the data or the death
    unit: person-days
  potential_days:
    description: time up to the target day, the end of the data or the death, whichever is first
    unit: person-days
  clarks_c: {description: "Clark's C, observed among potential time; null for the baseline", unit: fraction}
*/
select
    visit_window,
    target_day,
    site_id,
    expected,
    done,
    due,
    lost,
    not_yet_due,
    died_before_window,
    revised_before_window,
    closed,
    answered,
    answered / nullif(closed, 0) as response,
    observed_days,
    potential_days,
    observed_days / nullif(potential_days, 0) as clarks_c
from completeness
order by target_day, visit_window, site_id
