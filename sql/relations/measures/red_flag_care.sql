/*
title: Imaging, and a visit, within {care_after_red_flag_days} days of the first red flag
rationale: >
  As imaging_or_visit_after_red_flag, but each kind of care alone, and only once the days are over. An image taken
  shortly before the flag counts: the patient is imaged already.
citation: clinical specification, sections 1 and 4
grain: one row per measure and episode
is_view: true
needs: [episodes, care_findings, care_after_findings, delivered_until]
columns:
  status: yes, no or excluded
*/
with questions as (
    select
        'red_flag_imaging_30_days' as measure,
        'imaging' as source_table
    union all
    select
        'red_flag_visit_30_days' as measure,
        'encounters' as source_table
),

first_flags as (
    select site_id, patient_id, last_day
    from care_findings
    where label = 'imaging_or_visit_after_red_flag'
),

cared_for as (
    select distinct site_id, patient_id, source_table
    from care_after_findings
    where label = 'imaging_or_visit_after_red_flag'
),

reasoned as (
    select
        questions.measure, episodes.site_id, episodes.patient_id,
        cared_for.patient_id is not null as has_care,
        case
            when first_flags.patient_id is null then 'no_red_flag'
            when delivered_until.patient_id is null then 'no_source_data'
            when coalesce(episodes.data_cut_day < first_flags.last_day, true) then 'window_not_closed'
            when cared_for.patient_id is not null then null
            when coalesce(episodes.observed_days < first_flags.last_day, true) then 'no_follow_up'
            when delivered_until.until_day < first_flags.last_day then 'delivery_gap'
        end as reason
    from episodes
    cross join questions
    left join first_flags
        on
            episodes.site_id = first_flags.site_id
            and episodes.patient_id = first_flags.patient_id
    left join cared_for
        on
            episodes.site_id = cared_for.site_id
            and episodes.patient_id = cared_for.patient_id
            and questions.source_table = cared_for.source_table
    left join delivered_until
        on
            episodes.site_id = delivered_until.site_id
            and episodes.patient_id = delivered_until.patient_id
            and questions.source_table = delivered_until.source_table
)

select
    measure, site_id, patient_id,
    case
        when reason is not null then 'excluded'
        when has_care then 'yes'
        else 'no'
    end as status,
    reason
from reasoned
