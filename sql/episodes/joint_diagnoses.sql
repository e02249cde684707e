/*
title: Codes of the adjacent-segment list, with the joint that they name
citation: clinical specification, section 3 (disc level from M50 codes)
grain: one row per diagnosis and joint; joint is null where the code names none
needs: [code_matches, cohort]
*/
select
    diagnoses.site_id,
    diagnoses.patient_id,
    diagnoses.diagnosis_id,
    diagnoses.day,
    code_matches.joint
from diagnoses
inner join code_matches
    on
        code_matches.list = 'adjacent_segment'
        and diagnoses.code_system = code_matches.code_system
        and diagnoses.code = code_matches.code
inner join cohort
    on
        diagnoses.site_id = cohort.site_id
        and diagnoses.patient_id = cohort.patient_id
        and cohort.step is null
