/*
title: Complications of the index fusion in its first {complication_days} days
rationale: >
  A code counts from the day after surgery; one that names the complication of a procedure (infection, haematoma) from
  the day of surgery. Whether dysphagia, a palsy of the arm or a thrombosis coded on the day of surgery was there before
  cannot be told, and one that was coded before surgery is no complication of it. A grade of Clavien and Dindo is given
  only where the record says it: an operation for the complication (III) and death (V); which treatment the others had
  is not recorded.
citation: >
  Clavien, Barkun, de Oliveira 2009, Ann Surg 250:187 (grades); surgical_complication.csv (codes: ICD-10-CM of the
  fiscal years 2016 to 2026, ICD-9-CM version 32, CPT)
grain: one row per episode and kind, the first of its kind; ties by procedure before diagnosis, then the lower id
needs: [episodes, coded_records, thresholds]
columns:
  kind: infection, haematoma, dysphagia, c5_palsy, venous_thromboembolism or death
  day: day of the record, or of the death
  source_table: procedures, diagnoses or patients
  grade: of Clavien and Dindo, III or V; null where it cannot be said
*/
with coded as (
    select
        coded_records.site_id, coded_records.patient_id,
        coded_records.family as kind,
        coded_records.source_table, coded_records.record_id, coded_records.day
    from coded_records
    inner join episodes
        on
            coded_records.site_id = episodes.site_id
            and coded_records.patient_id = episodes.patient_id
    where coded_records.list = 'surgical_complication'
),

before_surgery as (
    select distinct site_id, patient_id, kind
    from coded
    where day < 0
),

found as (
    select
        coded.site_id, coded.patient_id, coded.kind, coded.source_table, coded.record_id, coded.day,
        case when coded.source_table = 'procedures' then 'III' end as grade
    from coded
    cross join thresholds
    left join before_surgery
        on
            coded.site_id = before_surgery.site_id
            and coded.patient_id = before_surgery.patient_id
            and coded.kind = before_surgery.kind
    where
        coded.day <= thresholds.complication_days
        and (
            (coded.kind in ('infection', 'haematoma') and coded.day >= 0)
            or (coded.day >= 1 and before_surgery.patient_id is null)
        )
    union all
    select
        episodes.site_id, episodes.patient_id,
        'death' as kind,
        'patients' as source_table,
        episodes.patient_id as record_id,
        episodes.death_day as day,
        'V' as grade
    from episodes
    cross join thresholds
    where episodes.death_day <= thresholds.complication_days
),

-- The grade is the highest that any record of the kind says: III of an operation for it.
graded as (
    select
        found.site_id, found.patient_id, found.kind, found.day, found.source_table, found.record_id,
        max(found.grade) over (partition by found.site_id, found.patient_id, found.kind) as grade
    from found
)

select site_id, patient_id, kind, day, source_table, record_id, grade
from graded
qualify
    row_number() over (
        partition by site_id, patient_id, kind
        order by day, case source_table when 'procedures' then 1 else 2 end, record_id
    ) = 1
