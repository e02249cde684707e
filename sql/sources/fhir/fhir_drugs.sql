/*
title: What patients of FHIR were prescribed or take, with every coding of the drug
grain: one row per prescription or statement and coding
rationale: >
  A drug is coded in the resource, in one that it contains, or in a Medication that it refers to. A supply lasts to the
  last day it covers. Of several codings of the route that of SNOMED CT counts.
needs: [fhir_medication_requests, fhir_medication_statements, fhir_medications]
columns:
  treatment_id: the resource, with its kind
  patient_id: the patient
  start_time: when it begins, as written
  end_date: the last day
  route_system: of the route
  route_code: of the route
  system: of the coding
  code: of the coding
*/
with requests as (
    select
        'request-' || id as treatment_id,
        patient_id,
        coalesce(start_time, authored) as start_time,
        coalesce(
            fhir_day(end_time),
            case
                when supply_unit in ('d', 'wk')
                    then cast(
                        fhir_day(coalesce(start_time, authored))
                        + cast(supply * if(supply_unit = 'wk', 7, 1) - 1 as integer) * interval 1 day as date
                    )
            end
        ) as end_date,
        if(route_snomed is null, fhir_system(route_system), 'http://snomed.info/sct') as route_system,
        coalesce(route_snomed, route_code) as route_code,
        system,
        code
    from fhir_medication_requests
),

statements as (
    select
        'statement-' || id as treatment_id,
        patient_id,
        coalesce(moment, start_time) as start_time,
        fhir_day(end_time) as end_date,
        if(route_snomed is null, fhir_system(route_system), 'http://snomed.info/sct') as route_system,
        coalesce(route_snomed, route_code) as route_code,
        system,
        code
    from fhir_medication_statements
),

taken as (
    select * from requests
    union all
    select * from statements
)

select
    taken.* exclude (system, code),
    coalesce(fhir_medications.system, taken.system) as system,
    coalesce(fhir_medications.code, taken.code) as code
from taken
left join fhir_medications on taken.system = 'reference' and taken.code = fhir_medications.id;
