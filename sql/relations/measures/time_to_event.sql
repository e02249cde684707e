/*
title: Time to revision and to suspected adjacent segment disease
rationale: >
  What comes first ends the wait: the outcome, what makes it impossible (death; for one type of revision also a first
  revision of another type), or the end of observation. On one and the same day the outcome comes before death, and
  death before the end of observation. Revision and disease are distinguished by the first revision's leading type, so
  that the curves of the types add up to the curve of all revisions. Adjacent segment disease can be seen neither where
  the fused joints are not recorded (the wait ends on day 0) nor from a revision on whose joints are not recorded (it
  ends there) nor past the day up to which images were delivered, whatever is found later; sites that deliver no table
  that could show it are left out.
citation: clinical specification, section 8
grain: one row per episode and outcome
needs: [episodes, revisions, revision_types, labels, delivered_until]
columns:
  site_id: the site
  patient_id: the patient, a random key of the site
  outcome: "revision, revision_ and its type (as the labels are named), or asd"
  day: days from the index fusion to what came first
  cause: {description: "what came first: 0 end of observation, 1 the outcome, 2 a competing event", enum: [0, 1, 2]}
*/
with first_revisions as (
    select
        site_id, patient_id, day,
        concat('revision_', replace(type, '_revision', '')) as outcome
    from revisions
    where revision_number = 1
),

revision_outcomes as (
    select 'revision' as outcome
    union all
    select concat('revision_', replace(type, '_revision', '')) as outcome
    from revision_types
),

revision_waits as (
    select
        episodes.site_id, episodes.patient_id,
        episodes.observed_days as last_day,
        episodes.death_day,
        first_revisions.day as first_day,
        first_revisions.outcome as first_outcome
    from episodes
    left join first_revisions
        on
            episodes.site_id = first_revisions.site_id
            and episodes.patient_id = first_revisions.patient_id
            and episodes.observed_days >= first_revisions.day
),

without_asd_source as (
    select distinct site_id
    from labels
    where label = 'suspected_asd' and reason = 'no_source_data'
),

asd_onsets as (
    select site_id, patient_id, onset_day
    from labels
    where label = 'suspected_asd' and status = 'yes'
),

unknown_levels as (
    select
        site_id, patient_id,
        min(day) as first_day
    from revisions
    where is_adjacent is null
    group by site_id, patient_id
),

asd_waits as (
    select
        episodes.site_id, episodes.patient_id,
        case
            when episodes.index_levels is null then 0
            else least(unknown_levels.first_day, delivered_until.until_day, episodes.observed_days)
        end as last_day,
        episodes.death_day, asd_onsets.onset_day
    from episodes
    left join without_asd_source
        on episodes.site_id = without_asd_source.site_id
    left join asd_onsets
        on
            episodes.site_id = asd_onsets.site_id
            and episodes.patient_id = asd_onsets.patient_id
    left join unknown_levels
        on
            episodes.site_id = unknown_levels.site_id
            and episodes.patient_id = unknown_levels.patient_id
    left join delivered_until
        on
            episodes.site_id = delivered_until.site_id
            and episodes.patient_id = delivered_until.patient_id
            and delivered_until.source_table = 'imaging'
    where without_asd_source.site_id is null
)

select
    revision_waits.site_id, revision_waits.patient_id, revision_outcomes.outcome,
    coalesce(revision_waits.first_day, revision_waits.last_day) as day,
    case
        when revision_waits.first_day is null
            then case when revision_waits.death_day <= revision_waits.last_day then 2 else 0 end
        when revision_outcomes.outcome in ('revision', revision_waits.first_outcome) then 1
        else 2
    end as cause
from revision_waits
cross join revision_outcomes
union all
select
    site_id, patient_id,
    'asd' as outcome,
    case when onset_day <= last_day then onset_day else last_day end as day,
    case
        when onset_day <= last_day then 1
        when death_day <= last_day then 2
        else 0
    end as cause
from asd_waits
