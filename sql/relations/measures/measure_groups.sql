/*
title: Groups that the measures are counted in
rationale: Counting over numbers is faster than over names; a profile is a combination of all strata.
grain: one row per episode
needs: [episodes]
columns:
  cohort: number of the site and period of the index fusion
  profile: number of the site and the strata
*/
with described as (
    select
        site_id, patient_id, index_period,
        coalesce(approach, 'unknown') as approach,
        levels_band, age_band,
        coalesce(indication, 'unknown') as indication
    from episodes
)

select
    site_id, patient_id, index_period, approach, levels_band, age_band, indication,
    dense_rank() over (order by site_id, index_period) as cohort,
    dense_rank() over (order by site_id, approach, levels_band, age_band, indication) as profile
from described
