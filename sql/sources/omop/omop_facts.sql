/*
title: Measurements and observations that are a column of the contract
grain: one row per record and column
rationale: A visual analogue scale in millimetres, from 0 to 100, is delivered as a number from 0 to 10.
needs: [omop_measured, omop_words, omop_meanings]
columns:
  patient_id: the person
  encounter_id: the visit occurrence
  date: its day
  target: the column, as table.column
  value: the word or number
*/
with meant as (
    select
        omop_words.kind, omop_words.concept_id, omop_words.source_concept_id, omop_words.source_value,
        omop_meanings.target, omop_meanings.value
    from omop_words
    inner join omop_meanings
        on
            omop_meanings.concept_id in (omop_words.concept_id, omop_words.source_concept_id)
            or omop_meanings.source_value = lower(omop_words.source_value)
    where
        omop_words.kind in ('measurement', 'observation')
        and regexp_matches(omop_meanings.target, '^(follow_ups|patients)[.]')
    qualify
        row_number() over (
            partition by
                omop_words.kind, omop_words.concept_id, omop_words.source_concept_id, omop_words.source_value,
                omop_meanings.target
            order by omop_meanings.is_own desc, omop_meanings.value asc nulls last
        ) = 1
),

stated as (
    select
        omop_measured.record_id, omop_measured.patient_id, omop_measured.encounter_id, omop_measured.date,
        omop_measured.time, omop_measured.unit, meant.target,
        case
            when meant.value is not null then meant.value
            when omop_measured.unit = 'mm' and meant.target in ('follow_ups.neck_pain_nrs', 'follow_ups.arm_pain_nrs')
                -- DuckDB casts 1_0 to 10.
                then coalesce(
                    cast(try_cast(replace(omop_measured.value, '_', ' _') as decimal(9, 2)) / 10 as varchar),
                    omop_measured.value
                )
            else omop_measured.value
        end as value
    from omop_measured
    inner join meant
        on
            omop_measured.kind = meant.kind
            and omop_measured.concept_id is not distinct from meant.concept_id
            and omop_measured.source_concept_id is not distinct from meant.source_concept_id
            and omop_measured.source_value is not distinct from meant.source_value
),

with_units as (
    select record_id, patient_id, encounter_id, date, time, target, value, 1 as place
    from stated

    union all
    select record_id, patient_id, encounter_id, date, time, 'follow_ups.ndi_unit' as target, unit as value, 0 as place
    from stated
    where target = 'follow_ups.ndi_total' and value is not null and unit in ('percent', 'points')
)

select patient_id, encounter_id, date, target, value
from with_units
where value is not null
qualify
    row_number() over (
        partition by patient_id, date, target
        order by place asc, time desc nulls last, record_id desc, encounter_id asc, value asc
    ) = 1;
