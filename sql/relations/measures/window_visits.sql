/*
title: Visits that count for their window
rationale: >
  A visit counts when at least one instrument could be scored and it did not come after the first revision. Of several
  in one window the nearest to the target comes first, then the earlier, then the lower id.
citation: clinical specification, sections 7 and 8
grain: one row per visit that counts and lies in a window
needs: [follow_up_scores, visit_windows]
columns:
  nearness: 1 = the nearest to the window's target
*/
select
    follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.visit_window,
    follow_up_scores.follow_up_id, follow_up_scores.day,
    row_number() over (
        partition by follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.visit_window
        order by
            abs(follow_up_scores.day - visit_windows.target_day),
            follow_up_scores.day, follow_up_scores.follow_up_id
    ) as nearness,
    follow_up_scores.ndi_percent, follow_up_scores.neck_pain_nrs, follow_up_scores.arm_pain_nrs,
    follow_up_scores.mjoa, follow_up_scores.promis_pf_t, follow_up_scores.promis_pi_t
from follow_up_scores
inner join visit_windows
    on follow_up_scores.visit_window = visit_windows.visit_window
where follow_up_scores.has_outcome and not follow_up_scores.is_after_revision
