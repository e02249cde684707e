/*
title: Up to which day each table of each patient was delivered without a gap
rationale: >
  "Not done" can be said only of days for which the site sent the table. A patient's data cut moves with the calendar:
  what lies between two submissions in months is as many days of the patient, whenever the fusion was.
citation: clinical specification, amendment G2
grain: one row per delivered patient and contract table that the site delivers
needs: [delivered_tables, delivery_gaps, observation]
columns:
  until_day: >-
    the patient's data cut, or as it was before the first submission that left the table out and reached past day 0; 0
    when there was none before
*/
with cuts as (
    select
        patients.site_id, patients.patient_id, patients.period, observation.data_cut_day,
        last_day(cast(patients.period || '-01' as date)) as cut_date
    from patients
    inner join observation
        on
            patients.site_id = observation.site_id
            and patients.patient_id = observation.patient_id
),

-- What came after the patient's own row does not reach past the data cut that the row states.
first_gaps as (
    select
        cuts.site_id, cuts.patient_id, delivery_gaps.source_table,
        min(
            coalesce(
                greatest(cuts.data_cut_day - date_diff('day', delivery_gaps.sent_until, cuts.cut_date), 0), 0
            )
        ) as sent_until_day
    from cuts
    inner join delivery_gaps
        on
            cuts.site_id = delivery_gaps.site_id
            and cuts.period >= delivery_gaps.period
            and cuts.data_cut_day - date_diff('day', delivery_gaps.last_date, cuts.cut_date) >= 1
    group by cuts.site_id, cuts.patient_id, delivery_gaps.source_table
)

select
    cuts.site_id, cuts.patient_id, delivered_tables.source_table,
    coalesce(first_gaps.sent_until_day, cuts.data_cut_day) as until_day
from cuts
inner join delivered_tables
    on cuts.site_id = delivered_tables.site_id
left join first_gaps
    on
        cuts.site_id = first_gaps.site_id
        and cuts.patient_id = first_gaps.patient_id
        and delivered_tables.source_table = first_gaps.source_table
