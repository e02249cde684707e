/*
title: Suspected causes that come together
question: Of those with pain past 3 months, how many have which suspected cause, and how many have more than one?
note: Labels do not exclude each other. `alone` counts patients with no other suspected cause.
needs: [labels]
*/
with causes as (
    select
        causes.site_id,
        causes.patient_id,
        causes.label,
        count(*) over (partition by causes.site_id, causes.patient_id) as cause_count
    from labels as causes
    inner join labels as pain
        on
            causes.site_id = pain.site_id
            and causes.patient_id = pain.patient_id
            and pain.label = 'pain_past_3_months'
            and pain.status = 'yes'
    where causes.status = 'yes' and starts_with(causes.label, 'suspected_')
)

select
    label,
    count(*) as patients,
    count(*) filter (where cause_count = 1) as alone,
    count(*) filter (where cause_count > 1) as with_others
from causes
group by label
order by label
