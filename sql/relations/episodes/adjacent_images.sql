/*
title: Images after surgery that show disease of an adjacent joint
rationale: >
  A finding is compared with the worst of its kind before surgery, in its own unit, as the table of directions says;
  without an image before surgery, with the first image after it. Grade 0 is no finding.
citation: clinical specification, section 3 (radiographic adjacent segment disease)
grain: one row per image finding on a day that can count
needs: [adjacent_joints, adjacent_looks, imaging_directions]
columns:
  value: the recorded grade or measure, null when none was recorded
  is_new: >
    new or worse than before surgery, false when it was there before; null where there is neither an image before
    surgery nor an earlier one that showed the joint free of it
*/
with findings as (
    select
        imaging.site_id, imaging.patient_id, imaging.imaging_id, imaging.day,
        imaging.level as joint,
        imaging.finding, imaging.value, imaging.unit, imaging_directions.worse
    from imaging
    inner join adjacent_joints
        on
            imaging.site_id = adjacent_joints.site_id
            and imaging.patient_id = adjacent_joints.patient_id
            and imaging.level = adjacent_joints.joint
            and adjacent_joints.is_counting
    left join imaging_directions
        on
            imaging.finding = imaging_directions.finding
            and imaging.unit = imaging_directions.unit
    where
        imaging.finding in ('degeneration', 'disc_herniation', 'stenosis')
        and not coalesce(imaging.unit = 'grade' and imaging.value = 0, false)
),

before_surgery as (
    select distinct site_id, patient_id, joint, finding
    from findings
    where day <= 0
),

values_before as (
    select
        site_id, patient_id, joint, finding, unit,
        min(value) as smallest,
        max(value) as largest
    from findings
    where day <= 0
    group by site_id, patient_id, joint, finding, unit
),

on_first_image as (
    select distinct findings.site_id, findings.patient_id, findings.joint, findings.finding
    from findings
    inner join adjacent_looks
        on
            findings.site_id = adjacent_looks.site_id
            and findings.patient_id = adjacent_looks.patient_id
            and findings.day = adjacent_looks.first_day
)

select
    findings.site_id, findings.patient_id, findings.imaging_id, findings.day, findings.joint,
    findings.finding, findings.value,
    case
        when adjacent_looks.has_baseline
            then
                before_surgery.joint is null
                or coalesce(
                    case findings.worse
                        when 'larger' then findings.value > values_before.largest
                        when 'smaller' then findings.value < values_before.smallest
                    end,
                    false
                )
        when findings.day > adjacent_looks.first_day and on_first_image.joint is null then true
    end as is_new
from findings
inner join adjacent_looks
    on
        findings.site_id = adjacent_looks.site_id
        and findings.patient_id = adjacent_looks.patient_id
left join before_surgery
    on
        findings.site_id = before_surgery.site_id
        and findings.patient_id = before_surgery.patient_id
        and findings.joint = before_surgery.joint
        and findings.finding = before_surgery.finding
left join values_before
    on
        findings.site_id = values_before.site_id
        and findings.patient_id = values_before.patient_id
        and findings.joint = values_before.joint
        and findings.finding = values_before.finding
        and findings.unit = values_before.unit
left join on_first_image
    on
        findings.site_id = on_first_image.site_id
        and findings.patient_id = on_first_image.patient_id
        and findings.joint = on_first_image.joint
        and findings.finding = on_first_image.finding
where findings.day >= adjacent_looks.look_day
