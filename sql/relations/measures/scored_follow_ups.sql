/*
title: Follow-up visits, scored, with the one that represents each window
grain: one row per follow-up visit of an episode
needs: [follow_up_scores, nearest_visits, eq5d_scores]
columns:
  is_window_visit: of the visits in its window the one that represents it (nearest to the target day)
*/
select
    follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.follow_up_id,
    follow_up_scores.day, follow_up_scores.visit_window,
    nearest_visits.follow_up_id is not null as is_window_visit,
    follow_up_scores.is_after_revision, follow_up_scores.has_outcome,
    follow_up_scores.neck_pain_nrs, follow_up_scores.arm_pain_nrs, follow_up_scores.ndi_percent,
    follow_up_scores.ndi_band, follow_up_scores.ndi_pain_item, follow_up_scores.ndi_headache_item,
    follow_up_scores.ndi_items_answered, follow_up_scores.mjoa, follow_up_scores.mjoa_severity,
    eq5d_scores.eq5d_version, eq5d_scores.eq5d_profile, eq5d_scores.eq5d_index, eq5d_scores.eq_vas,
    follow_up_scores.promis_pf_t, follow_up_scores.promis_pi_t, follow_up_scores.satisfaction,
    follow_up_scores.is_satisfied, follow_up_scores.radiating_pain, follow_up_scores.numbness,
    follow_up_scores.mrc_grade_min, follow_up_scores.neck_rotation_deg,
    follow_up_scores.occipital_headache, follow_up_scores.opioid_use, follow_up_scores.working
from follow_up_scores
inner join eq5d_scores
    on
        follow_up_scores.site_id = eq5d_scores.site_id
        and follow_up_scores.follow_up_id = eq5d_scores.follow_up_id
left join nearest_visits
    on
        follow_up_scores.site_id = nearest_visits.site_id
        and follow_up_scores.follow_up_id = nearest_visits.follow_up_id
