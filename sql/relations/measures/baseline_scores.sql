/*
title: Scores before surgery
rationale: Each instrument takes the visit nearest to surgery at which it was scored.
citation: clinical specification, section 7
grain: one row per episode with a visit before surgery that counts; a column for each instrument
needs: [window_visits]
*/
select
    site_id, patient_id,
    arg_min(ndi_percent, nearness) filter (where ndi_percent is not null) as ndi,
    arg_min(neck_pain_nrs, nearness) filter (where neck_pain_nrs is not null) as neck_pain_nrs,
    arg_min(arm_pain_nrs, nearness) filter (where arm_pain_nrs is not null) as arm_pain_nrs,
    arg_min(mjoa, nearness) filter (where mjoa is not null) as mjoa,
    arg_min(promis_pf_t, nearness) filter (where promis_pf_t is not null) as promis_pf_t,
    arg_min(promis_pi_t, nearness) filter (where promis_pi_t is not null) as promis_pi_t
from window_visits
where visit_window = 'baseline'
group by site_id, patient_id
