/*
title: First events and the time observed for them
rationale: >
  Time runs from the index fusion to the first event, the death or the end of observation. A rate needs no least time of
  observation, so those whom the label finds observed too briefly to deny the event count with the days they have.
citation: clinical specification, section 8
grain: one row per measure and episode
is_view: true
needs: [episodes, labels]
columns:
  status: yes, no or excluded
  days: person-days at risk; null when excluded
*/
with reasoned as (
    select
        case labels.label
            when 'revision_performed' then 'revision_rate'
            when 'suspected_asd' then 'asd_rate'
        end as measure,
        labels.site_id, labels.patient_id, labels.status,
        coalesce(labels.onset_day, episodes.observed_days) as days,
        case
            when labels.is_counted then null
            when labels.reason = 'no_follow_up' and episodes.observed_days > 0 then null
            else coalesce(labels.reason, 'no_source_data')
        end as reason
    from labels
    inner join episodes
        on
            labels.site_id = episodes.site_id
            and labels.patient_id = episodes.patient_id
    where labels.label in ('revision_performed', 'suspected_asd')
)

select
    measure, site_id, patient_id,
    case
        when reason is not null then 'excluded'
        when status = 'yes' then 'yes'
        else 'no'
    end as status,
    reason,
    case when reason is null then days end as days
from reasoned
