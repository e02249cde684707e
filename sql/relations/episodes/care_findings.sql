/*
title: Findings that ask for care
rationale: >
  Of several red flags the first asks. The encounter in which it was found is known where the site names it.
citation: clinical specification, sections 1 and 4
grain: one row per question and episode with such a finding
needs: [pain_past_3_months, pain_visits, red_flags, thresholds]
columns:
  label: the question, a label of the care that followed
  day: day of the finding
  last_day: last day on which care follows it in time
  encounter_id: the encounter in which it was found, null where not known
*/
with first_flags as (
    select site_id, patient_id, day, source_table, record_id
    from red_flags
    qualify
        row_number() over (partition by site_id, patient_id order by day, source_table, record_id, flag) = 1
)

select
    first_flags.site_id, first_flags.patient_id,
    'imaging_or_visit_after_red_flag' as label,
    first_flags.day,
    first_flags.day + thresholds.care_after_red_flag_days as last_day,
    first_flags.source_table, first_flags.record_id,
    coalesce(diagnoses.encounter_id, follow_ups.encounter_id) as encounter_id
from first_flags
cross join thresholds
left join diagnoses
    on
        first_flags.source_table = 'diagnoses'
        and first_flags.site_id = diagnoses.site_id
        and first_flags.record_id = diagnoses.diagnosis_id
left join follow_ups
    on
        first_flags.source_table = 'follow_ups'
        and first_flags.site_id = follow_ups.site_id
        and first_flags.record_id = follow_ups.follow_up_id
union all
select
    pain_past_3_months.site_id, pain_past_3_months.patient_id,
    'imaging_after_pain' as label,
    pain_past_3_months.onset_day as day,
    pain_past_3_months.onset_day + thresholds.imaging_after_pain_days as last_day,
    pain_past_3_months.source_table, pain_past_3_months.record_id,
    cast(null as varchar) as encounter_id
from pain_past_3_months
inner join pain_visits
    on
        pain_past_3_months.site_id = pain_visits.site_id
        and pain_past_3_months.record_id = pain_visits.follow_up_id
        and pain_past_3_months.onset_day = pain_visits.day
cross join thresholds
