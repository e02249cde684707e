/*
title: First diagnosis after surgery that names a counting adjacent joint
citation: clinical specification, section 3 (clinical adjacent segment disease, possible)
grain: one row per episode that has one
needs: [joint_diagnoses, adjacent_joints]
*/
select
    joint_diagnoses.site_id, joint_diagnoses.patient_id, joint_diagnoses.diagnosis_id,
    joint_diagnoses.day
from joint_diagnoses
inner join adjacent_joints
    on
        joint_diagnoses.site_id = adjacent_joints.site_id
        and joint_diagnoses.patient_id = adjacent_joints.patient_id
        and joint_diagnoses.joint = adjacent_joints.joint
        and adjacent_joints.is_counting
where not joint_diagnoses.is_before
qualify
    row_number() over (
        partition by joint_diagnoses.site_id, joint_diagnoses.patient_id
        order by joint_diagnoses.day, joint_diagnoses.diagnosis_id
    ) = 1
