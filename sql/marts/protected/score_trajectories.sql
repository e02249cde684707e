/*
title: Score trajectories
rationale: >
  All sites together only: quartiles of sites beside those of all sites would tell of the site left out. A row is hidden
  unless four times the threshold of patients have the score: then each of the quarters between which the quartiles lie
  holds at least the threshold, so that none of them is the score of a few. A quartile is somebody's score, so it is
  shown rounded, as is the count: between two releases neither moves with a single patient as the exact one does.
grain: one row per instrument and visit window (baseline included)
key: [instrument, visit_window]
needs: [score_trajectories, release_facts]
columns:
  instrument:
    description: what was measured
    enum: [ndi, neck_pain_nrs, arm_pain_nrs, mjoa, promis_pf_t, promis_pi_t]
  visit_window:
    description: "the visit window, baseline included; only those in which anybody has a score"
    enum: visit_windows.visit_window
  target_day: {description: the day that a visit should be nearest to, unit: days since the index fusion}
  patients:
    description: "patients with a score, after surgery in a closed window and before any revision, to the nearest 10;
      null when suppressed"
    unit: patients
  lower_quartile:
    description: "the least score that a quarter of the patients does not exceed, to the nearest point (pain: half
      point); null unless shown"
    unit: "NDI percent, pain NRS points, mJOA points, PROMIS T-score"
  median: {description: "likewise, of half of the patients", unit: as lower_quartile}
  upper_quartile: {description: "likewise, of three quarters of the patients", unit: as lower_quartile}
  state:
    description: "suppressed to protect patients (fewer than four times the threshold), missing when nobody has a score"
    enum: [shown, suppressed, missing]
*/
with judged as (
    select
        score_trajectories.instrument,
        score_trajectories.visit_window,
        score_trajectories.target_day,
        score_trajectories.patients,
        score_trajectories.lower_quartile,
        score_trajectories.median,
        score_trajectories.upper_quartile,
        case when score_trajectories.instrument in ('neck_pain_nrs', 'arm_pain_nrs') then 2 else 1 end as steps_a_point,
        case
            when score_trajectories.patients = 0 then 'missing'
            when score_trajectories.patients < 4 * release_facts.suppression_threshold then 'suppressed'
            else 'shown'
        end as state
    from score_trajectories
    cross join release_facts
    where score_trajectories.site_id is null
)

select
    instrument,
    visit_window,
    target_day,
    case when state <> 'suppressed' then cast(round(patients / 10.0) * 10 as bigint) end as patients,
    case when state = 'shown' then round(lower_quartile * steps_a_point) / steps_a_point end as lower_quartile,
    case when state = 'shown' then round(median * steps_a_point) / steps_a_point end as median,
    case when state = 'shown' then round(upper_quartile * steps_a_point) / steps_a_point end as upper_quartile,
    state
from judged
order by instrument, visit_window
