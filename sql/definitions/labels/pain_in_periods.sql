/*
title: Neck pain in the periods of the timeline
rationale: >
  A period is judged among patients alive and unrevised at its start and observed into it, once it has passed. A late
  one spans years: its absence of pain waits for the end, pain does not.
needs: [episodes, pain_assessments, pain_periods, revision_procedures, delivered_tables]
common:
  category: recovery timeline
  guide: Pain can return many years after a fusion.
  definition: >
    At a visit on {when}, before any revision, neck pain of {pain_nrs} or more, or a disability index of
    {pain_ndi_percent} percent or more with a pain item of {pain_ndi_item} or more.
  rationale: >
    Judged among patients alive, unrevised and observed when the period starts. It spans years: pain decides at once,
    its absence only with data up to day {closing_day}.
  citation: clinical specification, sections 1 and 2
  grain: one row per episode and piece of evidence
  status: accepted
  words: &days
    when: days {first_day} to {last_day}
    during: day between {first_day} and {last_day}
  columns:
    onset_day: day of the first visit of the period that shows the pain
    value: the score that decided; of a no, the highest neck pain score (or index) of the assessed visits
  criteria:
    - says: alive and observed on day {first_day}
      relation: episodes
      where: coalesce(death_day >= {first_day}, true) and observed_days >= {first_day}
    - &unrevised
      says: no revision before day {first_day}
      relation: revision_procedures
      where: day < {first_day}
      record: procedure_id
      absent: true
    - &assessed
      says: neck pain assessed at a visit on {when}, before any revision
      relation: pain_assessments
      where: "{during} and not is_after_revision"
      record: follow_up_id
    - &painful
      says: >-
        at such a visit neck pain of {pain_nrs} or more, or a disability index of {pain_ndi_percent} percent
        or more with a pain item of {pain_ndi_item} or more
      relation: pain_assessments
      where: "{during} and not is_after_revision and is_painful"
      record: follow_up_id
labels:
  early_discomfort:
    version: 3
    title: Early discomfort
    guide: The first weeks after a fusion hurt; that is part of healing.
    rationale: >
      Day 0 is the visit before surgery, so the first weeks start on day {first_day}. Shown so that later pain can be
      read against it, not as a bad outcome.
    criteria:
      - &observed
        says: alive and observed on day {first_day}, with data up to day {closing_day}
        relation: episodes
        where: >
          coalesce(death_day >= {first_day}, true) and observed_days >= {first_day} and data_cut_day >= {closing_day}
      - *assessed
      - *painful
  normal_discomfort:
    version: 3
    title: Discomfort at 6 to 12 weeks
    guide: Discomfort for 6 to 12 weeks after a fusion is normal.
    rationale: Expected in this period, so it is no sign of failure.
    criteria: [*observed, *unrevised, *assessed, *painful]
  transition_pain:
    version: 3
    title: Pain between 12 weeks and 3 months
    guide: By 3 months the discomfort of surgery should have passed.
    rationale: >
      A visit after twelve weeks, and up to three months (day {last_day}), is past the normal period and cannot yet
      establish pain past 3 months.
    criteria: [*observed, *unrevised, *assessed, *painful]
  late_pain_5_years:
    version: 3
    title: Late pain at 5 years
    words:
      <<: *days
      when: days {first_day} to {last_day} (5 to 10 years)
  late_pain_10_years:
    version: 3
    title: Late pain at 10 years
    words:
      <<: *days
      when: days {first_day} to {last_day} (10 to 20 years)
  late_pain_20_years:
    version: 3
    title: Late pain at 20 years
    words:
      when: day {first_day} (20 years) or later
      during: day >= {first_day}
    rationale: >
      Judged among patients alive, unrevised and observed when the period starts. The period has no end: pain decides at
      once, its absence with data up to day {closing_day}.
*/
with visits as (
    select
        pain_assessments.site_id, pain_assessments.patient_id, pain_periods.label,
        pain_assessments.follow_up_id, pain_assessments.day, pain_assessments.is_painful,
        pain_assessments.value_name, pain_assessments.value,
        row_number() over (
            partition by pain_assessments.site_id, pain_assessments.patient_id, pain_periods.label
            order by
                pain_assessments.is_painful desc,
                case when pain_assessments.is_painful then pain_assessments.day end,
                case when not pain_assessments.is_painful then pain_assessments.value_name end desc,
                case when not pain_assessments.is_painful then pain_assessments.value end desc,
                pain_assessments.day,
                pain_assessments.follow_up_id asc
        ) as decision_order
    from pain_assessments
    inner join pain_periods
        on
            pain_assessments.day >= pain_periods.first_day
            and (pain_assessments.day <= pain_periods.last_day or pain_periods.last_day is null)
    where not pain_assessments.is_after_revision
),

reasoned as (
    select
        episodes.site_id, episodes.patient_id, episodes.first_revision_day, pain_periods.label,
        visits.day, visits.is_painful, visits.value_name, visits.value,
        case
            when episodes.death_day < pain_periods.first_day then 'died_before_window'
            when episodes.first_revision_day < pain_periods.first_day then 'revised_before_window'
            when pain_periods.is_late and visits.is_painful then null
            when coalesce(episodes.data_cut_day < pain_periods.closing_day, true) then 'window_not_closed'
            when coalesce(episodes.observed_days < pain_periods.first_day, true) then 'no_follow_up'
            when delivered_tables.site_id is null then 'no_source_data'
            when visits.patient_id is null then 'no_assessment_in_window'
        end as reason
    from episodes
    cross join pain_periods
    left join visits
        on
            episodes.site_id = visits.site_id
            and episodes.patient_id = visits.patient_id
            and pain_periods.label = visits.label
            and visits.decision_order = 1
    left join delivered_tables
        on
            episodes.site_id = delivered_tables.site_id
            and delivered_tables.source_table = 'follow_ups'
),

results as (
    select
        site_id, patient_id, first_revision_day, label, reason,
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
),

evidence as (
    select
        visits.site_id, visits.patient_id, visits.label,
        'follow_ups' as source_table,
        visits.follow_up_id as record_id
    from visits
    inner join results
        on
            visits.site_id = results.site_id
            and visits.patient_id = results.patient_id
            and visits.label = results.label
    where results.status = 'no' or (results.status = 'yes' and visits.decision_order = 1)
    union all
    select
        results.site_id, results.patient_id, results.label,
        'procedures' as source_table,
        revision_procedures.procedure_id as record_id
    from results
    inner join revision_procedures
        on
            results.site_id = revision_procedures.site_id
            and results.patient_id = revision_procedures.patient_id
            and results.first_revision_day = revision_procedures.day
    where results.reason = 'revised_before_window'
)

select
    results.site_id, results.patient_id, results.label, results.status, results.reason,
    results.onset_day, results.value, results.value_name, results.kind,
    coalesce(evidence.source_table, 'patients') as source_table,
    coalesce(evidence.record_id, results.patient_id) as record_id
from results
left join evidence
    on
        results.site_id = evidence.site_id
        and results.patient_id = evidence.patient_id
        and results.label = evidence.label
