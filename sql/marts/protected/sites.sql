/*
title: Sites
grain: one row per site that ever delivered
key: [site_id]
needs: [submissions, site_names]
columns:
  site_id: the site
  name: its name in the register of sites, else its id
*/
with delivering as (
    select distinct site_id
    from submissions
)

select
    delivering.site_id,
    coalesce(site_names.name, delivering.site_id) as name
from delivering
left join site_names
    on delivering.site_id = site_names.site_id
order by delivering.site_id
