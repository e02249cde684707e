/*
title: Which type of revision each episode had
rationale: A fusion whose joints were not recorded may be of either fusion type, so neither can be denied.
citation: clinical specification, section 6
grain: one row per episode, revision type and piece of evidence
needs: [episodes, revisions, revision_types, revision_procedures, thresholds]
columns:
  onset_day: day of the first revision of the type
  value: number of revisions of the type; of a no, the observed days
*/
with typed as (
    select
        revisions.site_id,
        revisions.patient_id,
        revision_types.type,
        min(revisions.day) as onset_day,
        count(*) as revision_count
    from revisions
    inner join revision_types
        on concat(';', revisions.types, ';') like concat('%;', revision_types.type, ';%')
    group by revisions.site_id, revisions.patient_id, revision_types.type
),

of_unknown_level as (
    select distinct
        site_id,
        patient_id
    from typed
    where type = 'fusion_revision_level_unknown'
),

results as (
    select
        episodes.site_id,
        episodes.patient_id,
        episodes.observed_days,
        revision_types.type,
        typed.onset_day,
        typed.revision_count,
        case
            when typed.onset_day is not null then null
            when of_unknown_level.patient_id is not null and revision_types.needs_levels then 'level_unknown'
            when coalesce(episodes.observed_days < thresholds.revision_observed_days, true) then 'no_follow_up'
        end as reason
    from episodes
    cross join revision_types
    cross join thresholds
    left join typed
        on
            episodes.site_id = typed.site_id
            and episodes.patient_id = typed.patient_id
            and revision_types.type = typed.type
    left join of_unknown_level
        on
            episodes.site_id = of_unknown_level.site_id
            and episodes.patient_id = of_unknown_level.patient_id
)

select
    results.site_id,
    results.patient_id,
    results.type,
    case
        when results.onset_day is not null then 'yes'
        when results.reason is not null then 'not_assessable'
        else 'no'
    end as status,
    results.reason,
    results.onset_day,
    cast(coalesce(results.revision_count, results.observed_days) as double) as value,
    case when results.onset_day is not null then 'revisions' else 'observed_days' end as value_name,
    cast(null as varchar) as kind,
    case when revision_procedures.procedure_id is not null then 'procedures' else 'patients' end as source_table,
    coalesce(revision_procedures.procedure_id, results.patient_id) as record_id
from results
left join revision_procedures
    on
        results.site_id = revision_procedures.site_id
        and results.patient_id = revision_procedures.patient_id
        and results.onset_day = revision_procedures.day
