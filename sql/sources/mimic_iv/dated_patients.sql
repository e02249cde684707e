/*
title: Patients of MIMIC-IV, dated
grain: one row per patient
rationale: >
  Dates are shifted per patient, so a calendar month of the index would be fiction. What is true of the calendar is
  anchor_year_group, the three years of which anchor_year is one: index_period is the middle one, moved by the years
  between anchor and index, and so right to within a year. The fusion's code tells whether it is of 2015 and before, or
  of 2015 and later.
  Ages over 89 read 91 at the anchor; such a patient is 90 (= 90 and over) at any later index, and of unknown age
  before the anchor.
  Deaths are known up to one year after the last discharge, which therefore is the patient's data cut; the hospital's
  own time of death goes before the registry's date. Care is seen only inside the hospital, so the last contact is the
  last discharge. Both are days of the patient's own, so no common date of a cut gives back the day 0 of the others.
needs: [index_days, mimic_patients, mimic_admissions]
columns: as declared in the contract, with dates in the place of days
*/
with stays as (
    select
        subject_id,
        max(coalesce(dischtime, admittime)) as last_discharge_date,
        min(deathtime) as hospital_death_date
    from mimic_admissions
    group by subject_id
),

known as (
    select
        mimic_patients.subject_id, mimic_patients.gender, mimic_patients.anchor_age,
        stays.last_discharge_date, index_days.code_system,
        year(index_days.index_date) - mimic_patients.anchor_year as years_after_anchor,
        cast(substring(mimic_patients.anchor_year_group, 1, 4) as integer) + 1
        + year(index_days.index_date) - mimic_patients.anchor_year
            as index_year,
        coalesce(stays.hospital_death_date, mimic_patients.dod) as death_date
    from mimic_patients
    left join index_days on mimic_patients.subject_id = index_days.patient_id
    left join stays on mimic_patients.subject_id = stays.subject_id
)

select
    subject_id as patient_id,
    case gender when 'F' then 'female' when 'M' then 'male' else 'unknown' end as sex,
    case
        when anchor_age <= 89 then anchor_age + years_after_anchor
        when years_after_anchor >= 0 then 90
    end as age_years,
    cast(
        case code_system
            when 'ICD9PCS' then least(index_year, 2015)
            when 'ICD10PCS' then greatest(index_year, 2015)
            else index_year
        end as varchar
    ) as index_period,
    cast(last_discharge_date + interval 365 day as date) as data_cut_date,
    least(last_discharge_date, death_date) as last_contact_date,
    death_date,
    false as treatment_data_complete
from known;
