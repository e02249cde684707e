/*
title: Kinds of a label
grain: one row per label and kind among the patients for whom the label holds
needs: [labels]
columns:
  episodes: patients with this kind
*/
select
    label, kind,
    count(*) as episodes
from labels
where status = 'yes' and is_counted and kind is not null
group by label, kind
