/*
title: Surgical adjacent segment disease
category: suspected causes
guide: A worn joint next to the fusion may itself need an operation.
definition: >
  A revision by fusion, decompression or disc replacement of a joint adjacent to the fusion that was not symptomatic
  before surgery, whatever else was operated on that day.
rationale: >
  Disease next to the fusion is often treated together with the fused joint or the joint beyond. A revision with a
  procedure whose joints are not recorded may or may not be one: it makes the answer not assessable, never a guess.
citation: clinical specification, section 3
grain: one row per episode and piece of evidence
version: 3
status: accepted
needs: [episodes, revisions, revision_procedures, thresholds]
columns:
  onset_day: day of the first such revision
  value: the observed days of a no
criteria:
  - says: the fused joints are known
    relation: index_joints
  - says: a joint next to them that was not symptomatic before surgery
    relation: adjacent_joints
    where: is_counting
  - says: a revision
    relation: revision_procedures
    record: procedure_id
  - says: >-
      by fusion, decompression or disc replacement of such a joint
    relation: revisions
    where: is_adjacent
    record: procedure_ids
*/
with judged_revisions as (
    select
        site_id, patient_id,
        min(day) filter (where is_adjacent) as onset_day,
        bool_or(is_adjacent is null) as has_unknown_levels
    from revisions
    group by site_id, patient_id
),

results as (
    select
        episodes.site_id, episodes.patient_id, judged_revisions.onset_day, episodes.observed_days,
        case
            when judged_revisions.onset_day is not null then null
            when episodes.index_levels is null or coalesce(judged_revisions.has_unknown_levels, false)
                then 'level_unknown'
            when coalesce(episodes.observed_days < thresholds.asd_observed_days, true) then 'no_follow_up'
        end as reason
    from episodes
    cross join thresholds
    left join judged_revisions
        on
            episodes.site_id = judged_revisions.site_id
            and episodes.patient_id = judged_revisions.patient_id
)

select
    results.site_id, results.patient_id,
    case
        when results.onset_day is not null then 'yes'
        when results.reason is not null then 'not_assessable'
        else 'no'
    end as status,
    results.reason, results.onset_day,
    case when results.onset_day is null then cast(results.observed_days as double) end as value,
    case when results.onset_day is null then 'observed_days' end as value_name,
    cast(null as varchar) as kind,
    case when revision_procedures.procedure_id is not null then 'procedures' else 'patients' end as source_table,
    coalesce(revision_procedures.procedure_id, results.patient_id) as record_id
from results
left join revision_procedures
    on
        results.site_id = revision_procedures.site_id
        and results.patient_id = revision_procedures.patient_id
        and results.onset_day = revision_procedures.day
