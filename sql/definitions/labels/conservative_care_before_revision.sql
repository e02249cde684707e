/*
title: Conservative care before a revision
category: care that followed
guide: Pain can often be treated without another operation.
definition: >
  Among revised patients: a conservative treatment of any class that started after the index fusion and no later than
  the day of the first revision. A no needs the site to see all treatments of the patient.
rationale: >
  Some revisions leave no time for conservative care, so the share describes and does not judge. Care received elsewhere
  is invisible unless the treatment data are complete.
citation: clinical specification, sections 1, 4 and 5
grain: one row per episode and piece of evidence
version: 2
status: accepted
needs: [episodes, revision_procedures, treatment_classes, delivered_tables]
columns:
  onset_day: first day of the first such treatment
  value: the observed days of a no
criteria:
  - says: a revision
    relation: revision_procedures
    record: procedure_id
  - says: conservative treatment of any class that started after day 0 and no later than the first revision
    relation: treatment_classes
    where: start_day > 0 and start_day <= first_revision_day
    record: record_id
*/
with first_treatments as (
    select
        treatment_classes.site_id, treatment_classes.patient_id, treatment_classes.start_day,
        treatment_classes.source_table, treatment_classes.record_id
    from treatment_classes
    inner join episodes
        on
            treatment_classes.site_id = episodes.site_id
            and treatment_classes.patient_id = episodes.patient_id
            and treatment_classes.start_day > 0
            and treatment_classes.start_day <= episodes.first_revision_day
    qualify
        row_number() over (
            partition by treatment_classes.site_id, treatment_classes.patient_id
            order by treatment_classes.start_day, treatment_classes.source_table, treatment_classes.record_id
        ) = 1
),

results as (
    select
        episodes.site_id, episodes.patient_id, episodes.observed_days, first_treatments.start_day,
        case
            when first_treatments.record_id is not null then null
            when episodes.first_revision_day is null then 'not_revised'
            when delivered_tables.site_id is null then 'no_source_data'
            when not coalesce(episodes.treatment_data_complete, false) then 'treatment_data_incomplete'
        end as reason
    from episodes
    left join first_treatments
        on
            episodes.site_id = first_treatments.site_id
            and episodes.patient_id = first_treatments.patient_id
    left join delivered_tables
        on
            episodes.site_id = delivered_tables.site_id
            and delivered_tables.source_table = 'treatments'
),

evidence as (
    select site_id, patient_id, source_table, record_id
    from first_treatments
    union
    select
        episodes.site_id, episodes.patient_id,
        'procedures' as source_table,
        revision_procedures.procedure_id as record_id
    from episodes
    inner join revision_procedures
        on
            episodes.site_id = revision_procedures.site_id
            and episodes.patient_id = revision_procedures.patient_id
            and episodes.first_revision_day = revision_procedures.day
)

select
    results.site_id, results.patient_id,
    case
        when results.start_day is not null then 'yes'
        when results.reason is not null then 'not_assessable'
        else 'no'
    end as status,
    results.reason,
    results.start_day as onset_day,
    case
        when results.start_day is null and results.reason is null then cast(results.observed_days as double)
    end as value,
    case when results.start_day is null and results.reason is null then 'observed_days' end as value_name,
    cast(null as varchar) as kind,
    coalesce(evidence.source_table, 'patients') as source_table,
    coalesce(evidence.record_id, results.patient_id) as record_id
from results
left join evidence
    on
        results.site_id = evidence.site_id
        and results.patient_id = evidence.patient_id
