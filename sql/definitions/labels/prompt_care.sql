/*
title: Care that followed a finding in time
rationale: >
  The guide asks for imaging or a visit soon after a red flag, and for imaging of pain past 3 months. The encounter in
  which the red flag was coded is not the care that followed it. Absence of care can be said only when the whole window
  was observed.
needs: [episodes, red_flags, pain_past_3_months, pain_visits, prompt_care_sources, delivered_tables, thresholds]
common:
  category: care that followed
  grain: one row per episode and piece of evidence
  status: accepted
labels:
  imaging_after_pain:
    version: 2
    title: Imaging within {imaging_after_pain_days} days of pain past 3 months
    guide: Pain that lasts beyond 3 months needs imaging.
    definition: >
      Among patients with pain past 3 months: an image on the day of the visit that established it or in the
      {imaging_after_pain_days} days after it.
    rationale: >
      An image taken before the pain was established does not answer it. A no needs all {imaging_after_pain_days} days
      observed.
    citation: clinical specification, sections 1, 2 and 4
    columns:
      onset_day: day of the first image
      value: days from the visit to the image; of a no, the observed days
    criteria:
      - says: pain past 3 months
        relation: pain_past_3_months
        where: status = 'yes'
        record: record_id
      - says: an image on the day of the visit that established it or in the {imaging_after_pain_days} days after it
        relation: imaging
        where: >
          day - (
          select max(pain.onset_day) from pain_past_3_months as pain
          where pain.site_id = imaging.site_id and pain.patient_id = imaging.patient_id
          ) between 0 and {imaging_after_pain_days}
        record: imaging_id
  imaging_or_visit_after_red_flag:
    version: 2
    title: Imaging or a visit within {care_after_red_flag_days} days of a red flag
    guide: A red flag should be looked into right away.
    definition: >
      Among patients with a red flag: an image, or an outpatient, emergency or inpatient encounter, that starts on the
      day of the first red flag or in the {care_after_red_flag_days} days after it. The encounter in which the red flag
      was coded on that day does not count.
    rationale: >
      Care that followed, not a judgement of it: where the patient went elsewhere it is invisible. A no needs all
      {care_after_red_flag_days} days observed.
    citation: clinical specification, sections 1 and 4
    columns:
      onset_day: day of the first image or encounter
      value: days from the first red flag to it; of a no, the observed days
    criteria:
      - says: a red flag
        relation: red_flags
        record: record_id
    ways:
      image:
        - says: an image on the day of the first red flag or in the {care_after_red_flag_days} days after it
          relation: imaging
          where: >
            day - (
            select min(flag.day) from red_flags as flag
            where flag.site_id = imaging.site_id and flag.patient_id = imaging.patient_id
            ) between 0 and {care_after_red_flag_days}
          record: imaging_id
      visit:
        - says: >-
            an outpatient, emergency or inpatient encounter, other than that in which the red flag was coded, that
            starts on the day of the first red flag or in the {care_after_red_flag_days} days after it
          relation: encounters
          where: >
            type in ('outpatient', 'emergency', 'inpatient')
            and start_day - (
            select min(flag.day) from red_flags as flag
            where flag.site_id = encounters.site_id and flag.patient_id = encounters.patient_id
            ) between 0 and {care_after_red_flag_days}
            and not exists (
            select 1 from diagnoses as coded
            inner join red_flags as flag on coded.site_id = flag.site_id and coded.diagnosis_id = flag.record_id
            where flag.source_table = 'diagnoses'
            and coded.site_id = encounters.site_id
            and coded.patient_id = encounters.patient_id
            and coded.encounter_id = encounters.encounter_id
            and coded.day = encounters.start_day
            and coded.day = (
            select min(first.day) from red_flags as first
            where first.site_id = coded.site_id and first.patient_id = coded.patient_id
            )
            )
          record: encounter_id
*/
with findings as (
    select
        pain_past_3_months.site_id, pain_past_3_months.patient_id,
        'imaging_after_pain' as label,
        pain_past_3_months.onset_day as day,
        pain_past_3_months.onset_day + thresholds.imaging_after_pain_days as last_day,
        pain_past_3_months.source_table, pain_past_3_months.record_id
    from pain_past_3_months
    inner join pain_visits
        on
            pain_past_3_months.site_id = pain_visits.site_id
            and pain_past_3_months.record_id = pain_visits.follow_up_id
            and pain_past_3_months.onset_day = pain_visits.day
    cross join thresholds
    union all
    select
        red_flags.site_id, red_flags.patient_id,
        'imaging_or_visit_after_red_flag' as label,
        red_flags.day,
        red_flags.day + thresholds.care_after_red_flag_days as last_day,
        red_flags.source_table, red_flags.record_id
    from red_flags
    cross join thresholds
    qualify
        row_number() over (
            partition by red_flags.site_id, red_flags.patient_id
            order by red_flags.day, red_flags.source_table, red_flags.record_id, red_flags.flag
        ) = 1
),

