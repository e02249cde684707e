/*
title: facts about delivered patients that span rows or submissions
grain: one row per delivered row
columns:
  row_number: position in the file
  key_count: rows of the file with this key, when there is one
  data_cut_after_extract: data_cut_day minus the last day that the extract can hold of the patient
  last_contact_after_extract: last_contact_day minus the last day that the extract can hold of the patient
  death_after_extract: death_day minus the last day that the extract can hold of the patient
  keeps_earlier_cut: whether no possible data_cut_day is given, where the patient's row in force states one
*/
with latest as (
    select
        delivered_patients.row_number,
        case
            when delivered_patients.index_period is null then submission.latest_day_without_period
            else date_diff(
                'day',
                cast(
                    delivered_patients.index_period
                    || case when length(delivered_patients.index_period) = 4 then '-01-01' else '-01' end as date
                ),
                submission.last_date
            )
        end as day
    from delivered_patients
    cross join submission
),

-- A full submission replaces what came before.
in_force as (
    select patients.patient_id
    from patients
    inner join submission
        on
            patients.site_id = submission.site_id
            and submission.kind = 'incremental'
    where patients.data_cut_day is not null
)

select
    delivered_patients.row_number,
    nullif(
        count(delivered_patients.patient_id) over (partition by delivered_patients.patient_id), 0
    ) as key_count,
    delivered_patients.data_cut_day - latest.day as data_cut_after_extract,
    delivered_patients.last_contact_day - latest.day as last_contact_after_extract,
    delivered_patients.death_day - latest.day as death_after_extract,
    case
        when in_force.patient_id is not null then coalesce(delivered_patients.data_cut_day > latest.day, true)
    end as keeps_earlier_cut
from delivered_patients
inner join latest
    on delivered_patients.row_number = latest.row_number
left join in_force
    on delivered_patients.patient_id = in_force.patient_id
