/*
title: Why a label is not assessable
grain: one row per label and reason
key: [label, reason]
needs: [labels]
columns:
  label: name of the definition
  reason: "why not assessable; null in the one row that stands for all reasons when none may be listed"
  episodes: {description: "patients with this reason, to the nearest step of the threshold less one", unit: patients}
  is_suppressed: the count is hidden to protect patients (neither zero nor missing)
*/
select
    label,
    coalesce(reason, 'no_source_data') as reason,
    count(*) as episodes
from labels
where not is_counted
group by label, coalesce(reason, 'no_source_data')
order by label, reason
