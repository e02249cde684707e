/*
title: The release
grain: one row
key: [release_id]
needs: [release_facts, submissions, episodes]
columns:
  release_id: name of the release
  data_to: the latest accepted period, YYYY-MM
  site_count: {description: sites with an accepted submission, unit: sites}
  patient_count_rounded:
    description: "patients in the cohort, rounded to 10; null when too few to show"
    unit: patients
  suppression_threshold: {description: the smallest count that is shown, unit: patients}
  code_version: version of the code that built the release
  is_synthetic: every accepted submission says that its patients are invented
*/
with sites as (
    select count(distinct site_id) as site_count
    from submissions
    where status = 'accepted'
),

patients as (
    select count(*) as patient_count
    from episodes
)

select
    release_facts.release_id,
    release_facts.data_to,
    sites.site_count,
    case
        when patients.patient_count >= release_facts.suppression_threshold
            then cast(round(patients.patient_count / 10.0) * 10 as bigint)
    end as patient_count_rounded,
    release_facts.suppression_threshold,
    release_facts.code_version,
    release_facts.is_synthetic
from release_facts
cross join sites
cross join patients
