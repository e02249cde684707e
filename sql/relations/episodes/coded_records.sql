/*
title: Records whose code a code list knows
rationale: >
  A code counts while it was valid on the day of the record, which is the index period plus the days since: a code that
  came into force during follow-up counts from then on. The index fusion is known to the month or year only, so a code
  counts when it was valid on any day that the record can lie on; where the period is unknown, that is any day.
grain: one row per record and code list entry
needs: [code_matches, index_dates]
columns:
  source_table: procedures, diagnoses or treatments
  record_id: key of the record in that table
  day: day of the record, the first day of a treatment
*/
with recorded as (
    select
        'procedures' as source_table,
        site_id, patient_id,
        procedure_id as record_id,
        encounter_id, day, code_system, code
    from procedures
    union all
    select
        'diagnoses' as source_table,
        site_id, patient_id,
        diagnosis_id as record_id,
        encounter_id, day, code_system, code
    from diagnoses
    union all
    select
        'treatments' as source_table,
        site_id, patient_id,
        treatment_id as record_id,
        cast(null as varchar) as encounter_id,
        start_day as day,
        code_system, code
    from treatments
)

select
    recorded.source_table, recorded.site_id, recorded.patient_id, recorded.record_id,
    recorded.encounter_id, recorded.day, code_matches.list, code_matches.approach,
    code_matches.is_add_on, code_matches.joints, code_matches.procedure_group, code_matches.needs,
    code_matches.joint, code_matches.family, code_matches.treatment_class
from recorded
inner join code_matches
    on
        recorded.code_system = code_matches.code_system
        and recorded.code = code_matches.code
left join index_dates
    on
        recorded.site_id = index_dates.site_id
        and recorded.patient_id = index_dates.patient_id
where
    coalesce(recorded.day >= date_diff('day', index_dates.latest, code_matches.valid_from), true)
    and coalesce(recorded.day <= date_diff('day', index_dates.earliest, code_matches.valid_to), true)
