/*
title: Follow-up visits, scored, with their visit window
rationale: >
  Items beat a stated total where enough are answered to give a score; else the total stands. A visit belongs to the
  window that holds its day. Pain is a numeric rating: a site that measures it on a visual analogue scale delivers
  millimetres divided by 10.
citation: clinical specification, section 7; NDI missing-item rule after Vernon and Mior 1991
grain: one row per follow-up visit of an episode
needs: [episodes, thresholds, visit_windows, ndi_bands, mjoa_severity, eq5d_values]
columns:
  ndi_percent: Neck Disability Index, percent of the possible points
  ndi_band: band of its points; a fraction of a point, from missing items, belongs to the band above the whole one
  mjoa: modified JOA score
  eq5d_index: value of the profile in the value set that the installation supplies; null without one
  has_outcome: at least one instrument of the visit could be scored
  is_after_revision: the visit came after the first revision
*/
with items as (
    select
        follow_ups.*,
        coalesce(follow_ups.ndi_item_1, 0)
        + coalesce(follow_ups.ndi_item_2, 0)
        + coalesce(follow_ups.ndi_item_3, 0)
        + coalesce(follow_ups.ndi_item_4, 0)
        + coalesce(follow_ups.ndi_item_5, 0)
        + coalesce(follow_ups.ndi_item_6, 0)
        + coalesce(follow_ups.ndi_item_7, 0)
        + coalesce(follow_ups.ndi_item_8, 0)
        + coalesce(follow_ups.ndi_item_9, 0)
        + coalesce(follow_ups.ndi_item_10, 0)
            as item_sum,
        cast(follow_ups.ndi_item_1 is not null as integer)
        + cast(follow_ups.ndi_item_2 is not null as integer)
        + cast(follow_ups.ndi_item_3 is not null as integer)
        + cast(follow_ups.ndi_item_4 is not null as integer)
        + cast(follow_ups.ndi_item_5 is not null as integer)
        + cast(follow_ups.ndi_item_6 is not null as integer)
        + cast(follow_ups.ndi_item_7 is not null as integer)
        + cast(follow_ups.ndi_item_8 is not null as integer)
        + cast(follow_ups.ndi_item_9 is not null as integer)
        + cast(follow_ups.ndi_item_10 is not null as integer)
            as items_answered
    from follow_ups
),

scored as (
    select
        items.*,
        case
            when items.items_answered >= thresholds.ndi_items_answered
                then 100.0 * items.item_sum / nullif(5 * items.items_answered, 0)
            when items.ndi_unit = 'points' then 2.0 * items.ndi_total
            when items.ndi_unit = 'percent' then items.ndi_total
        end as ndi_percent,
        coalesce(
            items.mjoa_upper_motor
            + items.mjoa_lower_motor
            + items.mjoa_sensory
            + items.mjoa_sphincter,
            items.mjoa_total
        ) as mjoa,
        concat(
            items.eq5d_1, items.eq5d_2, items.eq5d_3, items.eq5d_4, items.eq5d_5
        ) as eq5d_digits
    from items
    cross join thresholds
),

in_windows as (
    select
        scored.*,
        episodes.first_revision_day, visit_windows.visit_window,
        ndi_bands.band as ndi_band,
        mjoa_severity.severity as mjoa_severity,
        case when length(scored.eq5d_digits) = 5 then scored.eq5d_digits end as eq5d_profile,
        eq5d_values.eq5d_index,
        scored.satisfaction <= thresholds.satisfied_at_most as is_satisfied
    from scored
    cross join thresholds
    inner join episodes
        on
            scored.site_id = episodes.site_id
            and scored.patient_id = episodes.patient_id
    left join visit_windows
        on scored.day >= visit_windows.first_day and scored.day <= visit_windows.last_day
    left join ndi_bands
        on
            scored.ndi_percent <= 2.0 * ndi_bands.up_to_points
            and (scored.ndi_percent > 2.0 * ndi_bands.above_points or ndi_bands.above_points is null)
    left join mjoa_severity
        on scored.mjoa >= mjoa_severity.lowest and scored.mjoa <= mjoa_severity.highest
    left join eq5d_values
        on scored.eq5d_digits = eq5d_values.profile
)

select
    site_id, patient_id, follow_up_id, day, visit_window,
    coalesce(day > first_revision_day, false) as is_after_revision,
    neck_pain_nrs is not null
    or arm_pain_nrs is not null
    or ndi_percent is not null
    or mjoa is not null
    or eq5d_profile is not null
    or eq_vas is not null
    or promis_pf_t is not null
    or promis_pi_t is not null
    or satisfaction is not null
        as has_outcome,
    neck_pain_nrs, arm_pain_nrs, ndi_percent, ndi_band,
    ndi_item_1 as ndi_pain_item,
    ndi_item_5 as ndi_headache_item,
    items_answered as ndi_items_answered,
    mjoa, mjoa_severity, eq5d_profile, eq5d_index, eq_vas, promis_pf_t, promis_pi_t, satisfaction,
    is_satisfied, radiating_pain, numbness, mrc_grade_min, neck_rotation_deg, occipital_headache,
    opioid_use, working
from in_windows
