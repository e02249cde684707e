/*
title: Care that followed a finding in time
rationale: >
  The guide asks for imaging or a visit soon after a red flag, and for imaging of pain past 3 months. The visit that
  found it is not the care that followed. Absence of care can be said only when the whole window was observed.
needs: [episodes, care_findings, care_after_findings, prompt_care_sources, delivered_until]
common:
  category: care that followed
  citation: clinical specification, sections 1, 2 and 4
  grain: one row per episode and piece of evidence
  status: accepted
labels:
  imaging_after_pain:
    version: 5
    title: Imaging within {imaging_after_pain_days} days of pain past 3 months
    guide: Pain that lasts beyond 3 months needs imaging.
    definition: >
      Among patients with pain past 3 months: an image in the {imaging_after_pain_days} days after the visit that
      established it; or, a kind of its own (already_imaged), in the {already_imaged_days} days before that visit or on
      its day.
    rationale: >
      An image taken shortly before the pain was established may answer it, but is no answer to that visit. A no needs
      all {imaging_after_pain_days} days observed, and images sent of them.
    columns:
      onset_day: day of the first image after the visit, else of the latest before
      value: days from the visit to the image, 0 or less of one before; of a no, the observed days
    criteria:
      - says: pain past 3 months
        relation: pain_past_3_months
        where: status = 'yes'
        record: record_id
      - says: >-
          an image from {already_imaged_days} days before the visit that established it to {imaging_after_pain_days}
          days after it
        relation: care_after_findings
        where: label = '{label}'
        record: record_id
  imaging_or_visit_after_red_flag:
    version: 5
    title: Imaging, a visit or another treatment within {care_after_red_flag_days} days of a red flag
    guide: A red flag should be looked into right away.
    definition: >
      Among patients with a red flag, in the {care_after_red_flag_days} days after the day of the first: an image; an
      outpatient, emergency or inpatient encounter; or the start of a treatment of a class that was not running on that
      day. An encounter counts on the day itself too, when the one in which the flag was found is known and is another.
      Else an image in the {already_imaged_days} days before or on the day, a kind of its own (already_imaged). The kind
      says which came first: imaging, visit or treatment_change.
    rationale: >
      Care that followed, not a judgement of it: where the patient went elsewhere it is invisible. A no needs all
      {care_after_red_flag_days} days observed, images, encounters and treatments sent of them, and all treatments of
      the patient seen.
    columns:
      onset_day: day of the first care, else of the latest image before
      value: days from the first red flag to it, 0 or less of an image before; of a no, the observed days
    criteria:
      - says: a red flag
        relation: red_flags
        record: record_id
    ways:
      image:
        - says: an image in the {care_after_red_flag_days} days after the day of the first red flag
          relation: care_after_findings
          where: label = '{label}' and kind = 'imaging'
          record: record_id
      visit:
        - says: >-
            an outpatient, emergency or inpatient encounter in the {care_after_red_flag_days} days after the day of the
            first red flag, or on that day and known to be another than that in which it was found
          relation: care_after_findings
          where: label = '{label}' and kind = 'visit'
          record: record_id
      treatment change:
        - says: >-
            a treatment, of a class not running on the day of the first red flag, that started in the
            {care_after_red_flag_days} days after it
          relation: care_after_findings
          where: label = '{label}' and kind = 'treatment_change'
          record: record_id
      already imaged:
        - says: an image in the {already_imaged_days} days before the first red flag or on its day
          relation: care_after_findings
          where: label = '{label}' and kind = 'already_imaged'
          record: record_id
*/
with first_care as (
    select site_id, patient_id, label, kind, day, source_table, record_id
    from care_after_findings
    qualify
        row_number() over (
            partition by site_id, patient_id, label
            order by
                case when kind = 'already_imaged' then 1 else 0 end,
                case when kind = 'already_imaged' then -day else day end,
                source_table, record_id
        ) = 1
),

questions as (
    select
        label,
        count(*) as tables_needed,
        bool_or(source_table = 'treatments') as asks_for_treatments
    from prompt_care_sources
    group by label
),

sources as (
    select
        delivered_until.site_id, delivered_until.patient_id, prompt_care_sources.label,
        count(*) as tables_delivered,
        min(delivered_until.until_day) as until_day
    from delivered_until
    inner join prompt_care_sources
        on delivered_until.source_table = prompt_care_sources.source_table
    group by delivered_until.site_id, delivered_until.patient_id, prompt_care_sources.label
),

results as (
    select
        episodes.site_id, episodes.patient_id, episodes.observed_days, questions.label, first_care.kind,
        care_findings.day as finding_day,
        first_care.day as care_day,
        case
            when first_care.record_id is not null then null
            when care_findings.record_id is null and questions.label = 'imaging_after_pain' then 'no_pain_past_3_months'
            when care_findings.record_id is null then 'no_red_flag'
            when coalesce(sources.tables_delivered, 0) < questions.tables_needed then 'no_source_data'
            when coalesce(episodes.data_cut_day < care_findings.last_day, true) then 'window_not_closed'
            when coalesce(episodes.observed_days < care_findings.last_day, true) then 'no_follow_up'
            when sources.until_day < care_findings.last_day then 'delivery_gap'
            when questions.asks_for_treatments and not coalesce(episodes.treatment_data_complete, false)
                then 'treatment_data_incomplete'
        end as reason
    from episodes
    cross join questions
    left join care_findings
        on
            episodes.site_id = care_findings.site_id
            and episodes.patient_id = care_findings.patient_id
            and questions.label = care_findings.label
    left join first_care
        on
            episodes.site_id = first_care.site_id
            and episodes.patient_id = first_care.patient_id
            and questions.label = first_care.label
    left join sources
        on
            episodes.site_id = sources.site_id
            and episodes.patient_id = sources.patient_id
            and questions.label = sources.label
),

evidence as (
    select site_id, patient_id, label, source_table, record_id
    from care_findings
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
    results.kind,
    coalesce(evidence.source_table, 'patients') as source_table,
    coalesce(evidence.record_id, results.patient_id) as record_id
from results
left join evidence
    on
        results.site_id = evidence.site_id
        and results.patient_id = evidence.patient_id
        and results.label = evidence.label
