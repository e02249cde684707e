/*
title: Kinds of a label
grain: one row per label, kind and site among the patients for whom the label holds
needs: [labels]
columns:
  episodes: patients with this kind
*/
select
    label, kind, site_id,
    count(*) as episodes
from labels
where status = 'yes' and is_counted and kind is not null
group by label, kind, site_id
