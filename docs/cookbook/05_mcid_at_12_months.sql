/*
title: Who got better by enough to matter
question: How many patients reached the minimal clinically important difference at 12 months?
note: >
  Each patient is judged against the own baseline. `not_said` counts those of whom nothing can be said; the column
  `reason` of the mart says why (no baseline, no visit, died, revised, window still open, nothing left to better).
needs: [responders]
*/
select
    instrument,
    count(*) filter (where reached_mcid) as reached,
    count(reached_mcid) as assessed,
    count(*) filter (where reached_mcid is null) as not_said,
    round(100 * avg(cast(reached_mcid as integer)), 1) as percent
from responders
where visit_window = '12_months'
group by instrument
order by instrument
