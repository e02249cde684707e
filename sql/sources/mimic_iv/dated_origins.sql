/*
title: The date that becomes day 0 of a MIMIC-IV patient without a cervical fusion
grain: one row per patient with at least one admission
rationale: >
  Such a patient is delivered too, and counted outside the cohort, from an origin: the first procedure, else the first
  admission. No other patient has a day to give.
needs: [mimic_procedures, mimic_admissions]
columns:
  patient_id: the patient's key in the source
  date: the (shifted) date of the origin
*/
with first_procedures as (
    select
        subject_id,
        min(chartdate) as procedure_date
    from mimic_procedures
    group by subject_id
),

first_admissions as (
    select
        subject_id,
        min(admittime) as admission_date
    from mimic_admissions
    group by subject_id
)

select
    first_admissions.subject_id as patient_id,
    coalesce(first_procedures.procedure_date, first_admissions.admission_date) as date
from first_admissions
left join first_procedures on first_admissions.subject_id = first_procedures.subject_id;
