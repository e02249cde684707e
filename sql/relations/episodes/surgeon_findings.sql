/*
title: Causes that a revision shows
rationale: >
  What the surgeon did tells what was found. Fusing a fused joint again, or exploring it, makes nonunion possible; its
  code, or fixation revised with the refusion, confirms it. Hardware taken out alone, or for pain that its code names,
  was irritating; taken out beside another operation it was in the way.
citation: clinical specification, sections 3 and 6
grain: one row per episode, day of revision and cause
needs: [coded_records, cause_codes, revisions, revision_procedures, revision_joints, thresholds]
columns:
  tier_rank: possible, the lowest, or confirmed, the highest
  procedure_ids: the procedures of the day
*/
with reasons_for_revision as (
    select
        coded_records.site_id, coded_records.patient_id, coded_records.encounter_id, coded_records.day,
        coded_records.list,
        coded_records.day + thresholds.nonunion_diagnosis_days as last_day
    from coded_records
    cross join thresholds
    where
        coded_records.list = 'nonunion_diagnosis'
        and coded_records.source_table = 'diagnoses'
        and coded_records.day >= 1
    union all
    select
        coded_records.site_id, coded_records.patient_id, coded_records.encounter_id, coded_records.day,
        coded_records.list,
        coded_records.day + thresholds.irritation_diagnosis_days as last_day
    from coded_records
    cross join thresholds
    inner join cause_codes
        on
            coded_records.list = 'device_irritation'
            and coded_records.source_table = 'diagnoses'
            and coded_records.site_id = cause_codes.site_id
            and coded_records.record_id = cause_codes.diagnosis_id
            and cause_codes.cause = 'hardware_irritation'
),

coded_days as (
    select
        revision_procedures.site_id, revision_procedures.patient_id, revision_procedures.day,
        bool_or(
            reasons_for_revision.list = 'nonunion_diagnosis'
            and revision_procedures.procedure_group in ('fusion', 'fixation_revision')
        ) as has_nonunion_code,
        bool_or(
            reasons_for_revision.list = 'device_irritation'
            and revision_procedures.procedure_group = 'hardware_removal'
        ) as has_irritation_code
    from revision_procedures
    inner join reasons_for_revision
        on
            revision_procedures.site_id = reasons_for_revision.site_id
            and revision_procedures.patient_id = reasons_for_revision.patient_id
    where
        revision_procedures.encounter_id = reasons_for_revision.encounter_id
        or revision_procedures.day between reasons_for_revision.day and reasons_for_revision.last_day
    group by revision_procedures.site_id, revision_procedures.patient_id, revision_procedures.day
),

explorations as (
    select site_id, record_id as procedure_id
    from coded_records
    where list = 'exploration' and source_table = 'procedures'
),

revised_fixation as (
    select distinct revision_procedures.site_id, revision_procedures.patient_id, revision_procedures.day
    from revision_procedures
    left join explorations
        on
            revision_procedures.site_id = explorations.site_id
            and revision_procedures.procedure_id = explorations.procedure_id
    where revision_procedures.procedure_group = 'fixation_revision' and explorations.procedure_id is null
),

refusions as (
    select distinct site_id, patient_id, day
    from revision_joints
    where procedure_group = 'fusion' and is_index
),

judged as (
    select
        revisions.site_id, revisions.patient_id, revisions.day, revisions.procedure_ids,
        revisions.day >= thresholds.nonunion_day
        and concat(';', revisions.types, ';') like '%;nonunion_revision;%' as is_of_nonunion,
        coalesce(coded_days.has_nonunion_code, false)
        or (revised_fixation.day is not null and refusions.day is not null) as is_nonunion_confirmed,
        revisions.types = 'hardware_removal'
        or (
            concat(';', revisions.types, ';') like '%;hardware_removal;%'
            and coalesce(coded_days.has_irritation_code, false)
        ) as is_of_hardware
    from revisions
    cross join thresholds
    left join coded_days
        on
            revisions.site_id = coded_days.site_id
            and revisions.patient_id = coded_days.patient_id
            and revisions.day = coded_days.day
    left join revised_fixation
        on
            revisions.site_id = revised_fixation.site_id
            and revisions.patient_id = revised_fixation.patient_id
            and revisions.day = revised_fixation.day
    left join refusions
        on
            revisions.site_id = refusions.site_id
            and revisions.patient_id = refusions.patient_id
            and revisions.day = refusions.day
)

select
    site_id, patient_id, day,
    'nonunion' as cause,
    case when is_nonunion_confirmed then 3 else 1 end as tier_rank,
    procedure_ids
from judged
where is_of_nonunion
union all
select
    site_id, patient_id, day,
    'hardware_irritation' as cause,
    3 as tier_rank,
    procedure_ids
from judged
where is_of_hardware
