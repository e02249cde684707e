/*
title: The visit that represents each window
rationale: >
  Of several visits in one window the one nearest to the target represents it, the earlier and then the lower id where
  two are equally near.
citation: clinical specification, section 7
grain: one row per episode and visit window with a visit
needs: [follow_up_scores, visit_windows]
*/
select
    follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.visit_window,
    follow_up_scores.follow_up_id
from follow_up_scores
inner join visit_windows
    on follow_up_scores.visit_window = visit_windows.visit_window
qualify
    row_number() over (
        partition by follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.visit_window
        order by
            abs(follow_up_scores.day - visit_windows.target_day),
            follow_up_scores.day, follow_up_scores.follow_up_id
    ) = 1
