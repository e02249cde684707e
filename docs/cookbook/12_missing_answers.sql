/*
title: Who did not answer
question: How far could those who did not answer change the share that improved by 30 percent at 12 months?
note: >
  The truth lies between the two bounds; the weighted share holds only if those who did not answer were like those who
  did and looked like them ([how](coverage-of-weights.md)).
needs: [missing_answers]
*/
select
    coalesce(site_id, 'all') as site,
    answered,
    not_answered,
    round(100 * share, 1) as percent,
    round(100 * share_if_missing_no, 1) as if_all_no,
    round(100 * share_if_missing_yes, 1) as if_all_yes,
    round(100 * weighted_share, 1) as weighted,
    round(100 * weighted_low, 1) as weighted_low,
    round(100 * weighted_high, 1) as weighted_high
from missing_answers
where measure = 'improved_ndi_12_months'
order by site_id nulls last
