/*
title: Joints adjacent to the fusion
rationale: >
  A joint between two fusions is next to both. A joint that was symptomatic before surgery cannot show adjacent segment
  disease.
citation: clinical specification, sections 0 and 3
grain: one row per episode and adjacent joint; none where the index levels are unknown
needs: [index_joints, joint_diagnoses, joints]
columns:
  is_counting: no level-coded diagnosis named this joint before day 1
*/
with bounds as (
    select
        site_id, patient_id,
        min(position) as highest,
        max(position) as lowest
    from index_joints
    group by site_id, patient_id
),

symptomatic_before as (
    select distinct site_id, patient_id, joint
    from joint_diagnoses
    where is_before and joint is not null
)

select
    bounds.site_id, bounds.patient_id, joints.joint, joints.position,
    symptomatic_before.joint is null as is_counting
from bounds
inner join joints
    on joints.position between bounds.highest - 1 and bounds.lowest + 1
left join index_joints
    on
        bounds.site_id = index_joints.site_id
        and bounds.patient_id = index_joints.patient_id
        and joints.joint = index_joints.joint
left join symptomatic_before
    on
        bounds.site_id = symptomatic_before.site_id
        and bounds.patient_id = symptomatic_before.patient_id
        and joints.joint = symptomatic_before.joint
where index_joints.joint is null
