/*
title: Cervical fusions
rationale: >
  Two add-ons name a further joint of a fusion of any region: they are of the neck on the day of a fusion of the neck,
  or with the joint recorded.
citation: clinical specification, section 0
grain: one row per fusion procedure, add-ons included
needs: [coded_records, fusion_approaches]
columns:
  approach: as recorded, else as the code says
  joints: how many joints the code fuses, null when the code leaves it open
*/
with coded as (
    select site_id, patient_id, record_id, day, needs, approach, is_add_on, joints
    from coded_records
    where list = 'cervical_fusion' and source_table = 'procedures'
),

days_of_the_neck as (
    select distinct site_id, patient_id, day
    from coded
    where needs is null
)

select
    procedures.site_id, procedures.patient_id, procedures.procedure_id, procedures.encounter_id,
    procedures.day, procedures.code_system, procedures.code, procedures.modifier, procedures.units,
    procedures.levels, coded.is_add_on, coded.joints,
    coalesce(procedures.approach, coded.approach, fusion_approaches.approach) as approach
from coded
inner join procedures
    on
        coded.site_id = procedures.site_id
        and coded.record_id = procedures.procedure_id
left join fusion_approaches
    on
        procedures.code_system = 'ICD10PCS'
        and substr(procedures.code, 7, 1) = fusion_approaches.seventh_character
left join days_of_the_neck
    on
        coded.site_id = days_of_the_neck.site_id
        and coded.patient_id = days_of_the_neck.patient_id
        and coded.day = days_of_the_neck.day
where coded.needs is null or procedures.levels is not null or days_of_the_neck.day is not null
