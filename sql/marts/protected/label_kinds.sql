/*
title: Kinds of a label
grain: one row per label and kind among the patients for whom the label holds
key: [label, kind]
needs: [labels]
columns:
  label: {description: name of the definition, enum: labels}
  kind: "the kind of yes; null in the one row that stands for all kinds when none may be listed"
  episodes: {description: "patients with this kind, to the nearest step of the threshold less one", unit: patients}
  is_suppressed: the count is hidden to protect patients (neither zero nor missing)
*/
select
    label,
    kind,
    count(*) as episodes
from labels
where status = 'yes' and is_counted and kind is not null
group by label, kind
order by label, kind
