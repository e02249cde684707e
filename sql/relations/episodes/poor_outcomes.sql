/*
title: Outcomes that the surgery should have bettered and did not
rationale: >
  Arm pain that has not dropped enough at both early windows, or, in myelopathy, function that has gained less than its
  minimal clinically important difference, tells that the condition before surgery was not resolved. Ratios are compared
  as decimals: a drop of exactly the share is enough.
citation: clinical specification, section 3; mJOA thresholds after Tetreault 2015
grain: one row per episode and visit that completes the finding
needs: [episodes, follow_up_scores, nearest_visits, mjoa_severity, thresholds]
*/
with window_visits as (
    select
        follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.follow_up_id,
        follow_up_scores.day, follow_up_scores.visit_window,
        cast(follow_up_scores.arm_pain_nrs as decimal(6, 4)) as arm_pain_nrs,
        follow_up_scores.mjoa
    from follow_up_scores
    inner join nearest_visits
        on
            follow_up_scores.site_id = nearest_visits.site_id
            and follow_up_scores.follow_up_id = nearest_visits.follow_up_id
    where not follow_up_scores.is_after_revision
),

pain_left as (
    select cast(1 - thresholds.arm_pain_drop as decimal(5, 4)) as share
    from thresholds
),

arm_pain as (
    select
        three_months.site_id, three_months.patient_id, three_months.follow_up_id, three_months.day
    from window_visits as three_months
    inner join window_visits as six_weeks
        on
            three_months.site_id = six_weeks.site_id
            and three_months.patient_id = six_weeks.patient_id
            and six_weeks.visit_window = '6_weeks'
    inner join window_visits as baseline
        on
            three_months.site_id = baseline.site_id
            and three_months.patient_id = baseline.patient_id
            and baseline.visit_window = 'baseline'
    cross join pain_left
    where
        three_months.visit_window = '3_months'
        and baseline.arm_pain_nrs > 0
        and six_weeks.arm_pain_nrs > baseline.arm_pain_nrs * pain_left.share
        and three_months.arm_pain_nrs > baseline.arm_pain_nrs * pain_left.share
),

function_gain as (
    select
        three_months.site_id, three_months.patient_id, three_months.follow_up_id, three_months.day
    from window_visits as three_months
    inner join window_visits as baseline
        on
            three_months.site_id = baseline.site_id
            and three_months.patient_id = baseline.patient_id
            and baseline.visit_window = 'baseline'
    inner join episodes
        on
            three_months.site_id = episodes.site_id
            and three_months.patient_id = episodes.patient_id
            and episodes.indication in ('myelopathy', 'both')
    inner join mjoa_severity
        on baseline.mjoa >= mjoa_severity.lowest and baseline.mjoa <= mjoa_severity.highest
    where
        three_months.visit_window = '3_months'
        and mjoa_severity.severity <> 'none'
        and three_months.mjoa - baseline.mjoa < mjoa_severity.mcid
)

select site_id, patient_id, follow_up_id, day
from arm_pain
union
select site_id, patient_id, follow_up_id, day
from function_gain
