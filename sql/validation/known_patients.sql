/*
title: patients of this site as known on this period
grain: one row per patient whose rows may be followed up
columns:
  patient_id: the patient
  death_day: the day of death, when dead
  later_period: the later period that first holds the patient, when none up to this one does
  data_cut_day: the day on which the extract was cut, as the patient's row in force says
  latest_day: >
    where no data cut is stated, the last day that a record can have: that of the extract's last date, were surgery on
    the first day of index_period
*/
with own as (
    select
        patient_id, death_day, data_cut_day, index_period,
        coalesce(deleted, false) as is_withdrawn
    from accepted_patients
),

-- A full submission replaces what came before, so only an incremental one may rest on it.
earlier as (
    select patients.patient_id, patients.death_day, patients.data_cut_day, patients.index_period
    from patients
    inner join submission
        on
            patients.site_id = submission.site_id
            and submission.kind = 'incremental'
    left join own
        on patients.patient_id = own.patient_id
    where own.patient_id is null
),

-- Delivered before their patients, as months sent in another order are: the first row of each that came later.
later as (
    select
        later_patients.patient_id, later_patients.death_day, later_patients.data_cut_day, later_patients.index_period,
        later_patients.period
    from later_patients
    left join own
        on later_patients.patient_id = own.patient_id
    left join earlier
        on later_patients.patient_id = earlier.patient_id
    where own.patient_id is null and earlier.patient_id is null
),

known as (
    select
        patient_id, death_day, data_cut_day, index_period,
        cast(null as varchar) as later_period
    from own
    where not is_withdrawn
    union all
    select
        patient_id, death_day, data_cut_day, index_period,
        cast(null as varchar) as later_period
    from earlier
    union all
    select
        patient_id, death_day, data_cut_day, index_period,
        period as later_period
    from later
)

select
    known.patient_id, known.death_day, known.data_cut_day, known.later_period,
    case
        when known.data_cut_day is not null then null
        when known.index_period is null then submission.latest_day_without_period
        else date_diff(
            'day',
            cast(known.index_period || case when length(known.index_period) = 4 then '-01-01' else '-01' end as date),
            submission.last_date
        )
    end as latest_day
from known
cross join submission
