/*
title: How the health of each patient changed by the EQ-5D
rationale: >
  Paretian classification: better means better in at least one of the five dimensions and worse in none; worse the
  reverse; mixed, better in some and worse in others; same, no dimension moved. It needs no value set. Versions of the
  EQ-5D have levels of their own, so that a profile is compared only with one of the same version. Closed windows,
  before any revision, from the visit nearest to the target at which a profile (a scale, an index) was given.
citation: Devlin, Parkin and Browne 2010, Health Economics 19(8):886; clinical specification, sections 7 and 8
grain: one row per episode and visit window after the index fusion
needs: [window_states, window_visits, eq5d_scores]
columns:
  eq5d_version: 3L or 5L, of the profile in the window
  baseline_profile: levels before surgery, by the same version
  profile: levels in the window
  change_class: better, mixed, worse or same; null with a reason
  baseline_eq_vas: EQ VAS before surgery
  eq_vas: EQ VAS in the window
  baseline_index: index before surgery; null without a value set
  eq5d_index: index in the window; null without a value set
  reason: why the profiles cannot be compared; null otherwise
*/
with visits as (
    select
        window_visits.site_id, window_visits.patient_id, window_visits.visit_window,
        window_visits.nearness, eq5d_scores.eq5d_version, eq5d_scores.eq5d_profile, eq5d_scores.eq5d_index,
        eq5d_scores.eq_vas
    from window_visits
    inner join eq5d_scores
        on
            window_visits.site_id = eq5d_scores.site_id
            and window_visits.follow_up_id = eq5d_scores.follow_up_id
),

given as (
    select
        site_id, patient_id, visit_window, eq5d_version,
        arg_min(eq5d_profile, nearness) as profile,
        min(nearness) as nearness
    from visits
    where eq5d_profile is not null
    group by site_id, patient_id, visit_window, eq5d_version
),

-- Of two versions in one window the one of the nearer visit counts.
profiles as (
    select site_id, patient_id, visit_window, eq5d_version, profile
    from given
    where visit_window <> 'baseline'
    qualify row_number() over (partition by site_id, patient_id, visit_window order by nearness) = 1
),

scales as (
    select
        site_id, patient_id, visit_window,
        arg_min(eq_vas, nearness) filter (where eq_vas is not null) as eq_vas,
        arg_min(eq5d_index, nearness) filter (where eq5d_index is not null) as eq5d_index
    from visits
    group by site_id, patient_id, visit_window
),

baselines as (
    select distinct site_id, patient_id
    from given
    where visit_window = 'baseline'
),

assessed as (
    select
        window_states.site_id, window_states.patient_id, window_states.visit_window,
        window_states.target_day, window_states.state, window_states.is_closed,
        profiles.eq5d_version, profiles.profile,
        before.profile as baseline_profile,
        baselines.patient_id is not null as has_baseline,
        scales_before.eq_vas as baseline_eq_vas,
        scales.eq_vas,
        scales_before.eq5d_index as baseline_index,
        scales.eq5d_index
    from window_states
    left join profiles
        on
            window_states.site_id = profiles.site_id
            and window_states.patient_id = profiles.patient_id
            and window_states.visit_window = profiles.visit_window
            and window_states.state = 'done'
            and window_states.is_closed
    left join given as before
        on
            window_states.site_id = before.site_id
            and window_states.patient_id = before.patient_id
            and before.visit_window = 'baseline'
            and profiles.eq5d_version = before.eq5d_version
    left join baselines
        on
            window_states.site_id = baselines.site_id
            and window_states.patient_id = baselines.patient_id
    left join scales as scales_before
        on
            window_states.site_id = scales_before.site_id
            and window_states.patient_id = scales_before.patient_id
            and scales_before.visit_window = 'baseline'
    left join scales
        on
            window_states.site_id = scales.site_id
            and window_states.patient_id = scales.patient_id
            and window_states.visit_window = scales.visit_window
            and window_states.state = 'done'
            and window_states.is_closed
    where window_states.visit_window <> 'baseline'
),

compared as (
    select
        site_id, patient_id, visit_window, target_day, eq5d_version, baseline_profile, profile,
        baseline_eq_vas, eq_vas, baseline_index, eq5d_index,
        substr(profile, 1, 1) < substr(baseline_profile, 1, 1)
        or substr(profile, 2, 1) < substr(baseline_profile, 2, 1)
        or substr(profile, 3, 1) < substr(baseline_profile, 3, 1)
        or substr(profile, 4, 1) < substr(baseline_profile, 4, 1)
        or substr(profile, 5, 1) < substr(baseline_profile, 5, 1)
            as has_better,
        substr(profile, 1, 1) > substr(baseline_profile, 1, 1)
        or substr(profile, 2, 1) > substr(baseline_profile, 2, 1)
        or substr(profile, 3, 1) > substr(baseline_profile, 3, 1)
        or substr(profile, 4, 1) > substr(baseline_profile, 4, 1)
        or substr(profile, 5, 1) > substr(baseline_profile, 5, 1)
            as has_worse,
        case
            when state in ('died_before_window', 'revised_before_window') then state
            when not is_closed then 'window_not_closed'
            when not has_baseline then 'no_baseline'
            when profile is null then 'no_assessment_in_window'
            -- Asked by the other version: no baseline to compare with.
            when baseline_profile is null then 'no_baseline'
        end as reason
    from assessed
)

select
    site_id, patient_id, visit_window, target_day, eq5d_version, baseline_profile, profile,
    case
        when reason is not null then null
        when has_better and has_worse then 'mixed'
        when has_better then 'better'
        when has_worse then 'worse'
        else 'same'
    end as change_class,
    baseline_eq_vas, eq_vas, baseline_index, eq5d_index, reason
from compared
