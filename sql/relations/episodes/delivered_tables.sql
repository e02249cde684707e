/*
title: Tables that each site delivers
rationale: Absence of an event can be said only where the site sends a table that could have shown it.
grain: one row per site and contract table
*/
with tables_in_force as (
    select
        site_id,
        unnest(tables) as delivered
    from submissions
    where status = 'accepted'
)

select distinct tables_in_force.site_id, delivered.source_table
from tables_in_force
