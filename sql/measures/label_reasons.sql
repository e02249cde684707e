/*
title: Why a label is not assessable
grain: one row per label and reason
key: [label, reason]
needs: [labels]
columns:
  label: name of the definition
  reason: "why not assessable; null in the one row that stands for all reasons when none may be listed"
  episodes: {description: patients with this reason, unit: patients}
  is_suppressed: the count is hidden to protect patients (neither zero nor missing)
*/
select
    label,
    reason,
    count(*) as episodes
from labels
where status = 'not_assessable'
group by label, reason
order by label, reason
