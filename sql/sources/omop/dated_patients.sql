/*
title: Patients of an OMOP extract, dated
grain: one row per row of person
rationale: >
  A person is known until the end of the last observation period. birth_datetime is often the first of January of the
  year where no more is known, so the day counts only with its parts or where they are no columns. What a measurement
  or an observation says of the patient is the last of what was said by day 0. A source value may be any text, so a sex
  is read where the concept map, or the contract, has the word.
needs: [omop_person, omop_observation_period, omop_death, omop_meanings, omop_facts, index_days]
columns: as declared in the contract, with dates in the place of days; and the sex as it was said
*/
with periods as (
    select person_id, max(observation_period_end_date) as last_contact_date
    from omop_observation_period
    group by person_id
),

deaths as (
    select person_id, min(death_date) as death_date
    from omop_death
    group by person_id
),

sexes as (
    select concept_id, source_value, value, is_own
    from omop_meanings
    where target = 'patients.sex'
),

known as (
    select omop_facts.patient_id, omop_facts.target, omop_facts.value
    from omop_facts
    inner join index_days on omop_facts.patient_id = index_days.patient_id
    where starts_with(omop_facts.target, 'patients.') and omop_facts.date <= index_days.index_date
    qualify
        row_number() over (partition by omop_facts.patient_id, omop_facts.target order by omop_facts.date desc) = 1
),

facts as (
    select
        patient_id,
        max(value) filter (where target = 'patients.bmi') as bmi,
        max(value) filter (where target = 'patients.smoking') as smoking,
        max(value) filter (where target = 'patients.diabetes') as diabetes,
        max(value) filter (where target = 'patients.asa_class') as asa_class,
        max(value) filter (where target = 'patients.prior_cervical_surgery') as prior_cervical_surgery,
        max(value) filter (where target = 'patients.indication') as indication,
        max(value) filter (where target = 'patients.workers_compensation') as workers_compensation,
        max(value) filter (where target = 'patients.preop_opioid_use') as preop_opioid_use,
        max(value) filter (where target = 'patients.treatment_data_complete') as treatment_data_complete
    from known
    group by patient_id
)

select
    omop_person.person_id as patient_id,
    coalesce(case when by_word.is_own then by_word.value end, by_concept.value, by_word.value) as sex,
    omop_person.gender_source_value,
    coalesce(
        try_cast(
            omop_person.year_of_birth || '-' || omop_person.month_of_birth || '-' || omop_person.day_of_birth as date
        ),
        case when strftime(omop_person.birth_date, '%m-%d') != '01-01' then omop_person.birth_date end
    ) as birth_date,
    coalesce(try_cast(omop_person.year_of_birth as bigint), year(omop_person.birth_date)) as birth_year,
    periods.last_contact_date, deaths.death_date,
    facts.bmi, facts.smoking, facts.diabetes, facts.asa_class, facts.prior_cervical_surgery, facts.indication,
    facts.workers_compensation, facts.preop_opioid_use, facts.treatment_data_complete
from omop_person
left join periods on omop_person.person_id = periods.person_id
left join deaths on omop_person.person_id = deaths.person_id
left join facts on omop_person.person_id = facts.patient_id
left join sexes as by_concept on omop_person.gender_concept_id = by_concept.concept_id
left join sexes as by_word on lower(omop_person.gender_source_value) = by_word.source_value;
