/*
title: Events within a fixed time of surgery
rationale: >
  Each patient counts for the time observed, up to the horizon: the cumulative incidence at the horizon uses it all. To
  count only those observed until the horizon or with the event before would keep those who had it and were lost, and
  drop those lost without it.
citation: clinical specification, section 8; its amendments, A2
grain: one row per measure of a horizon and episode
needs: [measure_definitions, time_to_event, early_outcomes, episodes]
columns:
  status: yes (the event came by the horizon), no (it was not seen), or excluded
  day: days from surgery to what came first, the horizon at most; null when excluded
  cause: "what came first: 0 horizon or end of observation, 1 the event, 2 a competing event; null when excluded"
*/
with waits as (
    select site_id, patient_id, outcome, day, cause
    from time_to_event
    union all
    select site_id, patient_id, outcome, day, cause
    from early_outcomes
),

horizons as (
    select measure, horizon_outcome, horizon_day
    from measure_definitions
    where horizon_day is not null
),

reached as (
    select
        horizons.measure, episodes.site_id, episodes.patient_id,
        case
            when waits.patient_id is null then 'no_source_data'
            -- At joints that are not known nothing can be seen: the wait ends as it begins.
            when horizons.horizon_outcome = 'asd' and episodes.index_levels is null then 'level_unknown'
        end as reason,
        cast(least(waits.day, horizons.horizon_day) as bigint) as day,
        case when waits.day <= horizons.horizon_day then waits.cause else 0 end as cause
    from episodes
    cross join horizons
    left join waits
        on
            episodes.site_id = waits.site_id
            and episodes.patient_id = waits.patient_id
            and horizons.horizon_outcome = waits.outcome
)

select
    measure, site_id, patient_id,
    case
        when reason is not null then 'excluded'
        when cause = 1 then 'yes'
        else 'no'
    end as status,
    reason,
    case when reason is null then day end as day,
    case when reason is null then cause end as cause
from reached
