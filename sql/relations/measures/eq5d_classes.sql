/*
title: Whose health got better, mixed, worse or stayed the same by the EQ-5D, by window
citation: Devlin, Parkin and Browne 2010, Health Economics 19(8):886
grain: one row per measure and episode
is_view: true
needs: [eq5d_changes, thresholds]
columns:
  status: yes, no or excluded
*/
with change_classes as (
    select unnest(['better', 'mixed', 'worse', 'same']) as change_class
)

select
    concat('eq5d_', change_classes.change_class, '_', eq5d_changes.visit_window) as measure,
    eq5d_changes.site_id, eq5d_changes.patient_id,
    case
        when eq5d_changes.reason is not null then 'excluded'
        when eq5d_changes.change_class = change_classes.change_class then 'yes'
        else 'no'
    end as status,
    eq5d_changes.reason
from eq5d_changes
cross join change_classes
cross join thresholds
where eq5d_changes.target_day <= thresholds.every_window_until_day
