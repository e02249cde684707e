/*
title: First red flag of each kind
needs: [episodes, red_flags, code_lists, delivered_until, unknown_code_systems, thresholds]
common:
  title: "Red flag: {flag}"
  category: red flags
  definition: >
    After day 0, a code of {coded}, unless it was given in the index stay; or {measured}. The kind says which: code or
    measured. A no needs a visit, an encounter or a diagnosis after day 0.
  citation: clinical specification, sections 1 and 4
  grain: one row per episode and piece of evidence
  status: accepted
  columns:
    onset_day: day of the first record that shows it
    value: the observed days of a no
  ways:
    coded:
      - says: a code of {coded} after day 0 and outside the index stay
        relation: red_flags
        where: flag = '{label}' and kind = 'code'
        record: record_id
    measured:
      - says: "{visit}"
        relation: red_flags
        where: flag = '{label}' and kind = 'measured'
        record: record_id
labels:
  red_flag_headache:
    version: 4
    words:
      flag: headache at the base of the skull
      coded: headache, cervicogenic headache or occipital neuralgia
      measured: >-
        from day {red_flag_measured_from_day} on, a visit with a disability-index headache item of {headache_ndi_item}
        or more, or with headache at the base of the skull
      visit: >-
        a visit on day {red_flag_measured_from_day} or later with a headache item of {headache_ndi_item} or more, or
        headache at the base of the skull
    guide: A headache at the base of the skull is a reason to call the surgeon right away.
    rationale: >-
      The first weeks after anaesthesia and surgery hurt; from then on any day counts, after a revision too. The plain
      headache code names no place, so a code is the weaker kind.
  red_flag_limited_motion:
    version: 4
    words:
      flag: limited range of motion
      coded: torticollis or joint stiffness
      measured: >-
        from day {red_flag_measured_from_day} on, a visit with neck rotation at least {rotation_fall_deg} degrees below
        that of the visit before, both after surgery, when the next measured visit confirms it or the visit shows neck
        pain of {pain_nrs} or more
      visit: >-
        a visit on day {red_flag_measured_from_day} or later with neck rotation {rotation_fall_deg} degrees or more
        below that of the visit before, confirmed at the next or with neck pain of {pain_nrs} or more
    guide: A neck that moves less than before is a reason to call the surgeon right away.
    rationale: >-
      The fusion itself removes motion, so values before surgery do not compare; nor does a best value of years ago,
      since necks stiffen with age. One low reading without pain is as likely an error. The {rotation_fall_deg} degrees
      are a project convention: the specification names no size.
  red_flag_numbness:
    version: 4
    words:
      flag: numbness or tingling
      coded: lost, reduced or disturbed skin sensation
      measured: >-
        a visit with numbness or tingling in a dermatome, before day {red_flag_measured_from_day} only when no visit
        before surgery showed any
      visit: >-
        a visit after day 0 with numbness, before day {red_flag_measured_from_day} only when new since surgery
    guide: Numbness or tingling is a reason to call the surgeon right away.
    rationale: >-
      Numbness that led to surgery takes weeks to go; new numbness counts on any day, after a revision too. The codes
      name no body region, so a code is the weaker kind.
  red_flag_radiating_pain:
    version: 4
    words:
      flag: pain spreading to the shoulder or arm
      coded: nerve-root, shoulder or arm pain
      measured: >-
        from day {red_flag_measured_from_day} on, a visit with neck and arm pain both {pain_nrs} or more, or with
        burning pain that spreads to the shoulder or arm
      visit: >-
        a visit on day {red_flag_measured_from_day} or later with neck and arm pain both {pain_nrs} or more, or
        radiating pain
    guide: Burning pain that spreads to the shoulder or arm is a reason to call the surgeon right away.
    rationale: >-
      Pain of the first weeks is healing; from then on any day counts, after a revision too: the guide asks for a call
      whenever it happens. A code names no severity, so a code is the weaker kind.
  red_flag_weakness:
    version: 4
    words:
      flag: muscle weakness
      coded: muscle weakness or C5 palsy (general weakness only beside a cervical code of the same day or encounter)
      measured: >-
        a visit with muscle strength {weakness_mrc_fall} or more MRC grades below that before surgery (where that is not
        known, of grade {weakness_mrc_grade} or less), or with an mJOA score below the best earlier one by its minimal
        clinically important difference, which depends on that score (`sql/reference/mjoa_severity.csv`)
      visit: >-
        a visit after day 0 with muscle strength {weakness_mrc_fall} or more grades below that before surgery (where
        that is not known, of grade {weakness_mrc_grade} or less), or mJOA below the best earlier one by its minimal
        clinically important difference
    guide: Weakness of a muscle is a reason to call the surgeon right away.
    citation: clinical specification, sections 1 and 4; mJOA thresholds after Tetreault 2015
    rationale: >-
      Each patient is their own control: weakness that is as before surgery, or less, is no warning. The grade before
      surgery is the highest of the latest day that has one. Any day counts, after a revision too. A C5 palsy coded in
      the index stay is a complication and no flag: the patient is still with the surgeon.
*/
with flags as (
    select distinct list as flag
    from code_lists
    where starts_with(list, 'red_flag_')
),

first_records as (
    select site_id, patient_id, flag, day, source_table, record_id, kind
    from red_flags
    qualify row_number() over (partition by site_id, patient_id, flag order by day, source_table, record_id) = 1
),

sources as (
    select
        site_id, patient_id,
        max(until_day) as until_day
    from delivered_until
    where source_table in ('follow_ups', 'diagnoses')
    group by site_id, patient_id
),

contacts as (
    select site_id, patient_id
    from follow_ups
    where day >= 1
    union
    select site_id, patient_id
    from encounters
    where start_day >= 1
    union
    select site_id, patient_id
    from diagnoses
    where day >= 1
),

reasoned as (
    select
        episodes.site_id, episodes.patient_id, episodes.observed_days, flags.flag,
        first_records.day, first_records.kind, first_records.source_table, first_records.record_id,
        case
            when first_records.record_id is not null then null
            when sources.site_id is null then 'no_source_data'
            when coalesce(episodes.observed_days < thresholds.red_flag_observed_days, true) then 'no_follow_up'
            when sources.until_day < episodes.observed_days then 'delivery_gap'
            when unknown_code_systems.list is not null then 'code_system_unknown'
            when contacts.patient_id is null then 'no_contact'
        end as reason
    from episodes
    cross join flags
    cross join thresholds
    left join first_records
        on
            episodes.site_id = first_records.site_id
            and episodes.patient_id = first_records.patient_id
            and flags.flag = first_records.flag
    left join sources
        on
            episodes.site_id = sources.site_id
            and episodes.patient_id = sources.patient_id
    left join unknown_code_systems
        on
            episodes.site_id = unknown_code_systems.site_id
            and episodes.patient_id = unknown_code_systems.patient_id
            and flags.flag = unknown_code_systems.list
    left join contacts
        on
            episodes.site_id = contacts.site_id
            and episodes.patient_id = contacts.patient_id
)

select
    site_id, patient_id,
    flag as label,
    case
        when record_id is not null then 'yes'
        when reason is not null then 'not_assessable'
        else 'no'
    end as status,
    reason,
    day as onset_day,
    case when record_id is null and reason is null then cast(observed_days as double) end as value,
    case when record_id is null and reason is null then 'observed_days' end as value_name,
    kind,
    coalesce(source_table, 'patients') as source_table,
    coalesce(record_id, patient_id) as record_id
from reasoned
