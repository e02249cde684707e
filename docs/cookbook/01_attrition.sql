/*
title: From delivered patients to the cohort
question: How many patients came in, and why did some not enter the cohort?
note: The first box of a flow chart. Each step takes those that the step before left.
needs: [attrition]
*/
select
    step,
    reason,
    sum(patients_out) as patients_out,
    sum(patients_left) as patients_left
from attrition
group by step, reason
order by step
