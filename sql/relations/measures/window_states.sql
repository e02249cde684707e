/*
title: What became of each visit window of each episode
rationale: >
  A missing visit is not one thing: it may be lost, still to come, or impossible. The first state that holds is taken,
  in this order. died_before_window, revised_before_window: on a day before the window's first. done: a visit counts
  (see window_visits). lost: none does and none can any more, as the window is closed. due: the data cut has reached the
  window's first day. not_yet_due: it has not. A window is closed once the data cut has reached its last day, or the
  death or first revision within it, and visits were delivered as far (unless the site delivers none at all). A visit
  is expected when its window is done, due or lost.
citation: clinical specification, sections 1, 7 and 8
grain: one row per episode and visit window; the windows to 24 months, and later ones as far as the data cut
needs: [episodes, window_visits, visit_windows, delivered_until, thresholds]
columns:
  state: done, lost, due, not_yet_due, died_before_window or revised_before_window
  is_closed: no visit that counts can come any more
  follow_up_id: the visit that counts
  day: its day
*/
with windows as (
    select
        episodes.site_id, episodes.patient_id, episodes.death_day, episodes.first_revision_day,
        episodes.data_cut_day, visit_windows.visit_window, visit_windows.first_day,
        visit_windows.target_day,
        coalesce(
            least(episodes.data_cut_day, delivered_until.until_day)
            >= least(visit_windows.last_day, episodes.death_day, episodes.first_revision_day),
            false
        ) as is_closed
    from episodes
    cross join thresholds
    inner join visit_windows
        on
            thresholds.every_window_until_day >= visit_windows.target_day
            or episodes.data_cut_day >= visit_windows.first_day
    left join delivered_until
        on
            episodes.site_id = delivered_until.site_id
            and episodes.patient_id = delivered_until.patient_id
            and delivered_until.source_table = 'follow_ups'
)

select
    windows.site_id, windows.patient_id, windows.visit_window, windows.target_day,
    case
        when windows.death_day < windows.first_day then 'died_before_window'
        when windows.first_revision_day < windows.first_day then 'revised_before_window'
        when window_visits.follow_up_id is not null then 'done'
        when windows.is_closed then 'lost'
        when windows.data_cut_day >= windows.first_day then 'due'
        else 'not_yet_due'
    end as state,
    windows.is_closed, window_visits.follow_up_id, window_visits.day
from windows
left join window_visits
    on
        windows.site_id = window_visits.site_id
        and windows.patient_id = window_visits.patient_id
        and windows.visit_window = window_visits.visit_window
        and window_visits.nearness = 1
        and (windows.death_day >= windows.first_day or windows.death_day is null)
