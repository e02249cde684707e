/*
title: What the code, class or finding of each record belongs to
rationale: Of the list of conservative care the class is told, of the list of revisions the group.
grain: one row per record whose code, class or finding belongs to something
needs: [coded_records, treatment_classes, red_flags]
columns:
  code_groups: what it belongs to, joined by a semicolon
*/
with groups as (
    select
        source_table, site_id, record_id,
        coalesce(procedure_group, list) as code_group
    from coded_records
    where list <> 'conservative_care'
    union
    select source_table, site_id, record_id, treatment_class as code_group
    from treatment_classes
    union
    select source_table, site_id, record_id, flag as code_group
    from red_flags
    where source_table = 'follow_ups'
)

select
    source_table, site_id, record_id,
    string_agg(code_group, ';' order by code_group) as code_groups
from groups
group by source_table, site_id, record_id
