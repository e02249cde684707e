/*
title: Who got better by a share of the score before surgery, by instrument and window
rationale: >
  Beside the difference in points: a share of the patient's own baseline separates those who call themselves better from
  the others more truly than points do (Khan 2021).
citation: Khan 2021, clinical specification, section 7; its amendments, E3
grain: one row per measure and episode
is_view: true
needs: [responders, instruments, thresholds]
columns:
  status: yes, no or excluded
*/
select
    concat('improved_', responders.instrument, '_', responders.visit_window) as measure,
    responders.site_id, responders.patient_id,
    case
        when responders.reason is not null then 'excluded'
        when responders.reached_percent then 'yes'
        else 'no'
    end as status,
    responders.reason
from responders
inner join instruments
    on
        responders.instrument = instruments.instrument
        and instruments.percent is not null
cross join thresholds
where responders.target_day <= thresholds.every_window_until_day
