/*
title: Who of those with myelopathy got clearly better by their own threshold, by window
rationale: >
  The threshold of the Neck Disability Index comes from patients with radiculopathy and other pain; those with
  myelopathy feel a smaller change (Auffinger 2013). A sensitivity beside the usual measure.
citation: Auffinger 2013, PLoS ONE 8(6):e67408; clinical specification, amendments, E3
grain: one row per measure and episode
is_view: true
needs: [responders, episodes, thresholds]
columns:
  status: yes, no or excluded
*/
with compared as (
    select
        responders.site_id, responders.patient_id, responders.visit_window, responders.change,
        thresholds.myelopathy_ndi_mcid_percent as mcid,
        case
            when coalesce(episodes.indication not in ('myelopathy', 'both'), true) then 'not_myelopathy'
            when responders.reason = 'not_applicable' then null
            else responders.reason
        end as reason,
        responders.baseline_value
    from responders
    inner join episodes
        on
            responders.site_id = episodes.site_id
            and responders.patient_id = episodes.patient_id
    cross join thresholds
    where responders.instrument = 'ndi' and responders.target_day <= thresholds.every_window_until_day
),

reasoned as (
    select
        site_id, patient_id, visit_window, change, mcid,
        case
            when reason is not null then reason
            when baseline_value < mcid then 'not_applicable'
            when change is null then 'no_assessment_in_window'
        end as reason
    from compared
)

select
    concat('mcid_ndi_myelopathy_', visit_window) as measure,
    site_id, patient_id,
    case
        when reason is not null then 'excluded'
        when change >= mcid then 'yes'
        else 'no'
    end as status,
    reason
from reasoned
