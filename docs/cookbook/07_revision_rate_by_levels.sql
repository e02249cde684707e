/*
title: Rate of first revisions
question: How often is a neck operated again, by number of levels fused?
note: >
  First revisions per 100 person-years at risk: from the index fusion to the first revision, or else to the end of
  observation. Dividing revisions by patients would mix two months of follow-up with ten years; for the course over time
  see the notebook [Revision curve by levels](notebooks/revision_curve_by_levels.ipynb).
needs: [episodes]
*/
select
    levels_band,
    count(*) as patients,
    count(first_revision_day) as revised,
    round(sum(coalesce(first_revision_day, observed_days)) / 365.25, 1) as person_years,
    round(100 * count(first_revision_day) / (sum(coalesce(first_revision_day, observed_days)) / 365.25), 2)
        as per_100_person_years
from episodes
group by levels_band
order by levels_band