flagged_encounters as (
    select distinct diagnoses.site_id, diagnoses.patient_id, diagnoses.encounter_id, red_flags.day
    from red_flags
    inner join diagnoses
        on
            red_flags.source_table = 'diagnoses'
            and red_flags.site_id = diagnoses.site_id
            and red_flags.record_id = diagnoses.diagnosis_id
),

care as (
    select
        findings.site_id, findings.patient_id, findings.label, imaging.day,
        'imaging' as source_table,
        imaging.imaging_id as record_id
    from findings
    inner join imaging
        on
            findings.site_id = imaging.site_id
            and findings.patient_id = imaging.patient_id
            and findings.day <= imaging.day
            and findings.last_day >= imaging.day
    union all
    select
        findings.site_id, findings.patient_id, findings.label,
        encounters.start_day as day,
        'encounters' as source_table,
        encounters.encounter_id as record_id
    from findings
    inner join prompt_care_sources
        on
            findings.label = prompt_care_sources.label
            and prompt_care_sources.source_table = 'encounters'
    inner join encounters
        on
            findings.site_id = encounters.site_id
            and findings.patient_id = encounters.patient_id
            and findings.day <= encounters.start_day
            and findings.last_day >= encounters.start_day
            and encounters.type in ('outpatient', 'emergency', 'inpatient')
    left join flagged_encounters
        on
            encounters.site_id = flagged_encounters.site_id
            and encounters.patient_id = flagged_encounters.patient_id
            and encounters.encounter_id = flagged_encounters.encounter_id
            and encounters.start_day = flagged_encounters.day
            and findings.day = flagged_encounters.day
    where flagged_encounters.encounter_id is null
),

first_care as (
    select site_id, patient_id, label, day, source_table, record_id
    from care
    qualify row_number() over (partition by site_id, patient_id, label order by day, source_table, record_id) = 1
),

questions as (
    select distinct label
    from prompt_care_sources
),

sources as (
    select distinct delivered_tables.site_id, prompt_care_sources.label
    from delivered_tables
    inner join prompt_care_sources
        on delivered_tables.source_table = prompt_care_sources.source_table
),

results as (
    select
        episodes.site_id, episodes.patient_id, episodes.observed_days, questions.label,
        findings.day as finding_day,
        first_care.day as care_day,
        case
            when first_care.record_id is not null then null
            when findings.record_id is null and questions.label = 'imaging_after_pain' then 'no_pain_past_3_months'
            when findings.record_id is null then 'no_red_flag'
            when sources.site_id is null then 'no_source_data'
            when coalesce(episodes.data_cut_day < findings.last_day, true) then 'window_not_closed'
            when coalesce(episodes.observed_days < findings.last_day, true) then 'no_follow_up'
        end as reason
    from episodes
    cross join questions
    left join findings
        on
            episodes.site_id = findings.site_id
            and episodes.patient_id = findings.patient_id
            and questions.label = findings.label
    left join first_care
        on
            episodes.site_id = first_care.site_id
            and episodes.patient_id = first_care.patient_id
            and questions.label = first_care.label
    left join sources
        on
            episodes.site_id = sources.site_id
            and questions.label = sources.label
),

evidence as (
    select site_id, patient_id, label, source_table, record_id
    from findings
    union all
    select site_id, patient_id, label, source_table, record_id
    from first_care
)

select
    results.site_id, results.patient_id, results.label,
    case
        when results.care_day is not null then 'yes'
        when results.reason is not null then 'not_assessable'
        else 'no'
    end as status,
    results.reason,
    results.care_day as onset_day,
    case
        when results.care_day is not null then cast(results.care_day - results.finding_day as double)
        when results.reason is null then cast(results.observed_days as double)
    end as value,
    case
        when results.care_day is not null then 'days_to_care'
        when results.reason is null then 'observed_days'
    end as value_name,
    cast(null as varchar) as kind,
    coalesce(evidence.source_table, 'patients') as source_table,
    coalesce(evidence.record_id, results.patient_id) as record_id
from results
left join evidence
    on
        results.site_id = evidence.site_id
        and results.patient_id = evidence.patient_id
        and results.label = evidence.label
