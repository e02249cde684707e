/*
title: Pain first recorded after a revision
category: recovery timeline
guide: Pain can return after another operation on the neck.
definition: >
  Among revised patients without pain past 3 months before their first revision: at a visit on day {pain_landmark_day}
  or later and after the revision, neck pain of {pain_nrs} or more, or a disability index of {pain_ndi_percent} percent
  or more with a pain item of {pain_ndi_item} or more.
rationale: Reported apart from pain past 3 months, since it follows another surgery.
citation: clinical specification, section 2
grain: one row per episode and piece of evidence
version: 3
status: accepted
needs: [episodes, pain_visits, revision_procedures, delivered_tables, thresholds]
columns:
  onset_day: day of the first visit that shows the pain
  value: the score that decided
criteria:
  - says: a revision
    relation: revision_procedures
    record: procedure_id
  - says: no pain past 3 months before the first revision
    relation: pain_visits
    where: is_painful and not is_after_revision
    record: follow_up_id
    absent: true
  - says: neck pain assessed at a visit after the revision, on day {pain_landmark_day} or later
    relation: pain_visits
    where: is_after_revision
    record: follow_up_id
  - says: >-
      at such a visit neck pain of {pain_nrs} or more, or a disability index of {pain_ndi_percent} percent
      or more with a pain item of {pain_ndi_item} or more
    relation: pain_visits
    where: is_after_revision and is_painful
    record: follow_up_id
*/
with painful_before as (
    select distinct site_id, patient_id
    from pain_visits
    where is_painful and not is_after_revision
),

visits as (
    select
        site_id, patient_id, follow_up_id, day, is_painful, value_name, value,
        row_number() over (
            partition by site_id, patient_id
            order by
                is_painful desc,
                case when is_painful then day end,
                case when not is_painful then value_name end desc,
                case when not is_painful then value end desc,
                day,
                follow_up_id asc
        ) as decision_order
    from pain_visits
    where is_after_revision
),

reasoned as (
    select
        episodes.site_id, episodes.patient_id, visits.day, visits.is_painful, visits.value_name,
        visits.value,
        case
            when episodes.first_revision_day is null then 'not_revised'
            when painful_before.patient_id is not null then 'painful_before_revision'
            when delivered_tables.site_id is null then 'no_source_data'
            when visits.patient_id is null then 'no_assessment_in_window'
        end as reason
    from episodes
    left join painful_before
        on
            episodes.site_id = painful_before.site_id
            and episodes.patient_id = painful_before.patient_id
    left join visits
        on
            episodes.site_id = visits.site_id
            and episodes.patient_id = visits.patient_id
            and visits.decision_order = 1
    left join delivered_tables
        on
            episodes.site_id = delivered_tables.site_id
            and delivered_tables.source_table = 'follow_ups'
),

results as (
    select
        site_id, patient_id, reason,
        case
            when reason is not null then 'not_assessable'
            when is_painful then 'yes'
            else 'no'
        end as status,
        case when reason is null and is_painful then day end as onset_day,
        case when reason is null then value end as value,
        case when reason is null then value_name end as value_name,
        cast(null as varchar) as kind
    from reasoned
)

select
    results.site_id, results.patient_id, results.status, results.reason, results.onset_day,
    results.value, results.value_name, results.kind,
    case when visits.follow_up_id is not null then 'follow_ups' else 'patients' end as source_table,
    coalesce(visits.follow_up_id, results.patient_id) as record_id
from results
left join visits
    on
        results.site_id = visits.site_id
        and results.patient_id = visits.patient_id
        and (results.status = 'no' or (results.status = 'yes' and visits.decision_order = 1))
