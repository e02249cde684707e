/*
title: Patients whose diagnoses a code list cannot read
rationale: >
  Where all diagnoses after surgery are coded in a system of which the list holds no code, their silence says nothing.
citation: clinical specification, section 1
grain: one row per patient and code list
needs: [code_lists]
*/
with recorded as (
    select
        site_id, patient_id,
        min(code_system) as code_system
    from diagnoses
    where day >= 1
    group by site_id, patient_id
    having count(distinct code_system) = 1
),

read_systems as (
    select distinct list, system as code_system
    from code_lists
),

lists as (
    select distinct list
    from code_lists
)

select recorded.site_id, recorded.patient_id, lists.list
from recorded
cross join lists
left join read_systems
    on
        lists.list = read_systems.list
        and recorded.code_system = read_systems.code_system
where read_systems.list is null
