/*
title: Patients of FHIR, dated
grain: one row per patient; whose record another has replaced is that other
rationale: >
  A date of birth may tell a year alone. FHIR has no day of last contact: it is that of the last encounter, procedure,
  diagnosis or visit, not after death. The body mass index is that of the year up to the index fusion, the latest;
  smoking is as last asked until then.
needs: [index_days, fhir_patients, fhir_replaced, fhir_records, fhir_background, fhir_site]
columns: as declared in the contract, with dates in the place of days
*/
with contacts as (
    select
        patient_id,
        max(date) as last_date
    from fhir_records
    group by patient_id
),

before_surgery as (
    select
        fhir_background.patient_id,
        arg_max(fhir_background.value, (fhir_background.date, fhir_background.moment, fhir_background.value))
        filter (
            where fhir_background.name = 'bmi' and fhir_background.date > index_days.index_date - interval 366 day
        ) as bmi,
        arg_max(fhir_background.value, (fhir_background.date, fhir_background.moment, fhir_background.value))
        filter (where fhir_background.name = 'smoking') as smoking
    from fhir_background
    inner join index_days
        on
            fhir_background.patient_id = index_days.patient_id
            and fhir_background.date <= index_days.index_date
    group by fhir_background.patient_id
)

select
    fhir_patients.id as patient_id,
    fhir_patients.sex,
    fhir_day(fhir_patients.birth) as birth_date,
    try_cast(regexp_extract(fhir_patients.birth, '^(\d{4})(?:-\d{2})?$', 1) as bigint) as birth_year,
    before_surgery.bmi,
    before_surgery.smoking,
    least(contacts.last_date, fhir_day(fhir_patients.death)) as last_contact_date,
    fhir_day(fhir_patients.death) as death_date,
    fhir_site.treatment_data_complete
from fhir_patients
anti join fhir_replaced on fhir_patients.id = fhir_replaced.patient_id
cross join fhir_site
left join contacts on fhir_patients.id = contacts.patient_id
left join before_surgery on fhir_patients.id = before_surgery.patient_id;
