/*
title: Counts of each measure by site, period and stratum
rationale: >
  Every cell is there, zeros included, so that a cell that is later hidden says nothing by being there. Months and years
  run from the first to the last without gaps.
grain: one row per measure, site (null = all), period (of the index fusion) and stratum
needs: [measure_totals, measure_groups, measure_definitions, submissions]
columns:
  resolution: all, year or month
  index_period: null, YYYY or YYYY-MM
  stratum_kind: all, approach, levels_band, age_band or indication
  stratum: its value; null of all
  numerator: patients with the outcome
  patients: patients in the denominator
  excluded: episodes not in the denominator
  days: of a rate, person-days at risk; null otherwise
*/
with resolutions as (
    select unnest(['all', 'year', 'month']) as resolution
),

stratum_kinds as (
    select unnest(['approach', 'levels_band', 'age_band', 'indication']) as stratum_kind
),

-- What each group counts towards: cohorts by their number, profiles by theirs below zero. A cohort without a month
-- counts towards no month.
of_cohorts as (
    select distinct
        measure_groups.cohort as group_number, measure_groups.site_id, resolutions.resolution,
        case resolutions.resolution
            when 'year' then substr(measure_groups.index_period, 1, 4)
            when 'month'
                then case when length(measure_groups.index_period) = 7 then measure_groups.index_period end
        end as index_period,
        'all' as stratum_kind,
        cast(null as varchar) as stratum
    from measure_groups
    cross join resolutions
),

of_profiles as (
    select distinct
        -measure_groups.profile as group_number, measure_groups.site_id,
        'all' as resolution,
        cast(null as varchar) as index_period,
        stratum_kinds.stratum_kind,
        case stratum_kinds.stratum_kind
            when 'approach' then measure_groups.approach
            when 'levels_band' then measure_groups.levels_band
            when 'age_band' then measure_groups.age_band
            when 'indication' then measure_groups.indication
        end as stratum
    from measure_groups
    cross join stratum_kinds
),

memberships as (
    select group_number, site_id, resolution, index_period, stratum_kind, stratum
    from of_cohorts
    union all
    select group_number, site_id, resolution, index_period, stratum_kind, stratum
    from of_profiles
),

-- Month numbers count from year 0; a year is that of its first month.
numbered as (
    select
        resolution,
        12 * cast(substr(index_period, 1, 4) as integer)
        + coalesce(try_cast(substr(index_period, 6) as integer), 1) - 1 as month
    from of_cohorts
    where index_period is not null
),

calendar as (
    select
        resolution,
        unnest(generate_series(min(month), max(month), case resolution when 'year' then 12 else 1 end)) as month
    from numbered
    group by resolution
),

listed as (
    select
        resolution,
        concat(
            lpad(cast(month // 12 as varchar), 4, '0'),
            case resolution when 'month' then concat('-', lpad(cast(month % 12 + 1 as varchar), 2, '0')) else '' end
        ) as index_period,
        'all' as stratum_kind,
        cast(null as varchar) as stratum
    from calendar
    union all
    select distinct resolution, index_period, stratum_kind, stratum
    from of_profiles
    where stratum is not null
    union all
    select
        'all' as resolution,
        cast(null as varchar) as index_period,
        'all' as stratum_kind,
        cast(null as varchar) as stratum
),

slots as (
    select
        resolution, index_period, stratum_kind, stratum,
        row_number() over (order by resolution, index_period, stratum_kind, stratum) as slot
    from listed
),

placed as (
    select memberships.group_number, memberships.site_id, slots.slot
    from memberships
    inner join slots
        on
            memberships.resolution = slots.resolution
            and memberships.index_period is not distinct from slots.index_period
            and memberships.stratum_kind = slots.stratum_kind
            and memberships.stratum is not distinct from slots.stratum
),

counted as (
    select
        measure_totals.measure, placed.site_id, placed.slot,
        sum(measure_totals.numerator) as numerator,
        sum(measure_totals.patients) as patients,
        sum(measure_totals.excluded) as excluded,
        sum(measure_totals.days) as days
    from measure_totals
    inner join placed
        on coalesce(measure_totals.cohort, -measure_totals.profile) = placed.group_number
    group by grouping sets (
        (measure_totals.measure, placed.site_id, placed.slot),
        (measure_totals.measure, placed.slot)
    )
),

sites as (
    select distinct site_id
    from submissions
    where status = 'accepted'
    union all
    select cast(null as varchar) as site_id
)

select
    measure_definitions.measure, measure_definitions.unit, sites.site_id, slots.resolution, slots.index_period,
    slots.stratum_kind, slots.stratum,
    cast(coalesce(counted.numerator, 0) as bigint) as numerator,
    cast(coalesce(counted.patients, 0) as bigint) as patients,
    cast(coalesce(counted.excluded, 0) as bigint) as excluded,
    case when measure_definitions.unit = 'rate' then cast(coalesce(counted.days, 0) as bigint) end as days
from measure_definitions
cross join sites
cross join slots
left join counted
    on
        measure_definitions.measure = counted.measure
        and sites.site_id is not distinct from counted.site_id
        and slots.slot = counted.slot
