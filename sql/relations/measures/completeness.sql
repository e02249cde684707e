/*
title: How complete the follow-up is, by window and site
rationale: >
  The response is judged where the window has closed. Clark's C asks how much of the time that could have been observed
  up to the window's target was: those who stay away are missing from then on, those who died are not.
citation: >
  Clark, Altman and De Stavola 2002, Lancet 359:1309 (https://doi.org/10.1016/S0140-6736(02)08272-7); clinical
  specification, section 8
grain: one row per visit window and site (null = all)
needs: [window_states, episodes, submissions]
columns:
  expected: visits done, due or lost
  closed: expected visits whose window has closed
  answered: visits done among them
  observed_days: person-days observed up to the target day, at most to the data cut or death
  potential_days: person-days that could have been
*/
with windows as (
    select
        window_states.site_id, window_states.visit_window, window_states.target_day,
        window_states.state, window_states.is_closed,
        greatest(least(window_states.target_day, episodes.data_cut_day, episodes.death_day), 0) as potential_days,
        greatest(least(window_states.target_day, episodes.observed_days), 0) as observed_days
    from window_states
    inner join episodes
        on
            window_states.site_id = episodes.site_id
            and window_states.patient_id = episodes.patient_id
),

counted as (
    select
        site_id, visit_window, target_day,
        count(*) filter (where state = 'done') as done,
        count(*) filter (where state = 'due') as due,
        count(*) filter (where state = 'lost') as lost,
        count(*) filter (where state = 'not_yet_due') as not_yet_due,
        count(*) filter (where state = 'died_before_window') as died_before_window,
        count(*) filter (where state = 'revised_before_window') as revised_before_window,
        count(*) filter (where state = 'done' and is_closed) as answered,
        sum(least(observed_days, potential_days)) as observed_days,
        sum(potential_days) as potential_days
    from windows
    group by site_id, visit_window, target_day
),

windows_seen as (
    select distinct visit_window, target_day
    from counted
),

sites as (
    select distinct site_id
    from submissions
    where status = 'accepted'
),

cells as (
    select
        site_id, visit_window, target_day, done, due, lost, not_yet_due, died_before_window,
        revised_before_window, answered, observed_days, potential_days
    from counted
    union all
    select
        cast(null as varchar) as site_id,
        visit_window, target_day, done, due, lost, not_yet_due, died_before_window,
        revised_before_window, answered, observed_days, potential_days
    from counted
    union all
    select
        sites.site_id, windows_seen.visit_window, windows_seen.target_day,
        0 as done,
        0 as due,
        0 as lost,
        0 as not_yet_due,
        0 as died_before_window,
        0 as revised_before_window,
        0 as answered,
        0 as observed_days,
        0 as potential_days
    from sites
    cross join windows_seen
),

summed as (
    select
        site_id, visit_window, target_day,
        cast(sum(done) + sum(due) + sum(lost) as bigint) as expected,
        cast(sum(done) as bigint) as done,
        cast(sum(due) as bigint) as due,
        cast(sum(lost) as bigint) as lost,
        cast(sum(not_yet_due) as bigint) as not_yet_due,
        cast(sum(died_before_window) as bigint) as died_before_window,
        cast(sum(revised_before_window) as bigint) as revised_before_window,
        cast(sum(answered) + sum(lost) as bigint) as closed,
        cast(sum(answered) as bigint) as answered,
        cast(sum(observed_days) as bigint) as observed_days,
        cast(sum(potential_days) as bigint) as potential_days
    from cells
    group by site_id, visit_window, target_day
)

select
    site_id, visit_window, target_day, expected, done, due, lost, not_yet_due, died_before_window,
    revised_before_window, closed, answered,
    answered / nullif(closed, 0) as response,
    observed_days, potential_days,
    observed_days / nullif(potential_days, 0) as clarks_c
from summed
