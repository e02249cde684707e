/*
title: Neck pain at the visit of a window
rationale: >
  One visit for each patient, the assessed one nearest to the target: a share that does not grow with the number of
  visits. Windows as for the instruments, closed and before any revision, from the one that holds day
  {pain_landmark_day} on.
citation: clinical specification, sections 2, 7 and 8; its amendments, A3
grain: one row per measure and episode
is_view: true
needs: [window_states, window_visits, visit_windows, pain_assessments, thresholds]
columns:
  status: yes, no or excluded
*/
with visits as (
    select
        window_visits.site_id, window_visits.patient_id, window_visits.visit_window,
        arg_min(pain_assessments.is_painful, window_visits.nearness) as is_painful
    from window_visits
    inner join pain_assessments
        on
            window_visits.site_id = pain_assessments.site_id
            and window_visits.follow_up_id = pain_assessments.follow_up_id
    group by window_visits.site_id, window_visits.patient_id, window_visits.visit_window
),

reasoned as (
    select
        window_states.site_id, window_states.patient_id, window_states.visit_window, visits.is_painful,
        case
            when window_states.state in ('died_before_window', 'revised_before_window') then window_states.state
            when not window_states.is_closed then 'window_not_closed'
            when visits.is_painful is null then 'no_assessment_in_window'
        end as reason
    from window_states
    cross join thresholds
    inner join visit_windows
        on window_states.visit_window = visit_windows.visit_window
    left join visits
        on
            window_states.site_id = visits.site_id
            and window_states.patient_id = visits.patient_id
            and window_states.visit_window = visits.visit_window
            and window_states.state = 'done'
    where
        visit_windows.last_day >= thresholds.pain_landmark_day
        and window_states.target_day <= thresholds.every_window_until_day
)

select
    concat('pain_', visit_window) as measure,
    site_id, patient_id,
    case
        when reason is not null then 'excluded'
        when is_painful then 'yes'
        else 'no'
    end as status,
    reason
from reasoned
