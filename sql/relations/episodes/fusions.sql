/*
title: Cervical fusions
citation: clinical specification, section 0
grain: one row per fusion procedure, add-ons included
needs: [coded_records, fusion_approaches]
columns:
  approach: as recorded, else as the code says
  joints: how many joints the code fuses, null when the code leaves it open
*/
select
    procedures.site_id, procedures.patient_id, procedures.procedure_id, procedures.encounter_id,
    procedures.day, procedures.code_system, procedures.code, procedures.modifier, procedures.units,
    procedures.levels, coded_records.is_add_on, coded_records.joints,
    coalesce(procedures.approach, coded_records.approach, fusion_approaches.approach) as approach
from coded_records
inner join procedures
    on
        coded_records.list = 'cervical_fusion'
        and coded_records.source_table = 'procedures'
        and coded_records.site_id = procedures.site_id
        and coded_records.record_id = procedures.procedure_id
left join fusion_approaches
    on
        procedures.code_system = 'ICD10PCS'
        and substr(procedures.code, 7, 1) = fusion_approaches.seventh_character
