/*
title: How much of the time up to its horizon each headline measure could see of each episode
rationale: >
  Who is lost is missing from then on, not as a whole; who had the event or died is complete, as nothing is left to be
  seen. Where nothing could be seen (joints that are not known, a table that is not delivered) no time was observed.
citation: >
  Clark, Altman and De Stavola 2002, Lancet 359:1309 (https://doi.org/10.1016/S0140-6736(02)08272-7)
grain: one row per headline measure of a horizon and episode
is_view: true
needs: [within_horizons, measure_definitions, episodes]
columns:
  observed_days: days from surgery to the event, to death, to the end of observation or to the horizon; 0 when excluded
  potential_days: days to the event, to death, to the end of the data or to the horizon, whichever is first
*/
select
    within_horizons.measure, within_horizons.site_id, within_horizons.patient_id,
    coalesce(within_horizons.day, 0) as observed_days,
    case
        when within_horizons.cause in (1, 2) then within_horizons.day
        else greatest(least(measure_definitions.horizon_day, episodes.data_cut_day, episodes.death_day), 0)
    end as potential_days
from within_horizons
inner join measure_definitions
    on within_horizons.measure = measure_definitions.measure
inner join episodes
    on
        within_horizons.site_id = episodes.site_id
        and within_horizons.patient_id = episodes.patient_id
where measure_definitions.headline is not null
