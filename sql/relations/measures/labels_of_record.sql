/*
title: Labels that rest on each record
rationale: Most evidence is a patient's own row, which is no event and would take most of the memory.
grain: one row per record that is evidence of a label, patients' own rows left out
needs: [label_evidence]
columns:
  labels: the labels whose answer rests on the record, joined by a semicolon
*/
select
    source_table, site_id, record_id,
    string_agg(label, ';' order by label) as labels
from label_evidence
where source_table <> 'patients'
group by source_table, site_id, record_id
