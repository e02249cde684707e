/*
title: Revisions
rationale: >
  What was operated on one day is one revision. A fusion code carries no level: where the record gives none, the type
  says so and is never guessed.
citation: clinical specification, section 6
grain: one row per episode and day of revision
needs: [coded_records, revision_procedures, revision_joints, index_joints, revision_types]
columns:
  type: the leading type, by the precedence of revision_types
  types: all types of the day
  is_adjacent_only: fusion or decompression whose joints are all adjacent, one of them counting; null when unknown
*/
with nonunion_diagnoses as (
    select site_id, patient_id, encounter_id, day
    from coded_records
    where list = 'nonunion_diagnosis' and source_table = 'diagnoses'
),

with_nonunion as (
    select distinct revision_procedures.site_id, revision_procedures.procedure_id
    from revision_procedures
    inner join nonunion_diagnoses
        on
            revision_procedures.site_id = nonunion_diagnoses.site_id
            and revision_procedures.patient_id = nonunion_diagnoses.patient_id
            and (
                revision_procedures.day = nonunion_diagnoses.day
                or revision_procedures.encounter_id = nonunion_diagnoses.encounter_id
            )
),

joints_of_procedure as (
    select
        site_id, procedure_id,
        bool_or(is_index) as is_on_index,
        bool_and(is_adjacent) as is_adjacent
    from revision_joints
    group by site_id, procedure_id
),

fused_episodes as (
    select distinct site_id, patient_id
    from index_joints
),

typed as (
    select
        revision_procedures.site_id, revision_procedures.patient_id,
        revision_procedures.procedure_id, revision_procedures.day,
        revision_procedures.procedure_group,
        joints_of_procedure.procedure_id is not null and fused_episodes.patient_id is not null as has_known_levels,
        case
            when revision_procedures.procedure_group not in ('fusion', 'fixation_revision')
                then revision_procedures.procedure_group
            when joints_of_procedure.is_on_index or with_nonunion.procedure_id is not null then 'nonunion_revision'
            when joints_of_procedure.procedure_id is null or fused_episodes.patient_id is null
                then 'fusion_revision_level_unknown'
            when revision_procedures.procedure_group = 'fusion' and joints_of_procedure.is_adjacent
                then 'adjacent_segment_fusion'
            else 'other'
        end as type
    from revision_procedures
    left join joints_of_procedure
        on
            revision_procedures.site_id = joints_of_procedure.site_id
            and revision_procedures.procedure_id = joints_of_procedure.procedure_id
    left join with_nonunion
        on
            revision_procedures.site_id = with_nonunion.site_id
            and revision_procedures.procedure_id = with_nonunion.procedure_id
    left join fused_episodes
        on
            revision_procedures.site_id = fused_episodes.site_id
            and revision_procedures.patient_id = fused_episodes.patient_id
),

joints_of_day as (
    select
        site_id, patient_id, day,
        bool_and(is_adjacent) filter (where procedure_group <> 'hardware_removal') as is_adjacent,
        bool_or(is_counting) filter (where procedure_group not in ('hardware_removal', 'fixation_revision'))
            as has_counting_joint
    from revision_joints
    group by site_id, patient_id, day
),

distinct_joints as (
    select distinct site_id, patient_id, day, joint, position
    from revision_joints
),

levels_of_day as (
    select
        site_id, patient_id, day,
        string_agg(joint, ';' order by position) as levels
    from distinct_joints
    group by site_id, patient_id, day
),

distinct_types as (
    select distinct site_id, patient_id, day, type
    from typed
),

types_of_day as (
    select
        distinct_types.site_id, distinct_types.patient_id, distinct_types.day,
        string_agg(distinct_types.type, ';' order by revision_types.precedence) as types,
        min(revision_types.precedence) as leading_precedence
    from distinct_types
    inner join revision_types
        on distinct_types.type = revision_types.type
    group by distinct_types.site_id, distinct_types.patient_id, distinct_types.day
),

procedures_of_day as (
    select
        site_id, patient_id, day,
        string_agg(procedure_id, ';' order by procedure_id) as procedure_ids,
        coalesce(
            bool_or(has_known_levels) filter (where procedure_group not in ('hardware_removal', 'fixation_revision')),
            true
        ) as has_known_levels
    from typed
    group by site_id, patient_id, day
)

select
    types_of_day.site_id, types_of_day.patient_id, types_of_day.day, revision_types.type,
    types_of_day.types, levels_of_day.levels, procedures_of_day.procedure_ids,
    row_number() over (
        partition by types_of_day.site_id, types_of_day.patient_id order by types_of_day.day
    ) as revision_number,
    case
        when procedures_of_day.has_known_levels
            then coalesce(joints_of_day.is_adjacent and joints_of_day.has_counting_joint, false)
    end as is_adjacent_only
from types_of_day
inner join revision_types
    on types_of_day.leading_precedence = revision_types.precedence
inner join procedures_of_day
    on
        types_of_day.site_id = procedures_of_day.site_id
        and types_of_day.patient_id = procedures_of_day.patient_id
        and types_of_day.day = procedures_of_day.day
left join joints_of_day
    on
        types_of_day.site_id = joints_of_day.site_id
        and types_of_day.patient_id = joints_of_day.patient_id
        and types_of_day.day = joints_of_day.day
left join levels_of_day
    on
        types_of_day.site_id = levels_of_day.site_id
        and types_of_day.patient_id = levels_of_day.patient_id
        and types_of_day.day = levels_of_day.day
