/*
title: Revision performed
category: revision
guide: Some people need another operation on the neck after a fusion.
definition: >
  A cervical revision procedure from the index fusion on that is not a stage of it. The kind is the type of the first
  revision.
rationale: >
  What is done in the stay of the index fusion, or planned within {stage_days} days, is part of it. An unplanned return
  (modifier {unplanned_return_modifier}) is a revision however early, on the day of the fusion too, and so is from the
  next day on the removal or revision of a device that was not planned. A device code that names no region counts,
  with a kind of its own, where no other region was ever fused.
citation: clinical specification, sections 0, 1 and 6
grain: one row per episode and piece of evidence
version: 3
status: accepted
headline: 3
needs: [episodes, revisions, revision_procedures, thresholds]
columns:
  onset_day: day of the first revision
  value: number of revisions; of a no, the observed days
criteria:
  - says: a cervical fusion, or a code of another revision, that is not a stage of the index fusion
    relation: neck_operations
    where: not is_stage
    record: procedure_id
  - says: one among them that is of the neck, by its code, its levels or what was coded with it, or that may be
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
