/*
title: Share of patients for whom a label holds
question: How often is there pain past 3 months, suspected adjacent segment disease, a revision?
note: >
  Yes among yes and no, with the 95 % Wilson interval. Those who could not be assessed stand beside it: they are no
  *no*, and a large number of them is a finding of its own.
needs: [labels]
*/
with counted as (
    select
        label,
        count(*) filter (where is_counted and status = 'yes') as yes,
        count(*) filter (where is_counted) as assessed,
        count(*) filter (where not is_counted) as not_assessable
    from labels
    where label in ('pain_past_3_months', 'suspected_asd', 'revision_performed')
    group by label
),

shares as (
    select
        label,
        yes,
        assessed,
        not_assessable,
        yes / assessed as share,
        power(1.959963984540054, 2) as z2
    from counted
)

select
    label,
    yes,
    assessed,
    not_assessable,
    round(100 * share, 1) as percent,
    round(
        100 * (share + z2 / (2 * assessed) - sqrt(z2 * (share * (1 - share) + z2 / (4 * assessed)) / assessed))
        / (1 + z2 / assessed),
        1
    ) as low,
    round(
        100 * (share + z2 / (2 * assessed) + sqrt(z2 * (share * (1 - share) + z2 / (4 * assessed)) / assessed))
        / (1 + z2 / assessed),
        1
    ) as high
from shares
order by label
