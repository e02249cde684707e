/*
title: What the code, class or finding of each record belongs to, and which labels rest on it
rationale: >
  Of the list of conservative care the class is told, of the list of revisions the group. All words of a record are
  collected in one pass, since of millions of records each pass takes much of the memory; most evidence is a patient's
  own row, which is no event.
grain: one row per record with at least one of the columns
needs: [coded_records, treatment_classes, red_flags, label_evidence]
columns:
  code_groups: what it belongs to, joined by a semicolon
  joints: the joints that the code of a diagnosis names, joined by a semicolon
  labels: the labels whose answer rests on it, joined by a semicolon
*/
with words as (
    select
        source_table, site_id, record_id,
        'code_group' as kind,
        coalesce(procedure_group, list) as word
    from coded_records
    where list <> 'conservative_care'
    union
    select
        source_table, site_id, record_id,
        'code_group' as kind,
        treatment_class as word
    from treatment_classes
    union
    select
        source_table, site_id, record_id,
        'code_group' as kind,
        flag as word
    from red_flags
    where source_table = 'follow_ups'
    union
    select
        source_table, site_id, record_id,
        'joint' as kind,
        joint as word
    from coded_records
    where source_table = 'diagnoses' and joint is not null
    union
    select
        source_table, site_id, record_id,
        'label' as kind,
        cast(label as varchar) as word
    from label_evidence
    where source_table <> 'patients'
)

select
    source_table, site_id, record_id,
    string_agg(word, ';' order by word) filter (where kind = 'code_group') as code_groups,
    string_agg(word, ';' order by word) filter (where kind = 'joint') as joints,
    string_agg(word, ';' order by word) filter (where kind = 'label') as labels
from words
group by source_table, site_id, record_id
