/*
title: Codes of the adjacent-segment list, with the joint that they name
citation: clinical specification, section 3 (disc level from M50 codes)
grain: one row per diagnosis and joint; joint is null where the code names none
needs: [coded_records, cohort]
*/
select
    coded_records.site_id, coded_records.patient_id,
    coded_records.record_id as diagnosis_id,
    coded_records.day, coded_records.joint
from coded_records
inner join cohort
    on
        coded_records.site_id = cohort.site_id
        and coded_records.patient_id = cohort.patient_id
        and cohort.step is null
where coded_records.list = 'adjacent_segment'
