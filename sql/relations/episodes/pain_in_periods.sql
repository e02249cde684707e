/*
title: Neck pain in the periods of the timeline
rationale: >
  A period is judged among patients alive and unrevised at its start and observed into it. An early period must have
  passed before its absence of pain means anything; a late one spans years and is judged from its start on.
citation: clinical specification, sections 1 and 2
grain: one row per episode, label of a period, and piece of evidence
needs: [episodes, pain_assessments, pain_periods, revision_procedures, delivered_tables]
columns:
  onset_day: day of the first painful visit of the period
  value: the score that decided; of a no, the highest neck pain score (or index) of the assessed visits
*/
with visits as (
    select
        pain_assessments.site_id,
        pain_assessments.patient_id,
        pain_periods.label,
        pain_assessments.follow_up_id,
        pain_assessments.day,
        pain_assessments.is_painful,
        pain_assessments.value_name,
        pain_assessments.value,
        row_number() over (
            partition by pain_assessments.site_id, pain_assessments.patient_id, pain_periods.label
            order by
                pain_assessments.is_painful desc,
                case when pain_assessments.is_painful then pain_assessments.day end,
                case when not pain_assessments.is_painful then pain_assessments.value_name end desc,
                case when not pain_assessments.is_painful then pain_assessments.value end desc,
                pain_assessments.day,
                pain_assessments.follow_up_id asc
        ) as decision_order
    from pain_assessments
    inner join pain_periods
        on
            pain_assessments.day >= pain_periods.first_day
            and (pain_assessments.day <= pain_periods.last_day or pain_periods.last_day is null)
    where not pain_assessments.is_after_revision
),

reasoned as (
    select
        episodes.site_id,
        episodes.patient_id,
        episodes.first_revision_day,
        pain_periods.label,
        visits.day,
        visits.is_painful,
        visits.value_name,
        visits.value,
        case
            when episodes.death_day < pain_periods.first_day then 'died_before_window'
            when episodes.first_revision_day < pain_periods.first_day then 'revised_before_window'
            when coalesce(episodes.data_cut_day < pain_periods.closing_day, true) then 'window_not_closed'
            when coalesce(episodes.observed_days < pain_periods.first_day, true) then 'no_follow_up'
            when delivered_tables.site_id is null then 'no_source_data'
            when visits.patient_id is null then 'no_assessment_in_window'
        end as reason
    from episodes
    cross join pain_periods
    left join visits
        on
            episodes.site_id = visits.site_id
            and episodes.patient_id = visits.patient_id
            and pain_periods.label = visits.label
            and visits.decision_order = 1
    left join delivered_tables
        on
            episodes.site_id = delivered_tables.site_id
            and delivered_tables.source_table = 'follow_ups'
),

results as (
    select
        site_id,
        patient_id,
        first_revision_day,
        label,
        reason,
        case
            when reason is not null then 'not_assessable'
            when is_painful then 'yes'
            else 'no'
        end as status,
        case when reason is null and is_painful then day end as onset_day,
        case when reason is null then value end as value,
        case when reason is null then value_name end as value_name,
        cast(null as varchar) as kind
    from reasoned
),

evidence as (
    select
        visits.site_id,
        visits.patient_id,
        visits.label,
        'follow_ups' as source_table,
        visits.follow_up_id as record_id
    from visits
    inner join results
        on
            visits.site_id = results.site_id
            and visits.patient_id = results.patient_id
            and visits.label = results.label
    where results.status = 'no' or (results.status = 'yes' and visits.decision_order = 1)
    union all
    select
        results.site_id,
        results.patient_id,
        results.label,
        'procedures' as source_table,
        revision_procedures.procedure_id as record_id
    from results
    inner join revision_procedures
        on
            results.site_id = revision_procedures.site_id
            and results.patient_id = revision_procedures.patient_id
            and results.first_revision_day = revision_procedures.day
    where results.reason = 'revised_before_window'
)

select
    results.site_id,
    results.patient_id,
    results.label,
    results.status,
    results.reason,
    results.onset_day,
    results.value,
    results.value_name,
    results.kind,
    coalesce(evidence.source_table, 'patients') as source_table,
    coalesce(evidence.record_id, results.patient_id) as record_id
from results
left join evidence
    on
        results.site_id = evidence.site_id
        and results.patient_id = evidence.patient_id
        and results.label = evidence.label
