/*
title: Time from first red flag to imaging
question: How long after the first red flag of any kind was the neck imaged?
note: >
  The first image after the day of the flag, however late: one of that very day may have found it. The median is that
  of the imaged patients; those who were not imaged were not all observed equally long, so a curve over time needs
  their observed days as well.
needs: [labels, events]
*/
with flagged as (
    select
        site_id,
        patient_id,
        min(onset_day) as flag_day
    from labels
    where status = 'yes' and starts_with(label, 'red_flag_')
    group by site_id, patient_id
),

waited as (
    select
        flagged.site_id,
        flagged.patient_id,
        min(events.day) - flagged.flag_day as days
    from flagged
    left join events
        on
            flagged.site_id = events.site_id
            and flagged.patient_id = events.patient_id
            and events.kind = 'image'
            and flagged.flag_day < events.day
    group by flagged.site_id, flagged.patient_id, flagged.flag_day
)

select
    site_id,
    count(*) as flagged,
    count(days) as imaged,
    count(*) filter (where days <= 30) as within_30_days,
    cast(quantile_cont(days, 0.5) as double) as median_days
from waited
group by site_id
order by site_id
