/*
title: Care that followed a finding in time
rationale: >
  The guide asks for imaging or a visit soon after a red flag, and for imaging of pain past 3 months. The encounter in
  which the red flag was coded is not the care that followed it. Absence of care can be said only when the whole window
  was observed.
citation: clinical specification, sections 1 and 4
grain: one row per episode, label and piece of evidence
needs: [episodes, red_flags, pain_past_3_months, pain_visits, prompt_care_sources, delivered_tables, thresholds]
columns:
  onset_day: day of the first such care
  value: days from the finding to the care; of a no, the observed days
*/
with findings as (
    select
        pain_past_3_months.site_id,
        pain_past_3_months.patient_id,
        'imaging_after_pain' as label,
        pain_past_3_months.onset_day as day,
        pain_past_3_months.onset_day + thresholds.imaging_after_pain_days as last_day,
        pain_past_3_months.source_table,
        pain_past_3_months.record_id
    from pain_past_3_months
    inner join pain_visits
        on
            pain_past_3_months.site_id = pain_visits.site_id
            and pain_past_3_months.record_id = pain_visits.follow_up_id
            and pain_past_3_months.onset_day = pain_visits.day
    cross join thresholds
    union all
    select
        red_flags.site_id,
        red_flags.patient_id,
        'imaging_or_visit_after_red_flag' as label,
        red_flags.day,
        red_flags.day + thresholds.care_after_red_flag_days as last_day,
        red_flags.source_table,
        red_flags.record_id
    from red_flags
    cross join thresholds
    qualify
        row_number() over (
            partition by red_flags.site_id, red_flags.patient_id
            order by red_flags.day, red_flags.source_table, red_flags.record_id, red_flags.flag
        ) = 1
),

flagged_encounters as (
    select distinct
        diagnoses.site_id,
        diagnoses.patient_id,
        diagnoses.encounter_id,
        red_flags.day
    from red_flags
    inner join diagnoses
        on
            red_flags.source_table = 'diagnoses'
            and red_flags.site_id = diagnoses.site_id
            and red_flags.record_id = diagnoses.diagnosis_id
),

care as (
    select
        findings.site_id,
        findings.patient_id,
        findings.label,
        imaging.day,
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
        findings.site_id,
        findings.patient_id,
        findings.label,
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
    select
        site_id,
        patient_id,
        label,
        day,
        source_table,
        record_id
    from care
    qualify row_number() over (partition by site_id, patient_id, label order by day, source_table, record_id) = 1
),

questions as (
    select distinct label
    from prompt_care_sources
),

sources as (
    select distinct
        delivered_tables.site_id,
        prompt_care_sources.label
    from delivered_tables
    inner join prompt_care_sources
        on delivered_tables.source_table = prompt_care_sources.source_table
),

results as (
    select
        episodes.site_id,
        episodes.patient_id,
        episodes.observed_days,
        questions.label,
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
    select
        site_id,
        patient_id,
        label,
        source_table,
        record_id
    from findings
    union all
    select
        site_id,
        patient_id,
        label,
        source_table,
        record_id
    from first_care
)

select
    results.site_id,
    results.patient_id,
    results.label,
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
