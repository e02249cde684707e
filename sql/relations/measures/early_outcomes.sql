/*
title: Time to readmission, complications and death
rationale: >
  As time_to_event, for what is looked at in the first weeks only: what comes first ends the wait, the outcome before
  death and death before the end of observation. Sites that deliver no table that could show an outcome are left out;
  of deaths those without diagnoses, so that death is a part of any complication.
citation: clinical specification, section 8
grain: one row per episode and outcome
is_view: true
needs: [episodes, first_readmissions, complications, delivered_tables, code_lists]
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

-- What is recorded after the end of observation is not seen, but for a death: wherever it is known, it came.
seen as (
    select
        complications.site_id, complications.patient_id, complications.kind, complications.day
    from complications
    inner join episodes
        on
            complications.site_id = episodes.site_id
            and complications.patient_id = episodes.patient_id
            and (complications.kind = 'death' or complications.day <= episodes.observed_days)
),

events as (
    select
        first_readmissions.site_id, first_readmissions.patient_id,
        'readmission' as outcome,
        first_readmissions.day
    from first_readmissions
    inner join episodes
        on
            first_readmissions.site_id = episodes.site_id
            and first_readmissions.patient_id = episodes.patient_id
            and first_readmissions.day <= episodes.observed_days
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
        episodes.site_id, episodes.patient_id, outcomes.outcome, episodes.observed_days, episodes.death_day,
        events.day as event_day
    from episodes
    cross join outcomes
    inner join delivered_tables
        on
            episodes.site_id = delivered_tables.site_id
            and outcomes.source_table = delivered_tables.source_table
    left join events
        on
            episodes.site_id = events.site_id
            and episodes.patient_id = events.patient_id
            and outcomes.outcome = events.outcome
)

select
    site_id, patient_id, outcome,
    coalesce(event_day, observed_days) as day,
    case
        when event_day is not null then 1
        when death_day <= observed_days then 2
        else 0
    end as cause
from waits
