/*
title: Neck pain years after the fusion, at one visit
rationale: >
  One visit for each patient, the assessed one nearest to the day: a share that does not grow with the number of visits.
  A window is closed once the data cut has reached its last day, or the death or first revision within it.
citation: clinical specification, sections 2 and 8
grain: one row per measure and episode
is_view: true
needs: [episodes, pain_assessments, pain_periods, thresholds]
columns:
  status: yes, no or excluded
*/
with windows as (
    select
        pain_periods.label as measure,
        pain_periods.first_day as target_day,
        pain_periods.first_day - thresholds.late_visit_days as first_day,
        pain_periods.first_day + thresholds.late_visit_days as last_day
    from pain_periods
    cross join thresholds
    where pain_periods.is_late
),

visits as (
    select windows.measure, pain_assessments.site_id, pain_assessments.patient_id, pain_assessments.is_painful
    from pain_assessments
    inner join windows
        on
            pain_assessments.day >= windows.first_day
            and pain_assessments.day <= windows.last_day
    where not pain_assessments.is_after_revision
    qualify
        row_number() over (
            partition by windows.measure, pain_assessments.site_id, pain_assessments.patient_id
            order by
                abs(pain_assessments.day - windows.target_day),
                pain_assessments.day, pain_assessments.follow_up_id
        ) = 1
),

reasoned as (
    select
        windows.measure, episodes.site_id, episodes.patient_id, visits.is_painful,
        case
            when episodes.death_day < windows.first_day then 'died_before_window'
            when episodes.first_revision_day < windows.first_day then 'revised_before_window'
            when
                coalesce(
                    episodes.data_cut_day < least(windows.last_day, episodes.death_day, episodes.first_revision_day),
                    true
                )
                then 'window_not_closed'
            when visits.patient_id is null then 'no_assessment_in_window'
        end as reason
    from episodes
    cross join windows
    left join visits
        on
            windows.measure = visits.measure
            and episodes.site_id = visits.site_id
            and episodes.patient_id = visits.patient_id
)

select
    measure, site_id, patient_id,
    case
        when reason is not null then 'excluded'
        when is_painful then 'yes'
        else 'no'
    end as status,
    reason
from reasoned
