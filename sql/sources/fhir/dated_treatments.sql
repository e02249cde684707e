/*
title: Treatments of FHIR, dated
grain: one row per prescription or statement whose drug is mapped
rationale: >
  The same drug may be coded several times over: ATC tells the form and goes first, then RxNorm, then a class that the
  site maps it to.
needs: [fhir_coded_drugs, fhir_concepts]
columns: as declared in the contract, with dates in the place of days
*/
select
    fhir_coded_drugs.treatment_id,
    fhir_coded_drugs.patient_id,
    fhir_day(fhir_coded_drugs.start_time) as start_date,
    fhir_coded_drugs.end_date,
    nullif(fhir_coded_drugs.code_system, 'treatment_class') as code_system,
    case when fhir_coded_drugs.code_system <> 'treatment_class' then fhir_coded_drugs.code end as code,
    case when fhir_coded_drugs.code_system = 'treatment_class' then fhir_coded_drugs.code end as treatment_class,
    fhir_concepts.word as route
from fhir_coded_drugs
left join fhir_concepts
    on
        fhir_system(fhir_coded_drugs.route_system) = fhir_concepts.system
        and fhir_coded_drugs.route_code = fhir_concepts.code
        and fhir_concepts.meaning = 'route'
where fhir_coded_drugs.code_system is not null
qualify
    row_number() over (
        partition by fhir_coded_drugs.treatment_id
        order by fhir_coded_drugs.code_system, fhir_coded_drugs.code, fhir_concepts.word
    ) = 1;
