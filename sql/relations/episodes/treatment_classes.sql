/*
title: Conservative care by class
rationale: >
  A site may code its treatments or send their class, and what it charges (injections, therapy) may come among its
  procedures. A steroid is an injection only where the route says so, and a local anaesthetic is care only on the skin:
  injected it is part of something else. An ingredient (RxNorm) names no form, as ATC does: what is also given as a
  cream, a spray or drops counts by its route.
citation: clinical specification, section 5
grain: one row per record and class of an episode
needs: [coded_records, episodes]
columns:
  start_day: first day
  end_day: last day covered, the first where none was given
*/
with classed as (
    select
        site_id, patient_id,
        'treatments' as source_table,
        treatment_id as record_id,
        treatment_class, start_day,
        coalesce(end_day, start_day) as end_day
    from treatments
    where treatment_class is not null
    union all
    select
        treatments.site_id, treatments.patient_id,
        'treatments' as source_table,
        treatments.treatment_id as record_id,
        case
            when coded_records.treatment_class = 'oral_steroid' and treatments.route = 'injection' then 'injection'
            else coded_records.treatment_class
        end as treatment_class,
        treatments.start_day,
        coalesce(treatments.end_day, treatments.start_day) as end_day
    from coded_records
    inner join treatments
        on
            coded_records.list = 'conservative_care'
            and coded_records.source_table = 'treatments'
            and coded_records.site_id = treatments.site_id
            and coded_records.record_id = treatments.treatment_id
            and treatments.treatment_class is null
    where
        coded_records.needs is null
        or (coded_records.needs = 'skin_route' and treatments.route in ('topical', 'transdermal'))
        or (coded_records.needs = 'oral_route' and treatments.route = 'oral')
        or (coded_records.needs = 'injection_route' and treatments.route = 'injection')
        or (coded_records.needs = 'systemic_route' and coalesce(treatments.route, 'oral') in ('oral', 'injection'))
    union all
    select
        site_id, patient_id, source_table, record_id, treatment_class,
        day as start_day,
        day as end_day
    from coded_records
    where list = 'conservative_care' and source_table = 'procedures'
)

select
    classed.site_id, classed.patient_id, classed.source_table, classed.record_id,
    classed.treatment_class, classed.start_day, classed.end_day
from classed
inner join episodes
    on
        classed.site_id = episodes.site_id
        and classed.patient_id = episodes.patient_id
