/*
title: Symptoms after the index fusion that may belong to an adjacent joint
rationale: >
  A red-flag code that names a joint is a symptom of that joint only, as any listed code is; other complaints may belong
  to any.
citation: clinical specification, sections 3 and 4 (a symptom is neck or arm pain, a red flag, or a listed code)
grain: one row per record that shows a symptom, and joint where the record names one
needs: [complaints, joint_diagnoses]
*/
select
    complaints.site_id, complaints.patient_id, complaints.day,
    cast(null as varchar) as joint,
    complaints.source_table, complaints.record_id
from complaints
left join joint_diagnoses
    on
        complaints.site_id = joint_diagnoses.site_id
        and complaints.source_table = 'diagnoses'
        and complaints.record_id = joint_diagnoses.diagnosis_id
where joint_diagnoses.diagnosis_id is null
union
select
    site_id, patient_id, day, joint,
    'diagnoses' as source_table,
    diagnosis_id as record_id
from joint_diagnoses
where not is_before
