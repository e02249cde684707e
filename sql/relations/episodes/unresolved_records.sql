/*
title: Codes and interventions that show an unresolved condition
rationale: >
  One code after surgery may only tell history. Coded again weeks later, or followed by an intervention, the condition
  lasts. The earliest completion decides, two codes before an intervention of the same day, then the lower ids.
citation: clinical specification, section 3
grain: one row per episode and piece of evidence
needs: [cause_codes, revision_procedures, treatment_classes, thresholds]
columns:
  onset_day: the day of the second code, or of the intervention
*/
with codes as (
    select site_id, patient_id, diagnosis_id, day
    from cause_codes
    where cause = 'unresolved_condition'
),

coded_twice as (
    select
        codes.site_id, codes.patient_id,
        codes.day as onset_day,
        codes.diagnosis_id,
        earlier.diagnosis_id as earlier_id
    from codes
    inner join codes as earlier
        on
            codes.site_id = earlier.site_id
            and codes.patient_id = earlier.patient_id
    cross join thresholds
    where codes.day - earlier.day >= thresholds.unresolved_repeat_days
    qualify
        row_number() over (
            partition by codes.site_id, codes.patient_id
            order by codes.day, codes.diagnosis_id, earlier.day, earlier.diagnosis_id
        ) = 1
),

interventions as (
    select
        site_id, patient_id, day,
        'procedures' as source_table,
        procedure_id as record_id
    from revision_procedures
    union
    select
        site_id, patient_id,
        start_day as day,
        source_table, record_id
    from treatment_classes
    where treatment_class = 'injection'
),

treated as (
    select
        codes.site_id, codes.patient_id,
        interventions.day as onset_day,
        codes.diagnosis_id
    from codes
    inner join interventions
        on
            codes.site_id = interventions.site_id
            and codes.patient_id = interventions.patient_id
    cross join thresholds
    where
        interventions.day >= codes.day
        and interventions.day - codes.day <= thresholds.unresolved_intervention_days
    qualify
        row_number() over (
            partition by codes.site_id, codes.patient_id order by interventions.day, codes.day, codes.diagnosis_id
        ) = 1
),

first_coded as (
    select
        coded_twice.site_id, coded_twice.patient_id, coded_twice.onset_day, coded_twice.diagnosis_id,
        coded_twice.earlier_id
    from coded_twice
    left join treated
        on
            coded_twice.site_id = treated.site_id
            and coded_twice.patient_id = treated.patient_id
            and coded_twice.onset_day > treated.onset_day
    where treated.patient_id is null
),

first_treated as (
    select treated.site_id, treated.patient_id, treated.onset_day, treated.diagnosis_id
    from treated
    left join first_coded
        on
            treated.site_id = first_coded.site_id
            and treated.patient_id = first_coded.patient_id
    where first_coded.patient_id is null
)

select
    site_id, patient_id, onset_day,
    'diagnoses' as source_table,
    diagnosis_id as record_id
from first_coded
union all
select
    site_id, patient_id, onset_day,
    'diagnoses' as source_table,
    earlier_id as record_id
from first_coded
union all
select
    site_id, patient_id, onset_day,
    'diagnoses' as source_table,
    diagnosis_id as record_id
from first_treated
union all
select
    first_treated.site_id, first_treated.patient_id, first_treated.onset_day, interventions.source_table,
    interventions.record_id
from first_treated
inner join interventions
    on
        first_treated.site_id = interventions.site_id
        and first_treated.patient_id = interventions.patient_id
        and first_treated.onset_day = interventions.day
