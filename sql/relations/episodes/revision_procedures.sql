/*
title: Procedures that revise the index fusion
rationale: >
  Codes that are not cervical-specific count only with cervical context: levels on the record, a companion code on the
  same day or in the same encounter, or a fusion of the neck on the same day; of a device also another device code of
  that day that is of the neck. Removal or revision of a device without it may still be of the neck where no other
  region was ever fused: a group of its own. New fixation is a revision where a fused joint is fused again.
citation: clinical specification, section 6
grain: one row per procedure that belongs to a revision
needs: [coded_records, neck_operations, index_joints]
columns:
  procedure_group: fusion, a group of the revision code list, or hardware_removal_region_unknown
*/
with candidates as (
    select site_id, patient_id, procedure_id, encounter_id, day, levels, procedure_group, needs, is_device
    from neck_operations
    where not is_stage
),

companions as (
    select site_id, patient_id, encounter_id, day, list
    from coded_records
    where
        (list = 'cervical_context' and source_table = 'diagnoses')
        or (list = 'laminoplasty_companion' and source_table = 'procedures')
    union all
    select
        site_id, patient_id,
        cast(null as varchar) as encounter_id,
        day,
        'cervical_context' as list
    from neck_operations
    where procedure_group = 'fusion'
    union all
    select
        site_id, patient_id,
        cast(null as varchar) as encounter_id,
        day,
        'device_of_the_neck' as list
    from neck_operations
    where is_device and (needs is null or levels is not null)
    union all
    select
        candidates.site_id, candidates.patient_id,
        cast(null as varchar) as encounter_id,
        candidates.day,
        'index_refusion' as list
    from candidates
    inner join index_joints
        on
            candidates.procedure_group = 'fusion'
            and candidates.site_id = index_joints.site_id
            and candidates.patient_id = index_joints.patient_id
            and concat(';', candidates.levels, ';') like concat('%;', index_joints.joint, ';%')
),

accompanied as (
    select distinct candidates.site_id, candidates.procedure_id, candidates.needs
    from candidates
    inner join companions
        on
            (
                candidates.needs = companions.list
                or (candidates.is_device and companions.list = 'device_of_the_neck')
            )
            and candidates.site_id = companions.site_id
            and candidates.patient_id = companions.patient_id
            and (
                candidates.day = companions.day
                or candidates.encounter_id = companions.encounter_id
            )
),

fused_elsewhere as (
    select distinct site_id, patient_id
    from coded_records
    where list = 'other_region_fusion' and source_table = 'procedures'
),

judged as (
    select
        candidates.site_id, candidates.patient_id, candidates.procedure_id, candidates.encounter_id,
        candidates.day, candidates.levels,
        case
            when
                candidates.needs is null
                or accompanied.procedure_id is not null
                or (candidates.needs = 'cervical_context' and candidates.levels is not null)
                then candidates.procedure_group
            when candidates.needs = 'cervical_context' and candidates.is_device and fused_elsewhere.patient_id is null
                then 'hardware_removal_region_unknown'
        end as procedure_group
    from candidates
    left join accompanied
        on
            candidates.site_id = accompanied.site_id
            and candidates.procedure_id = accompanied.procedure_id
            and candidates.needs = accompanied.needs
    left join fused_elsewhere
        on
            candidates.site_id = fused_elsewhere.site_id
            and candidates.patient_id = fused_elsewhere.patient_id
)

select distinct site_id, patient_id, procedure_id, encounter_id, day, levels, procedure_group
from judged
where procedure_group is not null
