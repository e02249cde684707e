/*
title: Images that show new or worse disease of an adjacent joint
citation: clinical specification, section 3 (radiographic adjacent segment disease)
grain: one row per image finding
needs: [adjacent_joints]
columns:
  value: the recorded grade or measure, null when none was recorded
*/
with findings as (
    select
        imaging.site_id, imaging.patient_id, imaging.imaging_id, imaging.day,
        imaging.level as joint,
        imaging.finding, imaging.value
    from imaging
    inner join adjacent_joints
        on
            imaging.site_id = adjacent_joints.site_id
            and imaging.patient_id = adjacent_joints.patient_id
            and imaging.level = adjacent_joints.joint
            and adjacent_joints.is_counting
    where imaging.finding in ('degeneration', 'disc_herniation', 'stenosis')
),

before_surgery as (
    select
        site_id, patient_id, joint, finding,
        max(value) as value
    from findings
    where day <= 0
    group by site_id, patient_id, joint, finding
)

select
    findings.site_id, findings.patient_id, findings.imaging_id, findings.day, findings.joint,
    findings.finding, findings.value
from findings
left join before_surgery
    on
        findings.site_id = before_surgery.site_id
        and findings.patient_id = before_surgery.patient_id
        and findings.joint = before_surgery.joint
        and findings.finding = before_surgery.finding
where
    findings.day > 0
    and (before_surgery.joint is null or findings.value > before_surgery.value)
