/*
title: Procedures and diagnoses of the index stay
rationale: >
  What is coded in the stay of the index fusion describes the reason for surgery and the operation itself. A record that
  names another encounter belongs to that one.
citation: clinical specification, section 0
grain: one row per record
needs: [index_stays]
columns:
  source_table: procedures or diagnoses
*/
with records as (
    select
        'procedures' as source_table,
        site_id, patient_id,
        procedure_id as record_id,
        encounter_id, day
    from procedures
    union all
    select
        'diagnoses' as source_table,
        site_id, patient_id,
        diagnosis_id as record_id,
        encounter_id, day
    from diagnoses
)

select distinct records.source_table, records.site_id, records.patient_id, records.record_id
from records
inner join index_stays
    on
        records.site_id = index_stays.site_id
        and records.patient_id = index_stays.patient_id
left join encounters
    on
        records.site_id = encounters.site_id
        and records.patient_id = encounters.patient_id
        and records.encounter_id = encounters.encounter_id
where
    records.day >= 0
    and (
        records.encounter_id = index_stays.encounter_id
        or (records.day <= index_stays.last_day and encounters.encounter_id is null)
    )
