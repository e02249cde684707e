/*
title: Completeness of follow-up
question: Of the visits that could be expected, how many took place?
note: >
  Expected is done, due or lost. A window that the death or a first revision forestalled, or that has not begun, is not
  expected.
needs: [visit_windows]
*/
select
    visit_window,
    count(*) filter (where state in ('done', 'due', 'lost')) as expected,
    count(*) filter (where state = 'done') as done,
    count(*) filter (where state = 'lost') as lost,
    round(100 * avg(case when state = 'done' then 1 when state in ('due', 'lost') then 0 end), 1) as percent_done
from visit_windows
where target_day between 0 and 730
group by visit_window, target_day
order by target_day
