/*
title: Who got clearly better, by instrument and window
citation: clinical specification, sections 7 and 8
grain: one row per measure and episode
is_view: true
needs: [responders, thresholds]
columns:
  status: yes, no or excluded
*/
select
    concat('mcid_', responders.instrument, '_', responders.visit_window) as measure,
    responders.site_id, responders.patient_id,
    case
        when responders.reason is not null then 'excluded'
        when responders.reached_mcid then 'yes'
        else 'no'
    end as status,
    responders.reason
from responders
cross join thresholds
where responders.target_day <= thresholds.every_window_until_day
