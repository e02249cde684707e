/*
title: Suspected causes
citation: clinical specification, sections 1 and 3
grain: one row per episode, cause and piece of evidence
needs: [episodes, cause_sources, cause_findings, revision_procedures, delivered_tables, thresholds]
columns:
  kind: the tier; of nonunion with provisional (before a year) or firm
*/
with sources as (
    select distinct
        delivered_tables.site_id,
        cause_sources.cause
    from delivered_tables
    inner join cause_sources
        on delivered_tables.source_table = cause_sources.source_table
),

causes_judged as (
    select distinct cause
    from cause_sources
),

results as (
    select
        episodes.site_id,
        episodes.patient_id,
        causes_judged.cause,
        case
            when cause_findings.tier is not null then 'yes'
            when
                sources.site_id is null or coalesce(episodes.observed_days < thresholds.cause_observed_days, true)
                then 'not_assessable'
            else 'no'
        end as status,
        case
            when cause_findings.tier is not null then null
            when sources.site_id is null then 'no_source_data'
            when coalesce(episodes.observed_days < thresholds.cause_observed_days, true) then 'no_follow_up'
        end as reason,
        cause_findings.onset_day,
        case
            when cause_findings.tier is null then cast(episodes.observed_days as double)
            else cause_findings.value
        end as value,
        case when cause_findings.tier is null then 'observed_days' else cause_findings.value_name end as value_name,
        case
            when causes_judged.cause <> 'nonunion' then cause_findings.tier
            when cause_findings.onset_day < thresholds.nonunion_firm_day
                then concat(cause_findings.tier, '_provisional')
            when cause_findings.tier is not null then concat(cause_findings.tier, '_firm')
        end as kind,
        cause_findings.image_id,
        cause_findings.record_table,
        cause_findings.record_id
    from episodes
    cross join causes_judged
    cross join thresholds
    left join cause_findings
        on
            episodes.site_id = cause_findings.site_id
            and episodes.patient_id = cause_findings.patient_id
            and causes_judged.cause = cause_findings.cause
    left join sources
        on
            episodes.site_id = sources.site_id
            and causes_judged.cause = sources.cause
),

evidence as (
    select
        site_id,
        patient_id,
        cause,
        'imaging' as source_table,
        image_id as record_id
    from results
    where image_id is not null
    union all
    select
        site_id,
        patient_id,
        cause,
        record_table as source_table,
        record_id
    from results
    where record_id is not null
    union all
    select
        results.site_id,
        results.patient_id,
        results.cause,
        'procedures' as source_table,
        revision_procedures.procedure_id as record_id
    from results
    inner join revision_procedures
        on
            results.site_id = revision_procedures.site_id
            and results.patient_id = revision_procedures.patient_id
            and results.onset_day = revision_procedures.day
    where results.record_table = 'procedures'
    union all
    select
        site_id,
        patient_id,
        cause,
        'patients' as source_table,
        patient_id as record_id
    from results
    where cause = 'posture' and kind = 'probable' and image_id is null
)

select
    results.site_id,
    results.patient_id,
    results.cause,
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
        and results.cause = evidence.cause
