/*
title: Codes of the adjacent-segment list, with the joint that they name
rationale: What is coded in the stay of the index fusion is the reason for surgery.
citation: clinical specification, section 3 (disc level from M50 codes)
grain: one row per diagnosis and joint; joint is null where the code names none
needs: [coded_records, cohort, index_stay_records]
columns:
  is_before: describes the patient before surgery
*/
select
    coded_records.site_id, coded_records.patient_id,
    coded_records.record_id as diagnosis_id,
    coded_records.day, coded_records.joint,
    coded_records.day < 1 or index_stay_records.record_id is not null as is_before
from coded_records
inner join cohort
    on
        coded_records.site_id = cohort.site_id
        and coded_records.patient_id = cohort.patient_id
        and cohort.step is null
left join index_stay_records
    on
        coded_records.site_id = index_stay_records.site_id
        and coded_records.source_table = index_stay_records.source_table
        and coded_records.record_id = index_stay_records.record_id
where coded_records.list = 'adjacent_segment'
