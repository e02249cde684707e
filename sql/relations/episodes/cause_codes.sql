/*
title: Codes after the index fusion that name a cause
rationale: >
  Codes without a body region count only beside a cervical code of the same day or encounter; those of a device also in
  a patient of whom no fusion of another region is known. Codes of the stay of the fusion are the reason for surgery,
  unless they name a complication.
citation: clinical specification, section 3
grain: one row per diagnosis and cause
needs: [coded_records, episodes, index_stay_records, index_joints, thresholds]
columns:
  is_supporting: counts as a symptom beside an image, never as one code alone
*/
with named as (
    select
        site_id,
        record_id as diagnosis_id,
        bool_or(list = 'complication') as is_complication,
        bool_or(list = 'device_complication') as is_of_device
    from coded_records
    where source_table = 'diagnoses'
    group by site_id, record_id
),

coded as (
    select
        coded_records.site_id, coded_records.patient_id,
        coded_records.record_id as diagnosis_id,
        coded_records.encounter_id, coded_records.day, coded_records.list, coded_records.needs,
        coded_records.family, coded_records.joint, named.is_of_device,
        coded_records.day < 1
        or (index_stay_records.record_id is not null and not named.is_complication) as is_before
    from coded_records
    inner join named
        on
            coded_records.site_id = named.site_id
            and coded_records.record_id = named.diagnosis_id
    inner join episodes
        on
            coded_records.site_id = episodes.site_id
            and coded_records.patient_id = episodes.patient_id
    left join index_stay_records
        on
            coded_records.site_id = index_stay_records.site_id
            and coded_records.source_table = index_stay_records.source_table
            and coded_records.record_id = index_stay_records.record_id
    where
        coded_records.source_table = 'diagnoses'
        and coded_records.list in (
            'nonunion',
            'nonunion_supporting',
            'scar_tissue',
            'hardware_irritation',
            'unresolved_condition',
            'posture',
            'cervical_context'
        )
),

cervical as (
    select site_id, patient_id, encounter_id, day
    from coded
    where list = 'cervical_context'
),

in_context as (
    select distinct coded.site_id, coded.diagnosis_id
    from coded
    inner join cervical
        on
            coded.needs = 'cervical_context'
            and coded.site_id = cervical.site_id
            and coded.patient_id = cervical.patient_id
            and (coded.day = cervical.day or coded.encounter_id = cervical.encounter_id)
),

fused_elsewhere as (
    select distinct site_id, patient_id
    from coded_records
    where list = 'other_region_fusion' and source_table = 'procedures'
),

family_before as (
    select distinct site_id, patient_id, family
    from coded
    where list = 'unresolved_condition' and is_before
)

select distinct
    coded.site_id, coded.patient_id, coded.diagnosis_id, coded.day,
    case coded.list when 'nonunion_supporting' then 'nonunion' else coded.list end as cause,
    coded.list in ('nonunion_supporting', 'unresolved_condition') as is_supporting
from coded
cross join thresholds
left join in_context
    on
        coded.site_id = in_context.site_id
        and coded.diagnosis_id = in_context.diagnosis_id
left join fused_elsewhere
    on
        coded.site_id = fused_elsewhere.site_id
        and coded.patient_id = fused_elsewhere.patient_id
left join family_before
    on
        coded.site_id = family_before.site_id
        and coded.patient_id = family_before.patient_id
        and coded.family = family_before.family
left join index_joints
    on
        coded.site_id = index_joints.site_id
        and coded.patient_id = index_joints.patient_id
        and coded.joint = index_joints.joint
where
    coded.list <> 'cervical_context'
    and not coded.is_before
    and (
        coded.needs is null
        or in_context.diagnosis_id is not null
        or (coded.is_of_device and fused_elsewhere.patient_id is null)
    )
    and (coded.list <> 'nonunion' or coded.day >= thresholds.nonunion_day)
    and (
        coded.list <> 'unresolved_condition'
        or (
            coded.day > thresholds.unresolved_day
            and family_before.family is not null
            and (coded.joint is null or index_joints.joint is not null)
        )
    )
