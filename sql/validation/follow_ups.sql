/*
title: facts about delivered follow-ups that span rows, tables or columns
grain: one row per delivered row
columns:
  row_number: position in the file
  key_count: rows of the file with this key, when there is one
  patient_known: whether the patient was accepted now or is in force
  days_after_death: day minus the patient's day of death
  days_after_data_cut: day minus the patient's day of the data cut
  days_after_extract: day minus the last day that can be, where the patient states no data cut
  encounter_known: whether the encounter is this patient's and known, when one is named
  unit_of_ndi_total: unit where an NDI total is given, `missing` when it has none
  ndi_total_points: NDI total where its unit is points
  ndi_total_percent: NDI total where its unit is percent
  ndi_total_minus_items: >
    stated NDI total minus the total of its items, in the stated unit, where at least eight are answered; with one or
    two unanswered a total in points may be the plain or the scaled-up sum, and the nearer counts
  ndi_visits_without_zero: >
    of a visit with NDI items, the most visits of the site at which one of these items is answered and never 0; or, if
    no item is ever 0, as many visits as all answers would fill with the eight that a score needs
  eq5d_1_of_3l: level of eq5d_1 where the version is 3L
  eq5d_2_of_3l: level of eq5d_2 where the version is 3L
  eq5d_3_of_3l: level of eq5d_3 where the version is 3L
  eq5d_4_of_3l: level of eq5d_4 where the version is 3L
  eq5d_5_of_3l: level of eq5d_5 where the version is 3L
  eq5d_1_has_readable_version: of a level of eq5d_1 whose version is stated, whether that could be read
  eq5d_2_has_readable_version: of a level of eq5d_2 whose version is stated, whether that could be read
  eq5d_3_has_readable_version: of a level of eq5d_3 whose version is stated, whether that could be read
  eq5d_4_has_readable_version: of a level of eq5d_4 whose version is stated, whether that could be read
  eq5d_5_has_readable_version: of a level of eq5d_5 whose version is stated, whether that could be read
  mjoa_total_minus_domains: stated mJOA total minus the sum of its four domains, where all are given
*/
with items as (
    select
        row_number,
        coalesce(ndi_item_1, 0)
        + coalesce(ndi_item_2, 0)
        + coalesce(ndi_item_3, 0)
        + coalesce(ndi_item_4, 0)
        + coalesce(ndi_item_5, 0)
        + coalesce(ndi_item_6, 0)
        + coalesce(ndi_item_7, 0)
        + coalesce(ndi_item_8, 0)
        + coalesce(ndi_item_9, 0)
        + coalesce(ndi_item_10, 0) as item_sum,
        cast(ndi_item_1 is not null as integer)
        + cast(ndi_item_2 is not null as integer)
        + cast(ndi_item_3 is not null as integer)
        + cast(ndi_item_4 is not null as integer)
        + cast(ndi_item_5 is not null as integer)
        + cast(ndi_item_6 is not null as integer)
        + cast(ndi_item_7 is not null as integer)
        + cast(ndi_item_8 is not null as integer)
        + cast(ndi_item_9 is not null as integer)
        + cast(ndi_item_10 is not null as integer) as items_answered
    from delivered_follow_ups
),

-- Visits of the site: those of the file and, where it adds to what came before, those in force that it does not repeat.
visits as (
    select
        row_number,
        ndi_item_1, ndi_item_2, ndi_item_3, ndi_item_4, ndi_item_5, ndi_item_6, ndi_item_7, ndi_item_8, ndi_item_9,
        ndi_item_10
    from delivered_follow_ups
    where not coalesce(deleted, false)
    union all
    select
        null as row_number,
        follow_ups.ndi_item_1, follow_ups.ndi_item_2, follow_ups.ndi_item_3, follow_ups.ndi_item_4,
        follow_ups.ndi_item_5, follow_ups.ndi_item_6, follow_ups.ndi_item_7, follow_ups.ndi_item_8,
        follow_ups.ndi_item_9, follow_ups.ndi_item_10
    from follow_ups
    inner join submission
        on
            follow_ups.site_id = submission.site_id
            and submission.kind = 'incremental'
    left join delivered_follow_ups
        on follow_ups.follow_up_id = delivered_follow_ups.follow_up_id
    where delivered_follow_ups.follow_up_id is null
),

answers as (
    select row_number, 1 as item, ndi_item_1 as answer from visits
    union all
    select row_number, 2 as item, ndi_item_2 as answer from visits
    union all
    select row_number, 3 as item, ndi_item_3 as answer from visits
    union all
    select row_number, 4 as item, ndi_item_4 as answer from visits
    union all
    select row_number, 5 as item, ndi_item_5 as answer from visits
    union all
    select row_number, 6 as item, ndi_item_6 as answer from visits
    union all
    select row_number, 7 as item, ndi_item_7 as answer from visits
    union all
    select row_number, 8 as item, ndi_item_8 as answer from visits
    union all
    select row_number, 9 as item, ndi_item_9 as answer from visits
    union all
    select row_number, 10 as item, ndi_item_10 as answer from visits
),

items_without_zero as (
    select item, count(answer) as visits
    from answers
    group by item
    having min(answer) > 0
),

-- All ten together, where none is ever 0: a score needs eight.
any_without_zero as (
    select cast(floor(count(answer) / 8.0) as bigint) as visits
    from answers
    having min(answer) > 0
),

