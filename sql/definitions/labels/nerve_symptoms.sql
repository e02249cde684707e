/*
title: Nerve symptoms past 6 weeks
category: recovery timeline
guide: Arm pain, numbness or weakness that stays beyond the first weeks may mean a nerve still under pressure.
definition: >
  From day {nerve_from_day} on and up to the first revision: a visit with arm pain of {nerve_arm_nrs} or more, or the
  red flag numbness or weakness, coded or measured. The kind is flagged when there is a sign after day
  {nerve_watch_last_day}, else watch.
rationale: >
  Nerves settle slowly, so signs up to day {nerve_watch_last_day} are only watched. Judged among patients alive,
  unrevised and observed on day {nerve_from_day}.
citation: clinical specification, sections 1, 2 and 4
grain: one row per episode and piece of evidence
version: 4
status: accepted
needs: [episodes, follow_up_scores, red_flags, revision_procedures, delivered_until, thresholds]
columns:
  onset_day: of flagged, day of the first sign after day {nerve_watch_last_day}; of watch, day of the first sign
  value: arm pain of the deciding visit when it is {nerve_arm_nrs} or more; of a no, the observed days
criteria:
  - says: alive on day {nerve_from_day}
    relation: episodes
    where: coalesce(death_day >= {nerve_from_day}, true)
  - says: no revision before day {nerve_from_day}
    relation: revision_procedures
    where: day < {nerve_from_day}
    record: procedure_id
    absent: true
ways:
  arm pain:
    - says: arm pain of {nerve_arm_nrs} or more at a visit on day {nerve_from_day} or later, before any revision
      relation: follow_up_scores
      where: arm_pain_nrs >= {nerve_arm_nrs} and day >= {nerve_from_day} and not is_after_revision
      record: follow_up_id
      reads: arm_pain_nrs
  red flag:
    - says: numbness or weakness, coded or measured, on day {nerve_from_day} or later, before any revision
      relation: red_flags
      where: >
        flag in ('red_flag_numbness', 'red_flag_weakness')
        and day >= {nerve_from_day}
        and coalesce(day <= first_revision_day, true)
      record: record_id
*/
with recorded as (
    select
        follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.day,
        'follow_ups' as source_table,
        follow_up_scores.follow_up_id as record_id,
        follow_up_scores.arm_pain_nrs as value
    from follow_up_scores
    cross join thresholds
    where follow_up_scores.arm_pain_nrs >= thresholds.nerve_arm_nrs
    union all
    select
        site_id, patient_id, day, source_table, record_id,
        cast(null as double) as value
    from red_flags
    where flag in ('red_flag_numbness', 'red_flag_weakness')
),

signs as (
    select
        recorded.site_id, recorded.patient_id, recorded.day, recorded.source_table,
        recorded.record_id, recorded.value,
        recorded.day > thresholds.nerve_watch_last_day as is_flagged
    from recorded
    inner join episodes
        on
            recorded.site_id = episodes.site_id
            and recorded.patient_id = episodes.patient_id
            and (recorded.day <= episodes.first_revision_day or episodes.first_revision_day is null)
    cross join thresholds
    where recorded.day >= thresholds.nerve_from_day
),

deciding_signs as (
    select site_id, patient_id, day, source_table, record_id, value, is_flagged
    from signs
    qualify
        row_number() over (
            partition by site_id, patient_id
            order by is_flagged desc, day asc, source_table asc, record_id asc, value asc nulls last
        ) = 1
),

sources as (
    select
        site_id, patient_id,
        max(until_day) as until_day
    from delivered_until
    where source_table in ('follow_ups', 'diagnoses')
    group by site_id, patient_id
),

results as (
    select
        episodes.site_id, episodes.patient_id, episodes.observed_days, episodes.first_revision_day,
        deciding_signs.day, deciding_signs.value, deciding_signs.is_flagged,
        deciding_signs.source_table, deciding_signs.record_id,
        case
            when episodes.death_day < thresholds.nerve_from_day then 'died_before_window'
            when episodes.first_revision_day < thresholds.nerve_from_day then 'revised_before_window'
            when deciding_signs.record_id is not null then null
            when sources.site_id is null then 'no_source_data'
            when coalesce(episodes.observed_days < thresholds.nerve_from_day, true) then 'no_follow_up'
            when sources.until_day < least(episodes.observed_days, episodes.first_revision_day) then 'delivery_gap'
        end as reason
    from episodes
    cross join thresholds
    left join deciding_signs
        on
            episodes.site_id = deciding_signs.site_id
            and episodes.patient_id = deciding_signs.patient_id
    left join sources
        on
            episodes.site_id = sources.site_id
            and episodes.patient_id = sources.patient_id
),

evidence as (
    select site_id, patient_id, source_table, record_id
    from results
    where reason is null and record_id is not null
    union all
    select
        results.site_id, results.patient_id,
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
    results.site_id, results.patient_id,
    case
        when results.reason is not null then 'not_assessable'
        when results.record_id is not null then 'yes'
        else 'no'
    end as status,
    results.reason,
    case when results.reason is null then results.day end as onset_day,
    case
        when results.reason is not null then null
        when results.record_id is not null then results.value
        else cast(results.observed_days as double)
    end as value,
    case
        when results.reason is not null then null
        when results.value is not null then 'arm_pain_nrs'
        when results.record_id is null then 'observed_days'
    end as value_name,
    case
        when results.reason is not null or results.record_id is null then null
        when results.is_flagged then 'flagged'
        else 'watch'
    end as kind,
    coalesce(evidence.source_table, 'patients') as source_table,
    coalesce(evidence.record_id, results.patient_id) as record_id
from results
left join evidence
    on
        results.site_id = evidence.site_id
        and results.patient_id = evidence.patient_id
