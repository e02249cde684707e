/*
title: What patients of FHIR were prescribed or take, with every coding of the drug
grain: one row per prescription or statement and coding
rationale: >
  A drug is coded in the resource, in one that it contains, or in a Medication that it refers to. A prescription that
  was proposed, drafted or cancelled, and one not to do something, was not given; a statement may say that the drug was
  not taken. A supply lasts to the last day it covers.
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
        route_system,
        route_code,
        system,
        code
    from fhir_medication_requests
    where
        coalesce(status, '') not in ('entered-in-error', 'cancelled', 'draft')
        and coalesce(intent, '') not in ('proposal', 'plan', 'option')
        and is_not_to_be_done is not true
),

statements as (
    select
        'statement-' || id as treatment_id,
        patient_id,
        coalesce(moment, start_time) as start_time,
        fhir_day(end_time) as end_date,
        route_system,
        route_code,
        system,
        code
    from fhir_medication_statements
    where coalesce(status, '') not in ('entered-in-error', 'not-taken', 'intended')
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
