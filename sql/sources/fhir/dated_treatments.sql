/*
title: Treatments of FHIR, dated
grain: one row per prescription or statement whose drug is mapped
rationale: >
  The same drug may be coded several times over: ATC tells the form and goes first, then a class that the site maps it
  to, then RxNorm; what a package is, only the site's list of drugs can tell.
needs: [fhir_drugs, fhir_codes, fhir_concepts]
columns: as declared in the contract, with dates in the place of days
*/
select
    fhir_drugs.treatment_id,
    fhir_drugs.patient_id,
    fhir_day(fhir_drugs.start_time) as start_date,
    fhir_drugs.end_date,
    nullif(fhir_codes.code_system, 'treatment_class') as code_system,
    case when fhir_codes.code_system <> 'treatment_class' then fhir_codes.code end as code,
    case when fhir_codes.code_system = 'treatment_class' then fhir_codes.code end as treatment_class,
    fhir_concepts.word as route
from fhir_drugs
inner join fhir_codes
    on
        fhir_drugs.system = fhir_codes.system
        and fhir_drugs.code = fhir_codes.delivered_code
        and fhir_codes.table_name = 'treatments'
left join fhir_concepts
    on
        fhir_drugs.route_system = fhir_concepts.system
        and fhir_drugs.route_code = fhir_concepts.code
        and fhir_concepts.meaning = 'route'
qualify
    row_number() over (
        partition by fhir_drugs.treatment_id
        order by
            list_position(['ATC', 'treatment_class', 'RXNORM', 'NDC'], fhir_codes.code_system),
            fhir_codes.code, fhir_concepts.word
    ) = 1;
