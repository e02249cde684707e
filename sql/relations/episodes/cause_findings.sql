/*
title: What speaks for each cause, and how strongly
rationale: >
  Possible rests on codes alone, on a weak image beside a symptom, or on a revision that tells little; probable on a
  symptom and an image that belong together; confirmed on CT or on what the surgeon found. The strongest tier decides;
  within it the earliest onset; of one day what the surgeon found before an image, and an image before a code; then the
  nearer pair, then the lower ids.
citation: clinical specification, section 3
grain: one row per episode and cause with any finding
needs: [cause_codes, cause_images, cause_symptoms, unresolved_records, surgeon_findings, episodes, treatment_classes,
  delivered_until, thresholds]
columns:
  tier: possible, probable or confirmed
  onset_day: the later of symptom and image; else the day of the code or of the revision
  value: the image's measured value when it has one; value_name is its finding
  image_id: the image of the pair
  record_table: the table of record_id
  record_id: the symptom or code; null of a revision, whose procedures are the evidence, and of an unresolved condition
    without an image, which has records of its own
*/
with codes as (
    select
        site_id, patient_id, cause,
        1 as tier_rank,
        day as onset_day,
        0 as days_apart,
        cast(null as double) as value,
        cast(null as varchar) as value_name,
        cast(null as varchar) as image_id,
        'diagnoses' as record_table,
        diagnosis_id as record_id
    from cause_codes
    where not is_supporting
),

pairs as (
    select
        cause_images.site_id, cause_images.patient_id, cause_images.cause,
        cause_images.tier_rank,
        greatest(cause_images.day, cause_symptoms.day) as onset_day,
        abs(cause_images.day - cause_symptoms.day) as days_apart,
        cause_images.value,
        cause_images.finding as value_name,
        cause_images.imaging_id as image_id,
        cause_symptoms.source_table as record_table,
        cause_symptoms.record_id
    from cause_images
    inner join cause_symptoms
        on
            cause_images.site_id = cause_symptoms.site_id
            and cause_images.patient_id = cause_symptoms.patient_id
            and cause_images.cause = cause_symptoms.cause
    cross join thresholds
    where abs(cause_images.day - cause_symptoms.day) <= thresholds.symptom_image_days
),

early_therapy as (
    select distinct treatment_classes.site_id, treatment_classes.patient_id
    from treatment_classes
    cross join thresholds
    where
        treatment_classes.treatment_class = 'exercise_therapy'
        and treatment_classes.end_day >= 0
        and treatment_classes.start_day <= thresholds.no_therapy_until_day
),

untreated_posture as (
    select
        cause_codes.site_id, cause_codes.patient_id, cause_codes.cause,
        2 as tier_rank,
        greatest(cause_codes.day, thresholds.no_therapy_until_day + 1) as onset_day,
        -- Farther apart than any pair, so that on one onset day the pair decides.
        thresholds.symptom_image_days + 1 as days_apart,
        cast(null as double) as value,
        cast(null as varchar) as value_name,
        cast(null as varchar) as image_id,
        'diagnoses' as record_table,
        cause_codes.diagnosis_id as record_id
    from cause_codes
    inner join episodes
        on
            cause_codes.site_id = episodes.site_id
            and cause_codes.patient_id = episodes.patient_id
            and episodes.treatment_data_complete
    inner join delivered_until
        on
            cause_codes.site_id = delivered_until.site_id
            and cause_codes.patient_id = delivered_until.patient_id
            and delivered_until.source_table = 'treatments'
    cross join thresholds
    left join early_therapy
        on
            cause_codes.site_id = early_therapy.site_id
            and cause_codes.patient_id = early_therapy.patient_id
    where
        cause_codes.cause = 'posture'
        and early_therapy.patient_id is null
        and episodes.observed_days > thresholds.no_therapy_until_day
        and delivered_until.until_day >= thresholds.no_therapy_until_day
    qualify
        row_number() over (
            partition by cause_codes.site_id, cause_codes.patient_id order by cause_codes.day, cause_codes.diagnosis_id
        ) = 1
),

candidates as (
    select * from codes
    union all
    select * from pairs
    union all
    select * from untreated_posture
    union all
    select
        site_id, patient_id, cause, tier_rank,
        day as onset_day,
        0 as days_apart,
        cast(null as double) as value,
        cast(null as varchar) as value_name,
        cast(null as varchar) as image_id,
        'procedures' as record_table,
        cast(null as varchar) as record_id
    from surgeon_findings
    union all
    select distinct
        site_id, patient_id,
        'unresolved_condition' as cause,
        1 as tier_rank,
        onset_day,
        0 as days_apart,
        cast(null as double) as value,
        cast(null as varchar) as value_name,
        cast(null as varchar) as image_id,
        cast(null as varchar) as record_table,
        cast(null as varchar) as record_id
    from unresolved_records
)

select
    site_id, patient_id, cause,
    case tier_rank when 3 then 'confirmed' when 2 then 'probable' else 'possible' end as tier,
    onset_day, value, value_name, image_id, record_table, record_id
from candidates
qualify
    row_number() over (
        partition by site_id, patient_id, cause
        order by
            tier_rank desc,
            onset_day asc,
            case when record_table = 'procedures' then 1 when image_id is not null then 2 else 3 end asc,
            days_apart asc,
            image_id asc nulls last,
            record_table asc nulls last,
            record_id asc nulls last
    ) = 1
