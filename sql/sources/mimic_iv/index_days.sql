/*
title: The date that becomes day 0 of each MIMIC-IV patient
grain: one row per patient with at least one admission
rationale: >
  Day 0 is the first qualifying cervical fusion. A patient without one still needs an origin to be delivered and
  counted outside the cohort: the first procedure, else the first admission. No other patient has a day to give.
needs: [mimic_procedures, mimic_admissions, cervical_fusion]
columns:
  subject_id: the patient's key in the source
  fusion_icd_version: version of ICD in which the fusion is coded, null without one
  index_date: the (shifted) date of day 0
*/
with fusions as (
    select
        mimic_procedures.subject_id, mimic_procedures.icd_version,
        mimic_procedures.chartdate as fusion_date
    from mimic_procedures
    inner join cervical_fusion
        on
            cervical_fusion.system = case mimic_procedures.icd_version when 10 then 'ICD10PCS' else 'ICD9PCS' end
            and (
                mimic_procedures.icd_code = cervical_fusion.code
                or (cervical_fusion.is_prefix and starts_with(mimic_procedures.icd_code, cervical_fusion.code))
            )
    qualify
        row_number() over (
            partition by mimic_procedures.subject_id
            order by mimic_procedures.chartdate, mimic_procedures.icd_version
        ) = 1
),

first_procedures as (
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
    first_admissions.subject_id,
    fusions.icd_version as fusion_icd_version,
    coalesce(fusions.fusion_date, first_procedures.procedure_date, first_admissions.admission_date) as index_date
from first_admissions
left join first_procedures on first_admissions.subject_id = first_procedures.subject_id
left join fusions on first_admissions.subject_id = fusions.subject_id;
