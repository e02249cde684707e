/*
title: Whose follow-up is complete, by window
rationale: >
  A visit in a window that is still open does not count yet: those who come early would stand without those still to
  come. A site that delivers no visits has no follow-up, and its windows are lost.
citation: clinical specification, sections 7 and 8
grain: one row per measure and episode
is_view: true
needs: [window_states, thresholds]
columns:
  status: yes, no or excluded
*/
with reasoned as (
    select
        window_states.site_id, window_states.patient_id, window_states.visit_window,
        window_states.state,
        case
            when window_states.state in ('died_before_window', 'revised_before_window') then window_states.state
            when not window_states.is_closed then 'window_not_closed'
        end as reason
    from window_states
    cross join thresholds
    where window_states.target_day <= thresholds.every_window_until_day
)

select
    concat('follow_up_', visit_window) as measure,
    site_id, patient_id,
    case
        when reason is not null then 'excluded'
        when state = 'done' then 'yes'
        else 'no'
    end as status,
    reason
from reasoned
