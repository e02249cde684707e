/*
title: Time to readmission, complications and death
rationale: >
  As time_to_event, for what is looked at in the first weeks only: what comes first ends the wait, the outcome before
  death and death before the end of observation, or of what was delivered of the table that shows it. Sites that
  deliver no table that could show an outcome are left out; of deaths those without diagnoses, so that death is a part
  of any complication.
citation: clinical specification, section 8
grain: one row per episode and outcome
is_view: true
needs: [episodes, first_readmissions, complications, delivered_until, code_lists]
columns:
  outcome: "readmission, death, any_complication, or complication_ and its kind"
  day: days from the index fusion to what came first
  cause: {description: "what came first: 0 end of observation, 1 the outcome, 2 death", enum: [0, 1, 2]}
*/
with kinds as (
    select distinct family as kind
    from code_lists
    where list = 'surgical_complication'
),

outcomes as (
    select
        'readmission' as outcome,
        'encounters' as source_table
    union all
    select
        'any_complication' as outcome,
        'diagnoses' as source_table
    union all
    select
        'death' as outcome,
        'diagnoses' as source_table
    union all
    select
        concat('complication_', kind) as outcome,
        'diagnoses' as source_table
    from kinds
),

looked_at as (
    select
        episodes.site_id, episodes.patient_id, episodes.death_day, delivered_until.source_table,
        least(episodes.observed_days, delivered_until.until_day) as last_day
    from episodes
    inner join delivered_until
        on
            episodes.site_id = delivered_until.site_id
            and episodes.patient_id = delivered_until.patient_id
),

-- What is recorded after the end of observation is not seen, but for a death: wherever it is known, it came.
seen as (
    select
        complications.site_id, complications.patient_id, complications.kind, complications.day
    from complications
    inner join looked_at
        on
            complications.site_id = looked_at.site_id
            and complications.patient_id = looked_at.patient_id
            and looked_at.source_table = 'diagnoses'
            and (complications.kind = 'death' or complications.day <= looked_at.last_day)
),

events as (
    select
        first_readmissions.site_id, first_readmissions.patient_id,
        'readmission' as outcome,
        first_readmissions.day
    from first_readmissions
    inner join looked_at
        on
            first_readmissions.site_id = looked_at.site_id
            and first_readmissions.patient_id = looked_at.patient_id
            and looked_at.source_table = 'encounters'
            and first_readmissions.day <= looked_at.last_day
    union all
    select
        site_id, patient_id,
        case kind when 'death' then 'death' else concat('complication_', kind) end as outcome,
        day
    from seen
    union all
    select
        site_id, patient_id,
        'any_complication' as outcome,
        min(day) as day
    from seen
    group by site_id, patient_id
),

waits as (
    select
        looked_at.site_id, looked_at.patient_id, outcomes.outcome, looked_at.last_day, looked_at.death_day,
        events.day as event_day
    from looked_at
    inner join outcomes
        on looked_at.source_table = outcomes.source_table
    left join events
        on
            looked_at.site_id = events.site_id
            and looked_at.patient_id = events.patient_id
            and outcomes.outcome = events.outcome
)

select
    site_id, patient_id, outcome,
    coalesce(event_day, last_day) as day,
    case
        when event_day is not null then 1
        when death_day <= last_day then 2
        else 0
    end as cause
from waits
