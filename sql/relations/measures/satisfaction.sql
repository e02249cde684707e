/*
title: Who is satisfied, by window
rationale: >
  As with the instruments: in closed windows, before any revision, from the visit nearest to the target at which the
  question was answered.
citation: clinical specification, sections 7 and 8
grain: one row per measure and episode
is_view: true
needs: [window_states, window_visits, follow_up_scores, thresholds]
columns:
  status: yes, no or excluded
*/
with answers as (
    select
        window_visits.site_id, window_visits.patient_id, window_visits.visit_window,
        follow_up_scores.is_satisfied
    from window_visits
    inner join follow_up_scores
        on
            window_visits.site_id = follow_up_scores.site_id
            and window_visits.follow_up_id = follow_up_scores.follow_up_id
            and follow_up_scores.is_satisfied is not null
    qualify
        row_number() over (
            partition by window_visits.site_id, window_visits.patient_id, window_visits.visit_window
            order by window_visits.nearness
        ) = 1
),

reasoned as (
    select
        window_states.site_id, window_states.patient_id, window_states.visit_window,
        answers.is_satisfied,
        case
            when window_states.state in ('died_before_window', 'revised_before_window') then window_states.state
            when not window_states.is_closed then 'window_not_closed'
            when answers.is_satisfied is null then 'no_assessment_in_window'
        end as reason
    from window_states
    cross join thresholds
    left join answers
        on
            window_states.site_id = answers.site_id
            and window_states.patient_id = answers.patient_id
            and window_states.visit_window = answers.visit_window
            and window_states.state = 'done'
    where window_states.visit_window <> 'baseline' and window_states.target_day <= thresholds.every_window_until_day
)

select
    concat('satisfied_', visit_window) as measure,
    site_id, patient_id,
    case
        when reason is not null then 'excluded'
        when is_satisfied then 'yes'
        else 'no'
    end as status,
    reason
from reasoned
