/*
title: Symptoms that may belong to an image of a cause
rationale: >
  Pain or a red flag is a symptom of any cause but one: that the condition before surgery is unresolved is told by its
  own codes and by outcomes that did not better.
citation: clinical specification, section 3
grain: one row per record and cause
needs: [complaints, cause_codes, poor_outcomes]
*/
with causes_of_pain as (
    select 'nonunion' as cause
    union all
    select 'scar_tissue' as cause
    union all
    select 'hardware_irritation' as cause
    union all
    select 'posture' as cause
)

select
    complaints.site_id, complaints.patient_id, complaints.day, causes_of_pain.cause,
    complaints.source_table, complaints.record_id
from complaints
cross join causes_of_pain
union
select
    site_id, patient_id, day, cause,
    'diagnoses' as source_table,
    diagnosis_id as record_id
from cause_codes
union
select
    site_id, patient_id, day,
    'unresolved_condition' as cause,
    'follow_ups' as source_table,
    follow_up_id as record_id
from poor_outcomes
