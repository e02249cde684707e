/*
title: Revisions
rationale: >
  What was operated on one day is one revision. A fusion code carries no level: where the record gives none, the type
  says so and is never guessed. A fusion that takes in a new joint beside a fused one extends it, unless a diagnosis of
  pseudarthrosis or the removal or revision of a device of the fusion marks that one as failed; a joint that an earlier
  revision fused is new no longer.
citation: clinical specification, section 6
grain: one row per episode and day of revision
needs: [coded_records, revision_procedures, revision_joints, index_joints, revision_types, thresholds]
columns:
  type: the leading type, by the precedence of revision_types
  types: all types of the day
  is_adjacent: >-
    fusion, disc replacement or decompression of an adjacent joint that counts, whatever else was operated; null when
    unknown
*/
with nonunion_diagnoses as (
    select site_id, patient_id, encounter_id, day
    from coded_records
    where list = 'nonunion_diagnosis' and source_table = 'diagnoses' and day >= 1
),

with_nonunion as (
    select distinct revision_procedures.site_id, revision_procedures.procedure_id
    from revision_procedures
    cross join thresholds
    inner join nonunion_diagnoses
        on
            revision_procedures.site_id = nonunion_diagnoses.site_id
            and revision_procedures.patient_id = nonunion_diagnoses.patient_id
            and (
                (
                    revision_procedures.day >= nonunion_diagnoses.day
                    and revision_procedures.day <= nonunion_diagnoses.day + thresholds.nonunion_diagnosis_days
                )
                or revision_procedures.encounter_id = nonunion_diagnoses.encounter_id
            )
),

device_days as (
    select distinct site_id, patient_id, day
    from coded_records
    where list = 'fusion_device_revision' and source_table = 'procedures'
),

joints_of_procedure as (
    select
        site_id, procedure_id,
        bool_or(is_index) as is_on_index
    from revision_joints
    group by site_id, procedure_id
),

fused_joints as (
    select
        site_id, patient_id, day, is_index, is_adjacent,
        min(day) over (partition by site_id, patient_id, joint) as first_day
    from revision_joints
    where procedure_group = 'fusion'
),

fused_joints_of_day as (
    select
        site_id, patient_id, day,
        bool_or(is_index) as has_index,
        bool_or(is_adjacent) as has_adjacent,
        bool_or(is_adjacent and day = first_day) as has_new_adjacent
    from fused_joints
    group by site_id, patient_id, day
),

fused_episodes as (
    select distinct site_id, patient_id
    from index_joints
),

located as (
    select
        revision_procedures.site_id, revision_procedures.patient_id,
        revision_procedures.procedure_id, revision_procedures.day,
        revision_procedures.procedure_group,
        with_nonunion.procedure_id is not null as has_nonunion,
        device_days.day is not null as has_device_revision,
        joints_of_procedure.procedure_id is not null and fused_episodes.patient_id is not null as has_known_joints,
        coalesce(joints_of_procedure.is_on_index, false) as is_on_index,
        coalesce(fused_joints_of_day.has_index, false) as day_has_index,
        coalesce(fused_joints_of_day.has_adjacent, false) as day_has_adjacent,
        coalesce(fused_joints_of_day.has_new_adjacent, false) as day_has_new_adjacent
    from revision_procedures
    left join joints_of_procedure
        on
            revision_procedures.site_id = joints_of_procedure.site_id
            and revision_procedures.procedure_id = joints_of_procedure.procedure_id
    left join fused_joints_of_day
        on
            revision_procedures.site_id = fused_joints_of_day.site_id
            and revision_procedures.patient_id = fused_joints_of_day.patient_id
            and revision_procedures.day = fused_joints_of_day.day
    left join with_nonunion
        on
            revision_procedures.site_id = with_nonunion.site_id
            and revision_procedures.procedure_id = with_nonunion.procedure_id
    left join device_days
        on
            revision_procedures.site_id = device_days.site_id
            and revision_procedures.patient_id = device_days.patient_id
            and revision_procedures.day = device_days.day
    left join fused_episodes
        on
            revision_procedures.site_id = fused_episodes.site_id
            and revision_procedures.patient_id = fused_episodes.patient_id
),

typed as (
    select
        site_id, patient_id, procedure_id, day,
        case
            when procedure_group not in ('fusion', 'fixation_revision') then procedure_group
            when has_nonunion then 'nonunion_revision'
            when not has_known_joints then 'fusion_revision_level_unknown'
            when procedure_group = 'fixation_revision'
                then case when is_on_index then 'nonunion_revision' else 'other' end
            when day_has_adjacent and (not day_has_index or (day_has_new_adjacent and not has_device_revision))
                then 'adjacent_segment_fusion'
            when day_has_index then 'nonunion_revision'
            else 'other'
        end as type,
        procedure_group in ('hardware_removal', 'hardware_removal_region_unknown', 'fixation_revision')
            as is_of_hardware,
        has_known_joints
    from located
),

counting_joints_of_day as (
    select
        site_id, patient_id, day,
        bool_or(is_counting) as has_counting_joint
    from revision_joints
    where procedure_group not in ('hardware_removal', 'hardware_removal_region_unknown', 'fixation_revision')
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
        bool_and(has_known_joints or is_of_hardware) as has_known_joints
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
        when counting_joints_of_day.has_counting_joint then true
        when procedures_of_day.has_known_joints then false
    end as is_adjacent
from types_of_day
inner join revision_types
    on types_of_day.leading_precedence = revision_types.precedence
inner join procedures_of_day
    on
        types_of_day.site_id = procedures_of_day.site_id
        and types_of_day.patient_id = procedures_of_day.patient_id
        and types_of_day.day = procedures_of_day.day
left join counting_joints_of_day
    on
        types_of_day.site_id = counting_joints_of_day.site_id
        and types_of_day.patient_id = counting_joints_of_day.patient_id
        and types_of_day.day = counting_joints_of_day.day
left join levels_of_day
    on
        types_of_day.site_id = levels_of_day.site_id
        and types_of_day.patient_id = levels_of_day.patient_id
        and types_of_day.day = levels_of_day.day
