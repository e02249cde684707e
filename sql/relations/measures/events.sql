/*
title: What happened to each episode, record by record
rationale: >
  So that a question of time (how long from the first red flag to an image?) can be asked of the marts. A code stands
  for the lists that know it, so that the table needs no code book to be read; what the answers rest on is that of the
  evidence of the labels.
grain: one row per image, encounter, diagnosis, treatment, procedure and follow-up visit of an episode
is_view: true
needs: [episodes, described_records]
columns:
  kind: what the record is
  joint: the joints of it, joined by a semicolon
  code_group: what its code, class or finding belongs to, joined by a semicolon
  labels: the labels whose answer rests on it, joined by a semicolon
*/
with events as (
    select
        'image' as kind,
        'imaging' as source_table,
        site_id, patient_id,
        imaging_id as record_id,
        day,
        level as joint,
        finding as code_group
    from imaging
    union all
    select
        'encounter' as kind,
        'encounters' as source_table,
        site_id, patient_id,
        encounter_id as record_id,
        start_day as day,
        cast(null as varchar) as joint,
        type as code_group
    from encounters
    union all
    select
        'diagnosis' as kind,
        'diagnoses' as source_table,
        site_id, patient_id,
        diagnosis_id as record_id,
        day,
        cast(null as varchar) as joint,
        cast(null as varchar) as code_group
    from diagnoses
    union all
    select
        'treatment' as kind,
        'treatments' as source_table,
        site_id, patient_id,
        treatment_id as record_id,
        start_day as day,
        cast(null as varchar) as joint,
        cast(null as varchar) as code_group
    from treatments
    union all
    select
        'procedure' as kind,
        'procedures' as source_table,
        site_id, patient_id,
        procedure_id as record_id,
        day,
        levels as joint,
        cast(null as varchar) as code_group
    from procedures
    union all
    select
        'visit' as kind,
        'follow_ups' as source_table,
        site_id, patient_id,
        follow_up_id as record_id,
        day,
        cast(null as varchar) as joint,
        cast(null as varchar) as code_group
    from follow_ups
)

select
    events.site_id, events.patient_id, events.day, events.kind, events.record_id,
    coalesce(events.joint, described_records.joints) as joint,
    coalesce(events.code_group, described_records.code_groups) as code_group,
    described_records.labels is not null as is_counted,
    described_records.labels
from events
inner join episodes
    on
        events.site_id = episodes.site_id
        and events.patient_id = episodes.patient_id
left join described_records
    on
        events.source_table = described_records.source_table
        and events.site_id = described_records.site_id
        and events.record_id = described_records.record_id
