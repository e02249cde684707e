/*
title: Conservative care before a revision
category: care that followed
guide: Pain can often be treated without another operation.
definition: >
  Among revised patients: a conservative treatment of any class that started after the index fusion and before the first
  revision, not within {care_after_surgery_days} days after the index fusion or a stage of it, and on day
  {conservative_from_day} or later or in the {conservative_lookback_days} days before the revision. The kind is adequate
  with {adequate_classes} classes or more, or when one class lasted {adequate_days} days or more up to the revision;
  else some. A no needs the site to see all treatments of the patient, and to have sent them up to the revision.
rationale: >
  Care of the days after an operation belongs to that operation; it was not tried against what led to the next. Some
  revisions leave no time for conservative care, so the share describes and does not judge. Care received elsewhere is
  invisible unless the treatment data are complete.
citation: clinical specification, sections 1, 4 and 5
grain: one row per episode and piece of evidence
version: 5
status: accepted
needs: [episodes, care_before_revision, revision_procedures, delivered_until, thresholds]
columns:
  onset_day: first day of the first such treatment
  value: the observed days of a no
criteria:
  - says: a revision
    relation: revision_procedures
    record: procedure_id
  - says: >-
      a conservative treatment of any class that started before the first revision, more than {care_after_surgery_days}
      days after the index fusion and its stages, and on day {conservative_from_day} or later or in the
      {conservative_lookback_days} days before the revision
    relation: care_before_revision
    record: record_id
*/
with first_treatments as (
    select site_id, patient_id, start_day, source_table, record_id
    from care_before_revision
    qualify
        row_number() over (partition by site_id, patient_id order by start_day, source_table, record_id) = 1
),

classes_tried as (
    select
        site_id, patient_id, treatment_class,
        max(end_day) - min(start_day) as days
    from care_before_revision
    group by site_id, patient_id, treatment_class
),

extents as (
    select
        classes_tried.site_id, classes_tried.patient_id,
        count(*) >= max(thresholds.adequate_classes)
        or max(classes_tried.days) >= max(thresholds.adequate_days) as is_adequate
    from classes_tried
    cross join thresholds
    group by classes_tried.site_id, classes_tried.patient_id
),

results as (
    select
        episodes.site_id, episodes.patient_id, episodes.observed_days, first_treatments.start_day,
        extents.is_adequate,
        case
            when first_treatments.record_id is not null then null
            when episodes.first_revision_day is null then 'not_revised'
            when delivered_until.patient_id is null then 'no_source_data'
            when not coalesce(episodes.treatment_data_complete, false) then 'treatment_data_incomplete'
            when delivered_until.until_day < episodes.first_revision_day then 'delivery_gap'
        end as reason
    from episodes
    left join first_treatments
        on
            episodes.site_id = first_treatments.site_id
            and episodes.patient_id = first_treatments.patient_id
    left join extents
        on
            episodes.site_id = extents.site_id
            and episodes.patient_id = extents.patient_id
    left join delivered_until
        on
            episodes.site_id = delivered_until.site_id
            and episodes.patient_id = delivered_until.patient_id
            and delivered_until.source_table = 'treatments'
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
    case
        when results.is_adequate then 'adequate'
        when results.start_day is not null then 'some'
    end as kind,
    coalesce(evidence.source_table, 'patients') as source_table,
    coalesce(evidence.record_id, results.patient_id) as record_id
from results
left join evidence
    on
        results.site_id = evidence.site_id
        and results.patient_id = evidence.patient_id
