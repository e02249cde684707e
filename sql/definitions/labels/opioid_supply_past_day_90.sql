/*
title: Opioid supply past day {opioid_supply_day}
category: conservative care
guide: Opioids are for a short time only.
definition: >
  An opioid supply that covers a day past {opioid_supply_day}, or a visit past day {opioid_supply_day} at which the
  patient takes an opioid.
rationale: >
  Long supply is a safety signal. A no rests on complete treatment data, sent as long as the patient was observed, or
  on a visit at which the question was answered.
citation: clinical specification, section 5
grain: one row per episode and piece of evidence
version: 5
status: accepted
needs: [episodes, treatment_classes, follow_up_scores, delivered_until, thresholds]
columns:
  onset_day: first day past {opioid_supply_day} on which the patient had an opioid
  value: the observed days of a no
ways:
  supplied:
    - says: an opioid supply that covers a day past {opioid_supply_day}
      relation: treatment_classes
      where: treatment_class = 'opioid' and end_day > {opioid_supply_day}
      record: record_id
  said at a visit:
    - says: a visit past day {opioid_supply_day} at which the patient takes an opioid
      relation: follow_up_scores
      where: opioid_use and day > {opioid_supply_day}
      record: follow_up_id
      reads: opioid_use
*/
with supplies as (
    select
        treatment_classes.site_id, treatment_classes.patient_id, treatment_classes.source_table,
        treatment_classes.record_id,
        greatest(treatment_classes.start_day, thresholds.opioid_supply_day + 1) as day
    from treatment_classes
    cross join thresholds
    where
        treatment_classes.treatment_class = 'opioid'
        and treatment_classes.end_day > thresholds.opioid_supply_day
),

answers as (
    select
        follow_up_scores.site_id, follow_up_scores.patient_id, follow_up_scores.follow_up_id,
        follow_up_scores.day, follow_up_scores.opioid_use
    from follow_up_scores
    cross join thresholds
    where follow_up_scores.day > thresholds.opioid_supply_day and follow_up_scores.opioid_use is not null
),

answered as (
    select distinct site_id, patient_id
    from answers
),

signs as (
    select site_id, patient_id, day, source_table, record_id
    from supplies
    union all
    select
        site_id, patient_id, day,
        'follow_ups' as source_table,
        follow_up_id as record_id
    from answers
    where opioid_use
),

first_signs as (
    select site_id, patient_id, day, source_table, record_id
    from signs
    qualify row_number() over (partition by site_id, patient_id order by day, source_table, record_id) = 1
),

sources as (
    select
        site_id, patient_id,
        max(until_day) filter (where source_table = 'treatments') as treatments_until_day
    from delivered_until
    where source_table in ('treatments', 'follow_ups')
    group by site_id, patient_id
),

reasoned as (
    select
        episodes.site_id, episodes.patient_id, episodes.observed_days, first_signs.day,
        first_signs.source_table, first_signs.record_id,
        case
            when first_signs.record_id is not null then null
            when sources.site_id is null then 'no_source_data'
            when
                answered.patient_id is null
                and (
                    sources.treatments_until_day is null
                    or not coalesce(episodes.treatment_data_complete, false)
                )
                then 'treatment_data_incomplete'
            when coalesce(episodes.observed_days <= thresholds.opioid_supply_day, true) then 'no_follow_up'
            when answered.patient_id is null and sources.treatments_until_day < episodes.observed_days
                then 'delivery_gap'
        end as reason
    from episodes
    cross join thresholds
    left join first_signs
        on
            episodes.site_id = first_signs.site_id
            and episodes.patient_id = first_signs.patient_id
    left join answered
        on
            episodes.site_id = answered.site_id
            and episodes.patient_id = answered.patient_id
    left join sources
        on
            episodes.site_id = sources.site_id
            and episodes.patient_id = sources.patient_id
)

select
    site_id, patient_id,
    case
        when record_id is not null then 'yes'
        when reason is not null then 'not_assessable'
        else 'no'
    end as status,
    reason,
    day as onset_day,
    case when record_id is null then cast(observed_days as double) end as value,
    case when record_id is null then 'observed_days' end as value_name,
    cast(null as varchar) as kind,
    coalesce(source_table, 'patients') as source_table,
    coalesce(record_id, patient_id) as record_id
from reasoned
