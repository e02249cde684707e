/*
title: Whose score is one that patients find acceptable, by instrument and window
rationale: >
  Who got better may still be badly off, and who was well before cannot get better: the state reached is told beside the
  change. It needs no score before surgery.
citation: clinical specification, amendments, E4
grain: one row per measure and episode
is_view: true
needs: [responders, acceptable_scores, thresholds]
columns:
  status: yes, no or excluded
*/
with reasoned as (
    select
        responders.instrument, responders.visit_window, responders.site_id, responders.patient_id,
        round(responders.value, 6) <= acceptable_scores.at_most as is_acceptable,
        case
            when responders.value is not null then null
            when responders.reason in ('no_baseline', 'not_applicable') then 'no_assessment_in_window'
            else responders.reason
        end as reason
    from responders
    inner join acceptable_scores
        on responders.instrument = acceptable_scores.instrument
    cross join thresholds
    where responders.target_day <= thresholds.every_window_until_day
)

select
    concat('acceptable_', instrument, '_', visit_window) as measure,
    site_id, patient_id,
    case
        when reason is not null then 'excluded'
        when is_acceptable then 'yes'
        else 'no'
    end as status,
    reason
from reasoned
