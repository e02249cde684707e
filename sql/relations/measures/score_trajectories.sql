/*
title: How the scores of each instrument lie in each visit window
rationale: >
  A quartile is the least score that the share of the patients does not exceed: always a score that somebody has, worked
  out from whole numbers, so that every engine finds the same. Of the windows after surgery only closed ones count, with
  visits before any revision, as for responders. Every instrument and site is there in each window in which anybody has
  any score, so that a row says nothing by being there.
citation: Hyndman and Fan 1996, The American Statistician 50(4):361, definition 1
grain: one row per instrument, visit window (baseline included) and site (null = all)
needs: [responders, eq5d_changes, instruments, visit_windows, submissions]
columns:
  patients: patients with a score
  lower_quartile: null without any
  median: null without any
  upper_quartile: null without any
*/
with scores as (
    -- Every episode has a row in the first window after surgery; each row repeats the baseline.
    select
        site_id, instrument,
        'baseline' as visit_window,
        baseline_value as score
    from responders
    where visit_window = '6_weeks'
    union all
    select
        site_id, instrument, visit_window,
        value as score
    from responders
    union all
    select
        site_id,
        'eq_vas' as instrument,
        'baseline' as visit_window,
        baseline_eq_vas as score
    from eq5d_changes
    where visit_window = '6_weeks'
    union all
    select
        site_id,
        'eq_vas' as instrument,
        visit_window,
        eq_vas as score
    from eq5d_changes
    union all
    select
        site_id,
        'eq5d_index' as instrument,
        'baseline' as visit_window,
        baseline_index as score
    from eq5d_changes
    where visit_window = '6_weeks'
    union all
    select
        site_id,
        'eq5d_index' as instrument,
        visit_window,
        eq5d_index as score
    from eq5d_changes
),

scales as (
    select instrument
    from instruments
    union all
    select unnest(['eq_vas', 'eq5d_index']) as instrument
),

at_sites as (
    select
        site_id, instrument, visit_window, score,
        count(*) as patients
    from scores
    where score is not null
    group by site_id, instrument, visit_window, score
),

counted as (
    select site_id, instrument, visit_window, score, patients
    from at_sites
    union all
    select
        cast(null as varchar) as site_id,
        instrument, visit_window, score,
        sum(patients) as patients
    from at_sites
    group by instrument, visit_window, score
),

ranked as (
    select
        site_id, instrument, visit_window, score,
        sum(patients) over (partition by site_id, instrument, visit_window) as patients,
        sum(patients) over (
            partition by site_id, instrument, visit_window
            order by score
            rows between unbounded preceding and current row
        ) as patients_up_to_score
    from counted
),

quartiles as (
    select
        site_id, instrument, visit_window,
        max(patients) as patients,
        min(score) filter (where 4 * patients_up_to_score >= patients) as lower_quartile,
        min(score) filter (where 2 * patients_up_to_score >= patients) as median,
        min(score) filter (where 4 * patients_up_to_score >= 3 * patients) as upper_quartile
    from ranked
    group by site_id, instrument, visit_window
),

windows as (
    select visit_windows.visit_window, visit_windows.target_day
    from visit_windows
    where visit_windows.visit_window in (select at_sites.visit_window from at_sites)
),

sites as (
    select distinct site_id
    from submissions
    where status = 'accepted'
    union all
    select cast(null as varchar) as site_id
)

select
    scales.instrument, windows.visit_window, windows.target_day, sites.site_id,
    cast(coalesce(quartiles.patients, 0) as bigint) as patients,
    quartiles.lower_quartile, quartiles.median, quartiles.upper_quartile
from scales
cross join windows
cross join sites
left join quartiles
    on
        scales.instrument = quartiles.instrument
        and windows.visit_window = quartiles.visit_window
        and sites.site_id is not distinct from quartiles.site_id
