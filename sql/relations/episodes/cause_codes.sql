/*
title: Codes after the index fusion that name a cause
rationale: >
  Codes without a body region count only beside a cervical code of the same day or encounter.
citation: clinical specification, section 3
grain: one row per diagnosis and cause
needs: [coded_records, cohort, episodes, index_joints, thresholds]
columns:
  is_supporting: counts as a symptom beside an image, never alone
*/
with coded as (
    select
        coded_records.site_id, coded_records.patient_id,
        coded_records.record_id as diagnosis_id,
        coded_records.encounter_id, coded_records.day, coded_records.list, coded_records.needs,
        coded_records.family, coded_records.joint
    from coded_records
    inner join episodes
        on
            coded_records.site_id = episodes.site_id
            and coded_records.patient_id = episodes.patient_id
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

family_before as (
    select distinct site_id, patient_id, family
    from coded
    where list = 'unresolved_condition' and day < 1
)

select distinct
    coded.site_id, coded.patient_id, coded.diagnosis_id, coded.day,
    case coded.list when 'nonunion_supporting' then 'nonunion' else coded.list end as cause,
    coded.list = 'nonunion_supporting' as is_supporting
from coded
cross join thresholds
left join in_context
    on
        coded.site_id = in_context.site_id
        and coded.diagnosis_id = in_context.diagnosis_id
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
    and coded.day >= 1
    and (coded.needs is null or in_context.diagnosis_id is not null)
    and (coded.list <> 'nonunion' or coded.day >= thresholds.nonunion_day)
    and (
        coded.list <> 'unresolved_condition'
        or (
            coded.day > thresholds.unresolved_day
            and family_before.family is not null
            and (coded.joint is null or index_joints.joint is not null)
        )
    )
