/*
title: What codings of FHIR resources are in the code systems of the contract
grain: one row per contract table, coding, and code that it stands for
rationale: >
  A coding counts by what the site says of it, else by its own system, where the contract has that. Other codings have
  no row.
needs: [fhir_procedures, fhir_conditions, fhir_drugs, fhir_code_systems, fhir_concepts]
columns:
  table_name: the contract table
  system: of the coding, as written
  delivered_code: of the coding, as written
  code_system: the contract's, or of treatments `treatment_class`
  code: the contract's
*/
with codings as (
    select
        'procedures' as table_name,
        system,
        code
    from fhir_procedures
    union
    select
        'diagnoses' as table_name,
        system,
        code
    from fhir_conditions
    union
    select
        'treatments' as table_name,
        system,
        code
    from fhir_drugs
),

meanings as (
    select
        table_name,
        code_system
    from fhir_code_systems
    union
    select
        'treatments' as table_name,
        'treatment_class' as code_system
),

said as (
    select
        meanings.table_name,
        fhir_concepts.system,
        fhir_concepts.code as delivered_code,
        fhir_concepts.meaning as code_system,
        fhir_concepts.word as code
    from fhir_concepts
    inner join meanings on fhir_concepts.meaning = meanings.code_system
)

select
    codings.table_name,
    codings.system,
    codings.code as delivered_code,
    coalesce(said.code_system, fhir_code_systems.code_system) as code_system,
    coalesce(said.code, codings.code) as code
from codings
left join said
    on
        codings.table_name = said.table_name
        and fhir_system(codings.system) = said.system
        and codings.code = said.delivered_code
left join fhir_code_systems
    on codings.table_name = fhir_code_systems.table_name and fhir_system(codings.system) = fhir_code_systems.system
where coalesce(said.code_system, fhir_code_systems.code_system) is not null;
