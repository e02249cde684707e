/*
title: Those who answered beside those who did not, at baseline
rationale: >
  Where the two differ before surgery, the outcomes of those who answered do not stand for all. The standardised
  difference does not grow with the number of patients; 0.1 and more is commonly taken as a difference that matters.
citation: Austin 2009, Statistics in Medicine 28:3083 (https://doi.org/10.1002/sim.3697)
grain: one row per visit window after the index fusion and characteristic, over all sites
needs: [window_states, baseline_scores, episodes]
columns:
  responders: patients whose closed window is done, and for whom the characteristic is known
  non_responders: patients whose window is lost, and for whom the characteristic is known
  responders_value: their mean; of a yes-or-no characteristic the share
  difference: standardised mean difference, responders less non-responders
*/
with closed_windows as (
    select
        window_states.visit_window, window_states.target_day,
        window_states.state = 'done' as is_responder,
        cast(episodes.age_years as double) as age_years,
        case
            when episodes.sex = 'female' then 1.0
            when episodes.sex in ('male', 'other') then 0.0
        end as is_female,
        case
            when episodes.smoking = 'current' then 1.0
            when episodes.smoking in ('never', 'former') then 0.0
        end as is_smoker,
        baseline_scores.ndi, baseline_scores.neck_pain_nrs
    from window_states
    inner join episodes
        on
            window_states.site_id = episodes.site_id
            and window_states.patient_id = episodes.patient_id
    left join baseline_scores
        on
            window_states.site_id = baseline_scores.site_id
            and window_states.patient_id = baseline_scores.patient_id
    where
        window_states.visit_window <> 'baseline'
        and window_states.is_closed
        and window_states.state in ('done', 'lost')
),

known_values as (
    select
        visit_window, target_day, is_responder,
        'age_years' as characteristic,
        age_years as value
    from closed_windows
    union all
    select
        visit_window, target_day, is_responder,
        'female' as characteristic,
        is_female as value
    from closed_windows
    union all
    select
        visit_window, target_day, is_responder,
        'current_smoker' as characteristic,
        is_smoker as value
    from closed_windows
    union all
    select
        visit_window, target_day, is_responder,
        'baseline_ndi' as characteristic,
        ndi as value
    from closed_windows
    union all
    select
        visit_window, target_day, is_responder,
        'baseline_neck_pain' as characteristic,
        neck_pain_nrs as value
    from closed_windows
),

summarised as (
    select
        visit_window, target_day, characteristic,
        count(value) filter (where is_responder) as responders,
        count(value) filter (where not is_responder) as non_responders,
        avg(value) filter (where is_responder) as responders_value,
        avg(value) filter (where not is_responder) as non_responders_value,
        case
            when characteristic in ('female', 'current_smoker') then var_pop(value) filter (where is_responder)
            else var_samp(value) filter (where is_responder)
        end as responders_variance,
        case
            when characteristic in ('female', 'current_smoker') then var_pop(value) filter (where not is_responder)
            else var_samp(value) filter (where not is_responder)
        end as non_responders_variance
    from known_values
    group by visit_window, target_day, characteristic
)

-- The order in which a sum of fractions is added up leaves its mark in the last digits: rounded off.
select
    visit_window, target_day, characteristic, responders, non_responders,
    round(responders_value, 6) as responders_value,
    round(non_responders_value, 6) as non_responders_value,
    round(
        (responders_value - non_responders_value)
        / nullif(sqrt((responders_variance + non_responders_variance) / 2), 0),
        6
    ) as difference
from summarised
