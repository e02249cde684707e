/*
title: Images after the index fusion that show a cause
rationale: >
  A length counts only when it is given in millimetres. Motion is measured on plain films in bending; a little of it is
  within the error of the measurement, so that it makes disease possible and no more.
citation: clinical specification, section 3
grain: one row per image finding and cause
needs: [episodes, index_joints, thresholds]
columns:
  tier_rank: what the image makes of a symptom, from possible up to confirmed
*/
with images as (
    select
        imaging.site_id, imaging.patient_id, imaging.imaging_id, imaging.day, imaging.modality,
        imaging.finding, imaging.value,
        case when imaging.unit = 'mm' then imaging.value end as length_mm,
        imaging.level is null or index_joints.joint is not null as is_at_index
    from imaging
    inner join episodes
        on
            imaging.site_id = episodes.site_id
            and imaging.patient_id = episodes.patient_id
    left join index_joints
        on
            imaging.site_id = index_joints.site_id
            and imaging.patient_id = index_joints.patient_id
            and imaging.level = index_joints.joint
    where imaging.day >= 1
),

valid_motion_days as (
    select distinct images.site_id, images.patient_id, images.day
    from images
    cross join thresholds
    where images.finding = 'superjacent_motion' and images.length_mm >= thresholds.superjacent_motion_mm
),

recurrent_disc_days as (
    select distinct site_id, patient_id, day
    from images
    where finding = 'recurrent_disc'
),

judged as (
    select
        images.site_id, images.patient_id, images.imaging_id, images.day, images.modality,
        images.finding, images.value,
        case
            when images.modality = 'ct' then 3
            when
                images.finding = 'interspinous_motion' and images.length_mm < thresholds.probable_motion_mm then 1
            else 2
        end as tier_rank,
        case
            when
                images.is_at_index
                and images.day >= thresholds.nonunion_day
                and (
                    (
                        images.finding = 'interspinous_motion'
                        and images.modality = 'radiograph'
                        and images.length_mm >= thresholds.interspinous_motion_mm
                        and valid_motion_days.day is not null
                    )
                    or (images.finding = 'no_bridging_bone' and images.modality = 'ct')
                )
                then 'nonunion'
            when
                images.modality = 'mri'
                and images.finding in ('epidural_scar', 'perineural_scar')
                and recurrent_disc_days.day is null
                then 'scar_tissue'
            when
                images.finding in ('screw_back_out', 'plate_fracture')
                or (images.finding = 'subsidence' and images.length_mm >= thresholds.subsidence_mm)
                then 'hardware_irritation'
            when
                images.finding = 'residual_stenosis'
                and images.is_at_index
                and images.day > thresholds.unresolved_day
                then 'unresolved_condition'
            when images.finding = 'c2_7_sva' and images.length_mm > thresholds.sva_mm then 'posture'
        end as cause
    from images
    cross join thresholds
    left join valid_motion_days
        on
            images.site_id = valid_motion_days.site_id
            and images.patient_id = valid_motion_days.patient_id
            and images.day = valid_motion_days.day
    left join recurrent_disc_days
        on
            images.site_id = recurrent_disc_days.site_id
            and images.patient_id = recurrent_disc_days.patient_id
            and images.day = recurrent_disc_days.day
)

select site_id, patient_id, imaging_id, day, finding, value, tier_rank, cause
from judged
where cause is not null
