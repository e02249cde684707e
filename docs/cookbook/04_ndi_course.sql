/*
title: Disability over time
question: How does the Neck Disability Index move from before surgery to two years after it?
note: >
  One visit per patient and window, the nearest to the target day; visits after a revision belong to another surgery and
  are left out. Those who come back differ from those who don't: read it beside the next two queries.
needs: [follow_ups, visit_windows]
*/
select
    visit_windows.visit_window,
    count(*) as patients,
    round(avg(follow_ups.ndi_percent), 1) as mean_ndi,
    round(stddev_samp(follow_ups.ndi_percent), 1) as sd_ndi
from follow_ups
inner join visit_windows
    on
        follow_ups.site_id = visit_windows.site_id
        and follow_ups.follow_up_id = visit_windows.follow_up_id
where follow_ups.ndi_percent is not null and visit_windows.target_day <= 730
group by visit_windows.visit_window, visit_windows.target_day
order by visit_windows.target_day
