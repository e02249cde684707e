/*
title: Operations on the neck from the index fusion on, each a stage of it or not
rationale: >
  What is done in the stay of the index fusion, or soon after and planned, is a stage of it, fusion or not, and so is
  what is done on the day of such a fusion. An unplanned return to the theatre never is, nor from the next day on the
  removal or revision of a device that was not planned: it takes out what the index fusion put in. On the day itself
  it takes out what an earlier operation, not in the data, had put in. Who assists or shares an operation bills it
  again: the joints may stand on one bill only.
citation: clinical specification, section 0
grain: one row per fusion of day 0 or later, and per such procedure and entry of the code list revision
needs: [coded_records, cohort, fusions, index_stay_records, thresholds]
columns:
  levels: joints operated on; of a bill of an assistant or second surgeon without them, those of the same code that day
  procedure_group: fusion, or the group of the revision code list
  needs: the context that the code needs to count as a revision; null when none
  is_device: removal or revision of a device
  is_stage: a stage of the index fusion, else a candidate for a revision
*/
with levels_by_bill as (
    select distinct site_id, patient_id, day, code_system, code, levels
    from procedures
    where levels is not null
),

levels_of_code as (
    select
        site_id, patient_id, day, code_system, code,
        string_agg(levels, ';' order by levels) as levels
    from levels_by_bill
    group by site_id, patient_id, day, code_system, code
),

devices as (
    select distinct site_id, record_id
    from coded_records
    where list = 'device_revision' and source_table = 'procedures'
),

operations as (
    select
        site_id, procedure_id,
        'fusion' as procedure_group,
        cast(null as varchar) as needs
    from fusions
    union
    select
        site_id,
        record_id as procedure_id,
        procedure_group, needs
    from coded_records
    where list = 'revision' and source_table = 'procedures'
),

coded as (
    select
        procedures.site_id, procedures.patient_id, procedures.procedure_id, procedures.encounter_id,
        procedures.day, operations.needs, operations.procedure_group,
        coalesce(procedures.levels, levels_of_code.levels) as levels,
        coalesce(procedures.planned_stage or procedures.modifier = thresholds.planned_stage_modifier, false)
            as is_planned,
        coalesce(procedures.modifier = thresholds.unplanned_return_modifier, false) as is_unplanned_return,
        devices.record_id is not null as is_device,
        index_stay_records.record_id is not null as is_of_index_stay
    from operations
    inner join procedures
        on
            operations.site_id = procedures.site_id
            and operations.procedure_id = procedures.procedure_id
    inner join cohort
        on
            procedures.site_id = cohort.site_id
            and procedures.patient_id = cohort.patient_id
            and cohort.step is null
    left join devices
        on
            procedures.site_id = devices.site_id
            and procedures.procedure_id = devices.record_id
    left join index_stay_records
        on
            procedures.site_id = index_stay_records.site_id
            and procedures.procedure_id = index_stay_records.record_id
            and index_stay_records.source_table = 'procedures'
    cross join thresholds
    left join levels_of_code
        on
            procedures.site_id = levels_of_code.site_id
            and procedures.patient_id = levels_of_code.patient_id
            and procedures.day = levels_of_code.day
            and procedures.code_system = levels_of_code.code_system
            and procedures.code = levels_of_code.code
            and concat(';', thresholds.assistant_modifiers, ';', thresholds.two_surgeons_modifier, ';')
            like concat('%;', procedures.modifier, ';%')
    where procedures.day >= 0
),

judged as (
    select
        coded.*,
        not coded.is_unplanned_return and (coded.day = 0 or not coded.is_device or coded.is_planned) as may_be_stage,
        coded.day = 0 or coded.is_of_index_stay or (coded.day <= thresholds.stage_days and coded.is_planned)
            as belongs_to_index
    from coded
    cross join thresholds
),

stage_days as (
    select distinct site_id, patient_id, day
    from judged
    where procedure_group = 'fusion' and may_be_stage and belongs_to_index
)

select
    judged.site_id, judged.patient_id, judged.procedure_id, judged.encounter_id, judged.day,
    judged.levels, judged.procedure_group, judged.needs, judged.is_device,
    judged.may_be_stage and (judged.belongs_to_index or stage_days.day is not null) as is_stage
from judged
left join stage_days
    on
        judged.site_id = stage_days.site_id
        and judged.patient_id = stage_days.patient_id
        and judged.day = stage_days.day
