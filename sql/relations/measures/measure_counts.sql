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
with recursive cohorts as (
    select distinct
        cohort,
        site_id,
        case when length(index_period) = 7 then index_period end as month,
        substr(index_period, 1, 4) as year
    from measure_groups
),

profiles as (
    select distinct
        profile,
        site_id,
        approach,
        levels_band,
        age_band,
        indication
    from measure_groups
),

year_range as (
    select
        min(cast(year as integer)) as year,
        max(cast(year as integer)) as last_year
    from cohorts
),

years as (
    select
        year,
        last_year
    from year_range
    where year is not null
    union all
    select
        year + 1 as year,
        last_year
    from years
    where year < last_year
),

month_range as (
    select
        min(12 * cast(substr(month, 1, 4) as integer) + cast(substr(month, 6, 2) as integer) - 1) as month,
        max(12 * cast(substr(month, 1, 4) as integer) + cast(substr(month, 6, 2) as integer) - 1) as last_month
    from cohorts
),

months as (
    select
        month,
        last_month
    from month_range
    where month is not null
    union all
    select
        month + 1 as month,
        last_month
    from months
    where month < last_month
),

listed_slots as (
    select
        'all' as resolution,
        cast(null as varchar) as index_period,
        'all' as stratum_kind,
        cast(null as varchar) as stratum
    union all
    select
        'year' as resolution,
        lpad(cast(year as varchar), 4, '0') as index_period,
        'all' as stratum_kind,
        cast(null as varchar) as stratum
    from years
    union all
    select
        'month' as resolution,
        concat(lpad(cast(month // 12 as varchar), 4, '0'), '-', lpad(cast(month % 12 + 1 as varchar), 2, '0'))
            as index_period,
        'all' as stratum_kind,
        cast(null as varchar) as stratum
    from months
    union all
    select distinct
        'all' as resolution,
        cast(null as varchar) as index_period,
        'approach' as stratum_kind,
        approach as stratum
    from profiles
    union all
    select distinct
        'all' as resolution,
        cast(null as varchar) as index_period,
        'levels_band' as stratum_kind,
        levels_band as stratum
    from profiles
    union all
    select distinct
        'all' as resolution,
        cast(null as varchar) as index_period,
        'age_band' as stratum_kind,
        age_band as stratum
    from profiles
    union all
    select distinct
        'all' as resolution,
        cast(null as varchar) as index_period,
        'indication' as stratum_kind,
        indication as stratum
    from profiles
),

slots as (
    select
        resolution,
        index_period,
        stratum_kind,
        stratum,
        row_number() over (order by resolution, index_period, stratum_kind, stratum) as slot
    from listed_slots
),

sites as (
    select
        site_id,
        row_number() over (order by site_id) as site
    from submissions
    where status = 'accepted'
    group by site_id
),

named_groups as (
    select
        cohort,
        cast(null as bigint) as profile,
        site_id,
        'all' as resolution,
        cast(null as varchar) as index_period,
        'all' as stratum_kind,
        cast(null as varchar) as stratum
    from cohorts
    union all
    select
        cohort,
        cast(null as bigint) as profile,
        site_id,
        'year' as resolution,
        year as index_period,
        'all' as stratum_kind,
        cast(null as varchar) as stratum
    from cohorts
    where year is not null
    union all
    select
        cohort,
        cast(null as bigint) as profile,
        site_id,
        'month' as resolution,
        month as index_period,
        'all' as stratum_kind,
        cast(null as varchar) as stratum
    from cohorts
    where month is not null
    union all
    select
        cast(null as bigint) as cohort,
        profile,
        site_id,
        'all' as resolution,
        cast(null as varchar) as index_period,
        'approach' as stratum_kind,
        approach as stratum
    from profiles
    union all
    select
        cast(null as bigint) as cohort,
        profile,
        site_id,
        'all' as resolution,
        cast(null as varchar) as index_period,
        'levels_band' as stratum_kind,
        levels_band as stratum
    from profiles
    union all
    select
        cast(null as bigint) as cohort,
        profile,
        site_id,
        'all' as resolution,
        cast(null as varchar) as index_period,
        'age_band' as stratum_kind,
        age_band as stratum
    from profiles
    union all
    select
        cast(null as bigint) as cohort,
        profile,
        site_id,
        'all' as resolution,
        cast(null as varchar) as index_period,
        'indication' as stratum_kind,
        indication as stratum
    from profiles
),

-- In which slots each cohort and each profile counts.
placed_groups as (
    select
        named_groups.cohort,
        named_groups.profile,
        sites.site,
        slots.slot
    from named_groups
    inner join sites
        on named_groups.site_id = sites.site_id
    inner join slots
        on
            named_groups.resolution = slots.resolution
            and named_groups.index_period is not distinct from slots.index_period
            and named_groups.stratum_kind = slots.stratum_kind
            and named_groups.stratum is not distinct from slots.stratum
),

placed as (
    select
        measure_totals.measure,
        placed_groups.site,
        placed_groups.slot,
        measure_totals.numerator,
        measure_totals.patients,
        measure_totals.excluded,
        measure_totals.days
    from measure_totals
    inner join placed_groups
        on measure_totals.cohort = placed_groups.cohort
    union all
    select
        measure_totals.measure,
        placed_groups.site,
        placed_groups.slot,
        measure_totals.numerator,
        measure_totals.patients,
        measure_totals.excluded,
        measure_totals.days
    from measure_totals
    inner join placed_groups
        on measure_totals.profile = placed_groups.profile
),

at_sites as (
    select
        measure,
        site,
        slot,
        sum(numerator) as numerator,
        sum(patients) as patients,
        sum(excluded) as excluded,
        sum(days) as days
    from placed
    group by measure, site, slot
),

of_all_sites as (
    select
        measure,
        slot,
        sum(numerator) as numerator,
        sum(patients) as patients,
        sum(excluded) as excluded,
        sum(days) as days
    from at_sites
    group by measure, slot
),

found as (
    select
        measure,
        site,
        slot,
        numerator,
        patients,
        excluded,
        days
    from at_sites
    union all
    select
        measure,
        0 as site,
        slot,
        numerator,
        patients,
        excluded,
        days
    from of_all_sites
),

all_sites as (
    select
        site_id,
        site
    from sites
    union all
    select
        cast(null as varchar) as site_id,
        0 as site
)

select
    measure_definitions.measure,
    measure_definitions.unit,
    all_sites.site_id,
    slots.resolution,
    slots.index_period,
    slots.stratum_kind,
    slots.stratum,
    cast(coalesce(found.numerator, 0) as bigint) as numerator,
    cast(coalesce(found.patients, 0) as bigint) as patients,
    cast(coalesce(found.excluded, 0) as bigint) as excluded,
    case when measure_definitions.unit = 'rate' then cast(coalesce(found.days, 0) as bigint) end as days
from measure_definitions
cross join all_sites
cross join slots
left join found
    on
        measure_definitions.measure = found.measure
        and all_sites.site = found.site
        and slots.slot = found.slot
