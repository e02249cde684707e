/*
title: Visits after the index fusion that show new weakness
rationale: >
  Each patient is their own control: strength is judged against that before surgery, the mJOA against its best earlier
  score. Where strength before surgery is not known, low strength alone is weakness.
citation: clinical specification, section 4; mJOA thresholds after Tetreault 2015
grain: one row per visit and measure that shows weakness
needs: [follow_up_scores, mjoa_severity, thresholds]
columns:
  measure: mrc_grade_min or mjoa
  value: grade or score of the visit
  value_before: grade before surgery, null where not known; best earlier mJOA
*/
with grades_before as (
    select site_id, patient_id, mrc_grade_min
    from follow_up_scores
    where day <= 0 and mrc_grade_min is not null
    qualify row_number() over (partition by site_id, patient_id order by day desc, mrc_grade_min desc) = 1
),

best_scores as (
    select
        site_id, patient_id, follow_up_id, day, mjoa,
        max(mjoa) over (
            partition by site_id, patient_id
            order by day range between unbounded preceding and 1 preceding
        ) as best_mjoa
    from follow_up_scores
)

select
    follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.follow_up_id,
    follow_up_scores.day,
    'mrc_grade_min' as measure,
    follow_up_scores.mrc_grade_min as value,
    grades_before.mrc_grade_min as value_before
from follow_up_scores
cross join thresholds
left join grades_before
    on
        follow_up_scores.site_id = grades_before.site_id
        and follow_up_scores.patient_id = grades_before.patient_id
where
    follow_up_scores.day > 0
    and case
        when grades_before.mrc_grade_min is null
            then follow_up_scores.mrc_grade_min <= thresholds.weakness_mrc_grade
        else grades_before.mrc_grade_min - follow_up_scores.mrc_grade_min >= thresholds.weakness_mrc_fall
    end
union all
select
    best_scores.site_id, best_scores.patient_id, best_scores.follow_up_id, best_scores.day,
    'mjoa' as measure,
    best_scores.mjoa as value,
    best_scores.best_mjoa as value_before
from best_scores
inner join mjoa_severity
    on best_scores.best_mjoa >= mjoa_severity.lowest and best_scores.best_mjoa <= mjoa_severity.highest
where best_scores.day > 0 and best_scores.best_mjoa - best_scores.mjoa >= mjoa_severity.mcid
