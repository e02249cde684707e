/*
title: Joints fused at the index fusion
grain: one row per episode and fused joint; none where the levels were not recorded
needs: [index_stages, joints]
*/
select distinct index_stages.site_id, index_stages.patient_id, joints.joint, joints.position
from index_stages
inner join joints
    on concat(';', index_stages.levels, ';') like concat('%;', joints.joint, ';%')
