/*
title: The index fusion and its stages
rationale: The fusions among the stages say which joints were fused, and from which side.
citation: clinical specification, section 0
grain: one row per fusion procedure that belongs to the index episode, add-ons included
needs: [fusions, neck_operations]
*/
select
    fusions.site_id, fusions.patient_id, fusions.procedure_id, fusions.encounter_id, fusions.day,
    fusions.code_system, fusions.code, fusions.modifier, fusions.units, fusions.levels,
    fusions.approach, fusions.is_add_on, fusions.joints
from fusions
inner join neck_operations
    on
        fusions.site_id = neck_operations.site_id
        and fusions.procedure_id = neck_operations.procedure_id
        and neck_operations.procedure_group = 'fusion'
        and neck_operations.is_stage
