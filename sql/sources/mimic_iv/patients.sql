/*
title: Contract table patients from MIMIC-IV
grain: one row per patient with a day 0
rationale: >
  Dates are shifted per patient, so a calendar month of the index would be fiction. What is true of the calendar is
  anchor_year_group, the three years of which anchor_year is one: index_period is the middle one, moved by the years
  between anchor and index, and so right to within a year. The fusion's code tells whether it is of 2015 and before, or
  of 2015 and later.
  Ages over 89 read 91 at the anchor; such a patient is 90 (= 90 and over) at any later index, and of unknown age
  before the anchor. So is 90 who turns 90 by the latest day known of the patient: age and days would add up to it.
  Deaths are known up to one year after the last discharge, which therefore is the patient's data cut; the hospital's
  own time of death goes before the registry's date. Care is seen only inside the hospital, so the last contact is the
  last discharge. Both are days of the patient's own, so no common date of a cut gives back the day 0 of the others.
needs: [index_days, mimic_patients, mimic_admissions, patient_keys]
columns: as declared in the contract
*/
with stays as (
    select
        subject_id,
        max(coalesce(dischtime, admittime)) as last_discharge_date,
        min(deathtime) as hospital_death_date
    from mimic_admissions
    group by subject_id
),

dated as (
    select
        mimic_patients.subject_id, mimic_patients.gender, mimic_patients.anchor_age,
        index_days.index_date, index_days.fusion_icd_version, stays.last_discharge_date,
        year(index_days.index_date) - mimic_patients.anchor_year as years_after_anchor,
        cast(substring(mimic_patients.anchor_year_group, 1, 4) as integer) + 1
        + year(index_days.index_date) - mimic_patients.anchor_year
            as index_year,
        coalesce(stays.hospital_death_date, mimic_patients.dod) as death_date
    from mimic_patients
    inner join index_days on mimic_patients.subject_id = index_days.subject_id
    inner join stays on mimic_patients.subject_id = stays.subject_id
),

in_days as (
    select
        subject_id,
        date_diff('day', index_date, last_discharge_date) as last_discharge_day,
        date_diff('day', index_date, death_date) as death_day
    from dated
),

followed as (
    select
        *,
        last_discharge_day + 365 as data_cut_day,
        least(last_discharge_day, death_day) as last_contact_day,
        greatest(last_discharge_day + 365, death_day) as latest_day
    from in_days
)

select
    patient_keys.patient_id,
    case dated.gender when 'F' then 'female' when 'M' then 'male' else 'unknown' end as sex,
    case
        when
            dated.anchor_age <= 89
            and dated.anchor_age + dated.years_after_anchor + floor(followed.latest_day / 365.25) < 90
            then dated.anchor_age + dated.years_after_anchor
        when dated.anchor_age <= 89 then 90
        when dated.years_after_anchor >= 0 then 90
    end as age_years,
    cast(
        case dated.fusion_icd_version
            when 9 then least(dated.index_year, 2015)
            when 10 then greatest(dated.index_year, 2015)
            else dated.index_year
        end as varchar
    ) as index_period,
    cast(null as double) as bmi,
    cast(null as varchar) as smoking,
    cast(null as boolean) as diabetes,
    cast(null as integer) as asa_class,
    cast(null as boolean) as prior_cervical_surgery,
    cast(null as varchar) as indication,
    cast(null as boolean) as workers_compensation,
    cast(null as boolean) as preop_opioid_use,
    followed.data_cut_day, followed.last_contact_day, followed.death_day,
    false as treatment_data_complete
from dated
inner join followed on dated.subject_id = followed.subject_id
inner join patient_keys on dated.subject_id = patient_keys.subject_id
order by patient_keys.patient_id;
