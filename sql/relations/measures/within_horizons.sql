/*
title: Events within a fixed time of surgery
rationale: >
  Only patients whose data reach the horizon count, with or without the event: the events of those operated lately are
  known, their absence is not, and counting the one without the other would inflate the share. Death before the horizon
  competes with the event; such patients are left out here and kept by the cumulative incidence.
citation: clinical specification, section 8
grain: one row per measure and episode
is_view: true
needs: [episodes, first_readmissions, horizons, delivered_tables]
columns:
  status: yes, no or excluded
*/
with events as (
    select
        site_id, patient_id,
        'revision' as event,
        first_revision_day as day
    from episodes
    where first_revision_day is not null
    union all
    select
        site_id, patient_id,
        'readmission' as event,
        day
    from first_readmissions
),

reasoned as (
    select
        horizons.measure, episodes.site_id, episodes.patient_id,
        coalesce(events.day <= horizons.last_day, false) as has_event,
        case
            when delivered_tables.site_id is null then 'no_source_data'
            when coalesce(episodes.data_cut_day < horizons.last_day, true) then 'window_not_closed'
            when events.day <= horizons.last_day then null
            when episodes.death_day < horizons.last_day then 'death_before_horizon'
            when coalesce(episodes.observed_days < horizons.last_day, true) then 'lost_before_horizon'
        end as reason
    from episodes
    cross join horizons
    left join events
        on
            episodes.site_id = events.site_id
            and episodes.patient_id = events.patient_id
            and horizons.event = events.event
    left join delivered_tables
        on
            episodes.site_id = delivered_tables.site_id
            and horizons.source_table = delivered_tables.source_table
)

select
    measure, site_id, patient_id,
    case
        when reason is not null then 'excluded'
        when has_event then 'yes'
        else 'no'
    end as status,
    reason
from reasoned
