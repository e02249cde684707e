/*
title: Conservative care by class
rationale: >
  A site may code its treatments or send their class. Injections may also come as procedures.
citation: clinical specification, section 5
grain: one row per record and class of an episode
needs: [code_matches, episodes]
columns:
  start_day: first day
  end_day: last day covered, the first where none was given
*/
with recorded as (
    select
        treatments.site_id,
        treatments.patient_id,
        'treatments' as source_table,
        treatments.treatment_id as record_id,
        treatments.code_system,
        treatments.code,
        treatments.treatment_class,
        treatments.start_day,
        coalesce(treatments.end_day, treatments.start_day) as end_day
    from treatments
    union all
    select
        procedures.site_id,
        procedures.patient_id,
        'procedures' as source_table,
        procedures.procedure_id as record_id,
        procedures.code_system,
        procedures.code,
        cast(null as varchar) as treatment_class,
        procedures.day as start_day,
        procedures.day as end_day
    from procedures
)

select
    recorded.site_id,
    recorded.patient_id,
    recorded.source_table,
    recorded.record_id,
    coalesce(recorded.treatment_class, code_matches.treatment_class) as treatment_class,
    recorded.start_day,
    recorded.end_day
from recorded
inner join episodes
    on
        recorded.site_id = episodes.site_id
        and recorded.patient_id = episodes.patient_id
left join code_matches
    on
        code_matches.list = 'conservative_care'
        and recorded.code_system = code_matches.code_system
        and recorded.code = code_matches.code
where
    coalesce(recorded.treatment_class, code_matches.treatment_class) is not null
    and (recorded.source_table = 'treatments' or code_matches.treatment_class = 'injection')
