/*
title: Sites that ever delivered
grain: one row per site
needs: [submissions]
columns:
  site_id: the site
*/
select distinct site_id
from submissions
