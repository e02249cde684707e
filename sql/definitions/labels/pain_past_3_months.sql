/*
title: Pain past 3 months
category: recovery timeline
guide: Discomfort for 6 to 12 weeks is normal; pain that lasts beyond 3 months needs imaging and treatment.
definition: >
  At a visit on day {pain_landmark_day} or later, before any revision, neck pain of {pain_nrs} or more, or a disability
  index of {pain_ndi_percent} percent or more with a pain item of {pain_ndi_item} or more. Judged among patients alive,
  unrevised and observed on day {pain_landmark_day}. The kind is recurrent when a visit before it, from day
  {persistent_from_day} on, showed the pain controlled: neck pain of {pain_controlled_nrs} or less, or, where that was
  not asked, a disability index of {pain_controlled_ndi_percent} percent or less; persistent when it was assessed there
  and never controlled; unknown when it was not assessed there.
rationale: >
  A landmark keeps out immortal time. A visit called "3 months" but held before the landmark cannot establish pain past
  3 months, and pain after a revision belongs to another surgery (see pain_after_revision).
citation: clinical specification, sections 1 and 2
grain: one row per episode and piece of evidence
version: 3
status: accepted
headline: 1
needs: [episodes, pain_visits, follow_up_scores, revision_procedures, delivered_tables, thresholds]
columns:
  onset_day: day of the first visit that shows the pain
  value: the score that decided; of a no, the highest neck pain score (or index) of the assessed visits
criteria:
  - says: alive and observed on day {pain_landmark_day}
    relation: episodes
    where: >
      coalesce(death_day >= {pain_landmark_day}, true)
      and observed_days >= {pain_landmark_day}
      and data_cut_day >= {pain_landmark_day}
  - says: no revision before day {pain_landmark_day}
    relation: revision_procedures
    where: day < {pain_landmark_day}
    record: procedure_id
    absent: true
  - says: neck pain assessed at a visit on day {pain_landmark_day} or later, before any revision
    relation: pain_visits
    where: not is_after_revision
    record: follow_up_id
  - says: >-
      at such a visit neck pain of {pain_nrs} or more, or a disability index of {pain_ndi_percent} percent
      or more with a pain item of {pain_ndi_item} or more
    relation: pain_visits
    where: not is_after_revision and is_painful
    record: follow_up_id
*/
with visits as (
    select
        pain_visits.site_id, pain_visits.patient_id, pain_visits.follow_up_id, pain_visits.day,
        pain_visits.is_painful, pain_visits.value_name, pain_visits.value,
        row_number() over (
            partition by pain_visits.site_id, pain_visits.patient_id
            order by
                pain_visits.is_painful desc,
                case when pain_visits.is_painful then pain_visits.day end,
                case when not pain_visits.is_painful then pain_visits.value_name end desc,
                case when not pain_visits.is_painful then pain_visits.value end desc,
                pain_visits.day,
                pain_visits.follow_up_id asc
        ) as decision_order
    from pain_visits
    where not pain_visits.is_after_revision
),

deciding_visits as (
    select site_id, patient_id, follow_up_id, day, is_painful, value_name, value
    from visits
    where decision_order = 1
),

visits_before as (
    select
        follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.follow_up_id,
        case
            when follow_up_scores.neck_pain_nrs is not null
                then follow_up_scores.neck_pain_nrs <= thresholds.pain_controlled_nrs
            else follow_up_scores.ndi_percent <= thresholds.pain_controlled_ndi_percent
        end as is_controlled
    from follow_up_scores
    inner join deciding_visits
        on
            follow_up_scores.site_id = deciding_visits.site_id
            and follow_up_scores.patient_id = deciding_visits.patient_id
            and deciding_visits.is_painful
    cross join thresholds
    where
        follow_up_scores.day >= thresholds.persistent_from_day
        and follow_up_scores.day < deciding_visits.day
        and (follow_up_scores.neck_pain_nrs is not null or follow_up_scores.ndi_percent is not null)
),

courses as (
    select
        site_id, patient_id,
        case when bool_or(is_controlled) then 'recurrent' else 'persistent' end as kind
    from visits_before
    group by site_id, patient_id
),

reasoned as (
    select
        episodes.site_id, episodes.patient_id, deciding_visits.day, deciding_visits.is_painful,
        deciding_visits.value_name, deciding_visits.value,
        coalesce(courses.kind, 'unknown') as kind,
        case
            when episodes.death_day < thresholds.pain_landmark_day then 'died_before_window'
            when episodes.first_revision_day < thresholds.pain_landmark_day then 'revised_before_window'
            when coalesce(episodes.data_cut_day < thresholds.pain_landmark_day, true) then 'window_not_closed'
            when coalesce(episodes.observed_days < thresholds.pain_landmark_day, true) then 'no_follow_up'
            when delivered_tables.site_id is null then 'no_source_data'
            when deciding_visits.patient_id is null then 'no_assessment_in_window'
        end as reason
    from episodes
    cross join thresholds
    left join deciding_visits
        on
            episodes.site_id = deciding_visits.site_id
            and episodes.patient_id = deciding_visits.patient_id
    left join courses
        on
            episodes.site_id = courses.site_id
            and episodes.patient_id = courses.patient_id
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
        case when reason is null and is_painful then kind end as kind
    from reasoned
),

evidence as (
    select
        visits.site_id, visits.patient_id,
        'follow_ups' as source_table,
        visits.follow_up_id as record_id
    from visits
    inner join results
        on
            visits.site_id = results.site_id
            and visits.patient_id = results.patient_id
    where results.status = 'no' or (results.status = 'yes' and visits.decision_order = 1)
    union all
    select
        visits_before.site_id, visits_before.patient_id,
        'follow_ups' as source_table,
        visits_before.follow_up_id as record_id
    from visits_before
    inner join results
        on
            visits_before.site_id = results.site_id
            and visits_before.patient_id = results.patient_id
            and results.status = 'yes'
    where visits_before.is_controlled
    union all
    select
        revision_procedures.site_id, revision_procedures.patient_id,
        'procedures' as source_table,
        revision_procedures.procedure_id as record_id
    from revision_procedures
    inner join results
        on
            revision_procedures.site_id = results.site_id
            and revision_procedures.patient_id = results.patient_id
            and results.reason = 'revised_before_window'
)

select
    results.site_id, results.patient_id, results.status, results.reason, results.onset_day,
    results.value, results.value_name, results.kind,
    coalesce(evidence.source_table, 'patients') as source_table,
    coalesce(evidence.record_id, results.patient_id) as record_id
from results
left join evidence
    on
        results.site_id = evidence.site_id
        and results.patient_id = evidence.patient_id
