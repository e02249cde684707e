/*
title: How many sites and patients a release has
grain: one row
needs: [submissions, episodes]
columns:
  site_count: sites with an accepted submission
  patient_count: patients in the cohort
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

select sites.site_count, patients.patient_count
from sites
cross join patients
