/*
title: Types of revision
question: What was done at the first revision, and when?
note: >
  A day of revision has one leading type; `types` holds all of that day. Where a site gives no levels, a renewed fusion
  cannot be distinguished from one of the next joint.
needs: [revisions]
*/
select
    type,
    count(*) as first_revisions,
    cast(quantile_cont(day, 0.5) as double) as median_day
from revisions
where revision_number = 1
group by type
order by first_revisions desc, type asc
