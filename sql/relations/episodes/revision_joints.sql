/*
title: Joints of each revision procedure, and how they lie to the fusion
grain: one row per revision procedure and joint
needs: [revision_procedures, joints, index_joints, adjacent_joints]
*/
select
    revision_procedures.site_id, revision_procedures.patient_id, revision_procedures.procedure_id,
    revision_procedures.day, revision_procedures.procedure_group, joints.joint, joints.position,
    index_joints.joint is not null as is_index,
    adjacent_joints.joint is not null as is_adjacent,
    coalesce(adjacent_joints.is_counting, false) as is_counting
from revision_procedures
inner join joints
    on concat(';', revision_procedures.levels, ';') like concat('%;', joints.joint, ';%')
left join index_joints
    on
        revision_procedures.site_id = index_joints.site_id
        and revision_procedures.patient_id = index_joints.patient_id
        and joints.joint = index_joints.joint
left join adjacent_joints
    on
        revision_procedures.site_id = adjacent_joints.site_id
        and revision_procedures.patient_id = adjacent_joints.patient_id
        and joints.joint = adjacent_joints.joint
