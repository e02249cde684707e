/*
title: The date that becomes day 0 of each patient of a source
rationale: >
  The relations of the cohort find the fusions, with every date of the source counted from one common day. Day 0 is the
  first fusion that is no add-on. A source may give a patient without one another origin, to be delivered and counted
  outside the cohort.
needs: [fusions, first_day, origins]
columns:
  patient_id: the patient's key in the source
  code_system: that of the index fusion, null without one
  index_date: the date of day 0
*/
with first_fusions as (
    select
        fusions.patient_id, fusions.code_system,
        cast(first_day.date + fusions.day * interval 1 day as date) as fusion_date
    from fusions
    cross join first_day
    where not fusions.is_add_on
    qualify
        row_number() over (partition by fusions.patient_id order by fusions.day asc, fusions.code_system desc) = 1
)

select
    coalesce(first_fusions.patient_id, origins.patient_id) as patient_id,
    first_fusions.code_system,
    coalesce(first_fusions.fusion_date, origins.date) as index_date
from first_fusions
full outer join origins on first_fusions.patient_id = origins.patient_id;
