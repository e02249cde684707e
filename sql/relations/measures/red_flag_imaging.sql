/*
title: Imaging within {care_after_red_flag_days} days of the first red flag
rationale: >
  As imaging_or_visit_after_red_flag, but an image only, and only once the days are over.
citation: clinical specification, sections 1 and 4
grain: one row per episode
is_view: true
needs: [episodes, red_flags, imaging, delivered_tables, thresholds]
columns:
  status: yes, no or excluded
*/
with first_flags as (
    select
        site_id, patient_id,
        min(day) as day
    from red_flags
    group by site_id, patient_id
),

imaged as (
    select distinct first_flags.site_id, first_flags.patient_id
    from first_flags
    cross join thresholds
    inner join imaging
        on
            first_flags.site_id = imaging.site_id
            and first_flags.patient_id = imaging.patient_id
            and first_flags.day <= imaging.day
            and first_flags.day + thresholds.care_after_red_flag_days >= imaging.day
),

reasoned as (
    select
        episodes.site_id, episodes.patient_id,
        imaged.patient_id is not null as is_imaged,
        case
            when first_flags.patient_id is null then 'no_red_flag'
            when delivered_tables.site_id is null then 'no_source_data'
            when coalesce(episodes.data_cut_day < first_flags.day + thresholds.care_after_red_flag_days, true)
                then 'window_not_closed'
            when imaged.patient_id is not null then null
            when coalesce(episodes.observed_days < first_flags.day + thresholds.care_after_red_flag_days, true)
                then 'no_follow_up'
        end as reason
    from episodes
    cross join thresholds
    left join first_flags
        on
            episodes.site_id = first_flags.site_id
            and episodes.patient_id = first_flags.patient_id
    left join imaged
        on
            episodes.site_id = imaged.site_id
            and episodes.patient_id = imaged.patient_id
    left join delivered_tables
        on
            episodes.site_id = delivered_tables.site_id
            and delivered_tables.source_table = 'imaging'
)

select
    'red_flag_imaging_30_days' as measure,
    site_id, patient_id,
    case
        when reason is not null then 'excluded'
        when is_imaged then 'yes'
        else 'no'
    end as status,
    reason
from reasoned
