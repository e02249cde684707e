/*
title: Procedures that revise the index fusion
rationale: >
  Codes that are not cervical-specific count only with cervical context: levels on the record, or a companion code on
  the same day or in the same encounter.
citation: clinical specification, section 6
grain: one row per procedure after the index fusion that belongs to a revision
needs: [coded_records, cohort, index_stages, thresholds]
columns:
  procedure_group: fusion, or the group of the revision code list
*/
with stage_days as (
    select distinct site_id, patient_id, day
    from index_stages
),

coded as (
    select
        procedures.site_id, procedures.patient_id, procedures.procedure_id, procedures.encounter_id,
        procedures.day, procedures.levels, procedures.modifier, coded_records.needs,
        case when coded_records.list = 'cervical_fusion' then 'fusion' else coded_records.procedure_group end
            as procedure_group
    from coded_records
    inner join procedures
        on
            coded_records.list in ('cervical_fusion', 'revision')
            and coded_records.source_table = 'procedures'
            and coded_records.site_id = procedures.site_id
            and coded_records.record_id = procedures.procedure_id
    inner join cohort
        on
            procedures.site_id = cohort.site_id
            and procedures.patient_id = cohort.patient_id
            and cohort.step is null
    where procedures.day >= 1
),

after_index as (
    select coded.*
    from coded
    cross join thresholds
    left join stage_days
        on
            coded.site_id = stage_days.site_id
            and coded.patient_id = stage_days.patient_id
            and coded.day = stage_days.day
    where stage_days.day is null or coded.modifier = thresholds.unplanned_return_modifier
),

companion_codes as (
    select site_id, patient_id, encounter_id, day, list
    from coded_records
    where
        (list = 'cervical_context' and source_table = 'diagnoses')
        or (list = 'laminoplasty_companion' and source_table = 'procedures')
),

accompanied as (
    select distinct after_index.site_id, after_index.procedure_id
    from after_index
    inner join companion_codes
        on
            after_index.needs = companion_codes.list
            and after_index.site_id = companion_codes.site_id
            and after_index.patient_id = companion_codes.patient_id
            and (
                after_index.day = companion_codes.day
                or after_index.encounter_id = companion_codes.encounter_id
            )
)

select distinct
    after_index.site_id, after_index.patient_id, after_index.procedure_id, after_index.encounter_id,
    after_index.day, after_index.levels, after_index.procedure_group
from after_index
left join accompanied
    on
        after_index.site_id = accompanied.site_id
        and after_index.procedure_id = accompanied.procedure_id
where
    after_index.needs is null
    or accompanied.procedure_id is not null
    or (after_index.needs = 'cervical_context' and after_index.levels is not null)
