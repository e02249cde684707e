/*
title: Who got much better by the Neck Disability Index in a year
rationale: >
  The windows and the size of the change are those of the measure of hip and knee replacement (CBE 3559), so that a site
  can see how such a measure of the neck would look. As with the other measures a revision ends the question, a window
  is closed once the data cut has reached its last day, or the death or first revision within it, and whoever was too
  well before surgery to get better by that much has no answer.
citation: >
  Centers for Medicare and Medicaid Services, patient-reported outcome performance measure of elective hip and knee
  replacement (CBE 3559); Carreon 2010 for the substantial clinical benefit
grain: one row per measure and episode
is_view: true
needs: [episodes, follow_up_scores, instruments, thresholds]
columns:
  status: yes, no or excluded
*/
with scored as (
    select
        follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.follow_up_id,
        follow_up_scores.day, follow_up_scores.ndi_percent,
        follow_up_scores.day <= 0 as is_before,
        case
            when follow_up_scores.day <= 0 then -follow_up_scores.day
            else abs(follow_up_scores.day - thresholds.twin_target_day)
        end as distance
    from follow_up_scores
    cross join thresholds
    where
        follow_up_scores.ndi_percent is not null
        and not follow_up_scores.is_after_revision
        and (
            (follow_up_scores.day >= -thresholds.twin_before_days and follow_up_scores.day <= 0)
            or (
                follow_up_scores.day >= thresholds.twin_first_day
                and follow_up_scores.day <= thresholds.twin_last_day
            )
        )
),

nearest as (
    select site_id, patient_id, is_before, ndi_percent
    from scored
    qualify
        row_number() over (
            partition by site_id, patient_id, is_before
            order by distance, day, follow_up_id
        ) = 1
),

compared as (
    select
        episodes.site_id, episodes.patient_id,
        before.ndi_percent as ndi_before,
        after.ndi_percent as ndi_after,
        instruments.scb, instruments.best,
        case
            when episodes.is_trauma or episodes.is_tumour or episodes.is_infection then 'not_planned'
            when episodes.death_day < thresholds.twin_first_day then 'died_before_window'
            when episodes.first_revision_day < thresholds.twin_first_day then 'revised_before_window'
            when
                coalesce(
                    episodes.data_cut_day
                    < least(thresholds.twin_last_day, episodes.death_day, episodes.first_revision_day),
                    true
                )
                then 'window_not_closed'
            when before.ndi_percent is null then 'no_baseline'
            when round(abs(instruments.best - before.ndi_percent), 6) < instruments.scb then 'not_applicable'
            when after.ndi_percent is null then 'no_assessment_in_window'
        end as reason
    from episodes
    cross join thresholds
    inner join instruments
        on instruments.instrument = 'ndi'
    left join nearest as before
        on
            episodes.site_id = before.site_id
            and episodes.patient_id = before.patient_id
            and before.is_before
    left join nearest as after
        on
            episodes.site_id = after.site_id
            and episodes.patient_id = after.patient_id
            and not after.is_before
)

select
    'scb_ndi_1_year' as measure,
    site_id, patient_id,
    case
        when reason is not null then 'excluded'
        when round(ndi_before - ndi_after, 6) >= scb then 'yes'
        else 'no'
    end as status,
    reason
from compared
