/*
title: EQ-5D of each follow-up visit, by version
rationale: >
  The 3L and the 5L write the same digits and mean other levels: which was asked is what the site declares, and the
  contract names the 5L where it declares nothing. A value set is of the 5L.
grain: one row per follow-up visit of an episode
is_view: true
needs: [follow_up_scores]
columns:
  eq5d_version: 3L or 5L; null without a profile
  eq5d_profile: levels as five digits; null when one is missing
  eq5d_index: value of a profile of the 5L in the value set that the installation supplies; null without one
*/
with versions as (
    select
        site_id, follow_up_id,
        coalesce(eq5d_version, '5L') as eq5d_version
    from follow_ups
)

select
    follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.follow_up_id,
    case when follow_up_scores.eq5d_profile is not null then versions.eq5d_version end as eq5d_version,
    follow_up_scores.eq5d_profile,
    case when versions.eq5d_version = '5L' then follow_up_scores.eq5d_index end as eq5d_index,
    follow_up_scores.eq_vas
from follow_up_scores
inner join versions
    on
        follow_up_scores.site_id = versions.site_id
        and follow_up_scores.follow_up_id = versions.follow_up_id
