/*
title: Whether each patient got better by each instrument
rationale: >
  A patient is judged against the own baseline, in windows that have closed: those who answer early differ from those
  still to be asked. Of several visits in a window each instrument takes the nearest to the target at which it was
  scored. The first reason that holds, in the order of the statement, says why nothing can be said. A baseline
  nearer to the best possible value than the minimal clinically important difference cannot get better by it, in points
  or in percent: not_applicable. What is compared with a threshold is rounded once, to 6
  decimals, so that exactly a threshold reaches it.
citation: clinical specification, sections 1, 7 and 8; thresholds from the sources that instruments.csv names
grain: one row per episode, instrument and visit window after the index fusion
needs: [window_states, window_visits, instruments, mjoa_severity]
columns:
  value: the score in the window; null unless the window has closed
  change: from baseline to the window, positive is better
  reached_mcid: the change is at least the minimal clinically important difference, for mJOA by severity at baseline
  reached_scb: the change is at least the substantial clinical benefit; null where the instrument has none
  reached_percent: the score fell by at least the instrument's share of its baseline; null where it has none
  reason: why nothing can be said; null otherwise
*/
with scores as (
    select
        site_id, patient_id, visit_window,
        arg_min(ndi_percent, nearness) filter (where ndi_percent is not null) as ndi_percent,
        arg_min(neck_pain_nrs, nearness) filter (where neck_pain_nrs is not null) as neck_pain_nrs,
        arg_min(arm_pain_nrs, nearness) filter (where arm_pain_nrs is not null) as arm_pain_nrs,
        arg_min(mjoa, nearness) filter (where mjoa is not null) as mjoa,
        arg_min(promis_pf_t, nearness) filter (where promis_pf_t is not null) as promis_pf_t,
        arg_min(promis_pi_t, nearness) filter (where promis_pi_t is not null) as promis_pi_t
    from window_visits
    group by site_id, patient_id, visit_window
),

assessed as (
    select
        window_states.site_id, window_states.patient_id, window_states.visit_window,
        window_states.target_day, window_states.state, window_states.is_closed,
        case when instruments.instrument = 'mjoa' then mjoa_severity.mcid else instruments.mcid end as mcid,
        instruments.instrument, instruments.higher_is_better, instruments.best, instruments.scb,
        instruments.percent,
        case instruments.instrument
            when 'ndi' then before.ndi_percent
            when 'neck_pain_nrs' then before.neck_pain_nrs
            when 'arm_pain_nrs' then before.arm_pain_nrs
            when 'mjoa' then before.mjoa
            when 'promis_pf_t' then before.promis_pf_t
            when 'promis_pi_t' then before.promis_pi_t
        end as baseline_value,
        case instruments.instrument
            when 'ndi' then after.ndi_percent
            when 'neck_pain_nrs' then after.neck_pain_nrs
            when 'arm_pain_nrs' then after.arm_pain_nrs
            when 'mjoa' then after.mjoa
            when 'promis_pf_t' then after.promis_pf_t
            when 'promis_pi_t' then after.promis_pi_t
        end as value
    from window_states
    cross join instruments
    left join scores as before
        on
            window_states.site_id = before.site_id
            and window_states.patient_id = before.patient_id
            and before.visit_window = 'baseline'
    left join mjoa_severity
        on before.mjoa >= mjoa_severity.lowest and before.mjoa <= mjoa_severity.highest
    left join scores as after
        on
            window_states.site_id = after.site_id
            and window_states.patient_id = after.patient_id
            and window_states.visit_window = after.visit_window
            and window_states.state = 'done'
            and window_states.is_closed
    where window_states.visit_window <> 'baseline'
),

compared as (
    select
        site_id, patient_id, visit_window, target_day, instrument, mcid, scb, percent,
        baseline_value, value,
        round(case when higher_is_better then value - baseline_value else baseline_value - value end, 6) as change,
        case
            when state = 'died_before_window' then 'died_before_window'
            when state = 'revised_before_window' then 'revised_before_window'
            when not is_closed then 'window_not_closed'
            when baseline_value is null then 'no_baseline'
            when round(abs(best - baseline_value), 6) < mcid then 'not_applicable'
            when value is null then 'no_assessment_in_window'
        end as reason
    from assessed
)

select
    site_id, patient_id, instrument, visit_window, target_day, baseline_value, value, change,
    case when reason is null then change >= mcid end as reached_mcid,
    case when reason is null then change >= scb end as reached_scb,
    case
        when reason is null then round(100 * (baseline_value - value), 6) >= round(percent * baseline_value, 6)
    end as reached_percent,
    reason
from compared