without_zero as (
    select
        answers.row_number,
        max(coalesce(items_without_zero.visits, 0)) as of_an_item,
        max(coalesce(any_without_zero.visits, 0)) as of_all_items
    from answers
    left join items_without_zero
        on answers.item = items_without_zero.item
    left join any_without_zero
        on true
    where answers.answer is not null
    group by answers.row_number
),

ndi as (
    select
        items.row_number,
        greatest(without_zero.of_an_item, without_zero.of_all_items) as visits_without_zero,
        case when items.items_answered >= 8 then items.item_sum end as points_plain,
        case
            when items.items_answered >= 8 then 10.0 * items.item_sum / nullif(items.items_answered, 0)
        end as points_scaled,
        case when items.items_answered >= 8 then 20.0 * items.item_sum / nullif(items.items_answered, 0) end as percent
    from items
    left join without_zero
        on items.row_number = without_zero.row_number
),

differences as (
    select
        delivered_follow_ups.row_number, delivered_follow_ups.ndi_unit, ndi.visits_without_zero,
        delivered_follow_ups.ndi_total - ndi.points_plain as from_plain,
        delivered_follow_ups.ndi_total - ndi.points_scaled as from_scaled,
        delivered_follow_ups.ndi_total - ndi.percent as from_percent
    from delivered_follow_ups
    inner join ndi
        on delivered_follow_ups.row_number = ndi.row_number
),

-- A version that is not stated is the default; one that is stated and cannot be read is not known.
stated_versions as (
    select
        cells.row_number,
        delivered_follow_ups.eq5d_version is not null as is_readable
    from cells
    inner join delivered_follow_ups
        on cells.row_number = delivered_follow_ups.row_number
    where cells.eq5d_version is not null
)

select
    delivered_follow_ups.row_number,
    nullif(
        count(delivered_follow_ups.follow_up_id) over (partition by delivered_follow_ups.follow_up_id), 0
    ) as key_count,
    known_patients.patient_id is not null as patient_known,
    delivered_follow_ups.day - known_patients.death_day as days_after_death,
    delivered_follow_ups.day - known_patients.data_cut_day as days_after_data_cut,
    delivered_follow_ups.day - known_patients.latest_day as days_after_extract,
    case
        when delivered_follow_ups.encounter_id is not null then known_encounters.encounter_id is not null
    end as encounter_known,
    case
        when delivered_follow_ups.ndi_total is not null then coalesce(delivered_follow_ups.ndi_unit, 'missing')
    end as unit_of_ndi_total,
    case when delivered_follow_ups.ndi_unit = 'points' then delivered_follow_ups.ndi_total end as ndi_total_points,
    case when delivered_follow_ups.ndi_unit = 'percent' then delivered_follow_ups.ndi_total end as ndi_total_percent,
    case
        when differences.ndi_unit = 'percent' then differences.from_percent
        when differences.ndi_unit = 'points' and abs(differences.from_plain) <= abs(differences.from_scaled)
            then differences.from_plain
        when differences.ndi_unit = 'points' then differences.from_scaled
    end as ndi_total_minus_items,
    differences.visits_without_zero as ndi_visits_without_zero,
    case when delivered_follow_ups.eq5d_version = '3L' then delivered_follow_ups.eq5d_1 end as eq5d_1_of_3l,
    case when delivered_follow_ups.eq5d_version = '3L' then delivered_follow_ups.eq5d_2 end as eq5d_2_of_3l,
    case when delivered_follow_ups.eq5d_version = '3L' then delivered_follow_ups.eq5d_3 end as eq5d_3_of_3l,
    case when delivered_follow_ups.eq5d_version = '3L' then delivered_follow_ups.eq5d_4 end as eq5d_4_of_3l,
    case when delivered_follow_ups.eq5d_version = '3L' then delivered_follow_ups.eq5d_5 end as eq5d_5_of_3l,
    case
        when delivered_follow_ups.eq5d_1 is not null then stated_versions.is_readable
    end as eq5d_1_has_readable_version,
    case
        when delivered_follow_ups.eq5d_2 is not null then stated_versions.is_readable
    end as eq5d_2_has_readable_version,
    case
        when delivered_follow_ups.eq5d_3 is not null then stated_versions.is_readable
    end as eq5d_3_has_readable_version,
    case
        when delivered_follow_ups.eq5d_4 is not null then stated_versions.is_readable
    end as eq5d_4_has_readable_version,
    case
        when delivered_follow_ups.eq5d_5 is not null then stated_versions.is_readable
    end as eq5d_5_has_readable_version,
    delivered_follow_ups.mjoa_total
    - delivered_follow_ups.mjoa_upper_motor
    - delivered_follow_ups.mjoa_lower_motor
    - delivered_follow_ups.mjoa_sensory
    - delivered_follow_ups.mjoa_sphincter as mjoa_total_minus_domains
from delivered_follow_ups
inner join differences
    on delivered_follow_ups.row_number = differences.row_number
left join stated_versions
    on delivered_follow_ups.row_number = stated_versions.row_number
left join known_patients
    on delivered_follow_ups.patient_id = known_patients.patient_id
left join known_encounters
    on
        delivered_follow_ups.encounter_id = known_encounters.encounter_id
        and delivered_follow_ups.patient_id = known_encounters.patient_id
