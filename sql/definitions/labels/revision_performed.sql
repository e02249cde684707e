/*
title: Revision performed
category: revision
guide: Some people need another operation on the neck after a fusion.
definition: >
  A cervical revision procedure on a day after the index fusion that is not a planned stage of it. The kind is the type
  of the first revision.
rationale: >
  Planned stages and same-admission stages are part of the index fusion. An unplanned return (modifier
  {unplanned_return_modifier}) is a revision however early.
citation: clinical specification, sections 0, 1 and 6
grain: one row per episode and piece of evidence
version: 2
status: accepted
headline: 3
needs: [episodes, revisions, revision_procedures, thresholds]
columns:
  onset_day: day of the first revision
  value: number of revisions; of a no, the observed days
criteria:
  - says: a procedure after day 0
    relation: procedures
    where: day > 0
    record: procedure_id
  - says: a cervical fusion or another revision among them that is not a stage of the index fusion
    relation: revision_procedures
    record: procedure_id
*/
with counted as (
    select
        site_id, patient_id,
        count(*) as revision_count
    from revisions
    group by site_id, patient_id
),

results as (
    select
        episodes.site_id, episodes.patient_id,
        case
            when counted.patient_id is not null then 'yes'
            when episodes.observed_days >= thresholds.revision_observed_days then 'no'
            else 'not_assessable'
        end as status,
        case
            when
                counted.patient_id is null
                and coalesce(episodes.observed_days < thresholds.revision_observed_days, true) then 'no_follow_up'
        end as reason,
        episodes.first_revision_day as onset_day,
        cast(coalesce(counted.revision_count, episodes.observed_days) as double) as value,
        case when counted.patient_id is not null then 'revisions' else 'observed_days' end as value_name,
        revisions.type as kind
    from episodes
    cross join thresholds
    left join counted
        on
            episodes.site_id = counted.site_id
            and episodes.patient_id = counted.patient_id
    left join revisions
        on
            episodes.site_id = revisions.site_id
            and episodes.patient_id = revisions.patient_id
            and revisions.revision_number = 1
),

evidence as (
    select
        site_id, patient_id,
        'procedures' as source_table,
        procedure_id as record_id
    from revision_procedures
)

select
    results.site_id, results.patient_id, results.status, results.reason, results.onset_day,
    results.value, results.value_name, results.kind,
    coalesce(evidence.source_table, 'patients') as source_table,
    coalesce(evidence.record_id, results.patient_id) as record_id
from results
left join evidence
    on
        results.site_id = evidence.site_id
        and results.patient_id = evidence.patient_id
