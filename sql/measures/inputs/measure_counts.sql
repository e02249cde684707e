/*
title: Counts of each measure by site, period and stratum
rationale: >
  Every cell is there, zeros included, so that a cell that is later hidden says nothing by being there. Months and years
  run from the first to the last without gaps.
grain: one row per measure, site (null = all), period (of the index fusion) and stratum
needs: [measure_totals, measure_groups, measure_definitions, submissions]
columns:
  resolution: all, year or month
  period: null, YYYY or YYYY-MM
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

of_cohorts as (
    select
        measure_totals.measure,
        cohorts.site_id,
        cohorts.month,
        cohorts.year,
        measure_totals.status,
        measure_totals.patients,
        measure_totals.days
    from measure_totals
    inner join cohorts
        on measure_totals.cohort = cohorts.cohort
),

of_profiles as (
    select
        measure_totals.measure,
        profiles.site_id,
        profiles.approach,
        profiles.levels_band,
        profiles.age_band,
        profiles.indication,
        measure_totals.status,
        measure_totals.patients,
        measure_totals.days
    from measure_totals
    inner join profiles
        on measure_totals.profile = profiles.profile
),

of_sites as (
    select
        measure,
        site_id,
        'all' as resolution,
        cast(null as varchar) as period,
        'all' as stratum_kind,
        cast(null as varchar) as stratum,
        status,
        patients,
        days
    from of_cohorts
    union all
    select
        measure,
        site_id,
        'year' as resolution,
        year as period,
        'all' as stratum_kind,
        cast(null as varchar) as stratum,
        status,
        patients,
        days
    from of_cohorts
    where year is not null
    union all
    select
        measure,
        site_id,
        'month' as resolution,
        month as period,
        'all' as stratum_kind,
        cast(null as varchar) as stratum,
        status,
        patients,
        days
    from of_cohorts
    where month is not null
    union all
    select
        measure,
        site_id,
        'all' as resolution,
        cast(null as varchar) as period,
        'approach' as stratum_kind,
        approach as stratum,
        status,
        patients,
        days
    from of_profiles
    union all
    select
        measure,
        site_id,
        'all' as resolution,
        cast(null as varchar) as period,
        'levels_band' as stratum_kind,
        levels_band as stratum,
        status,
        patients,
        days
    from of_profiles
    union all
    select
        measure,
        site_id,
        'all' as resolution,
        cast(null as varchar) as period,
        'age_band' as stratum_kind,
        age_band as stratum,
        status,
        patients,
        days
    from of_profiles
    union all
    select
        measure,
        site_id,
        'all' as resolution,
        cast(null as varchar) as period,
        'indication' as stratum_kind,
        indication as stratum,
        status,
        patients,
        days
    from of_profiles
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

slots as (
    select
        'all' as resolution,
        cast(null as varchar) as period,
        'all' as stratum_kind,
        cast(null as varchar) as stratum
    union all
    select
        'year' as resolution,
        lpad(cast(year as varchar), 4, '0') as period,
        'all' as stratum_kind,
        cast(null as varchar) as stratum
    from years
    union all
    select
        'month' as resolution,
        concat(lpad(cast(month // 12 as varchar), 4, '0'), '-', lpad(cast(month % 12 + 1 as varchar), 2, '0'))
            as period,
        'all' as stratum_kind,
        cast(null as varchar) as stratum
    from months
    union all
    select distinct
        'all' as resolution,
        cast(null as varchar) as period,
        'approach' as stratum_kind,
        approach as stratum
    from profiles
    union all
    select distinct
        'all' as resolution,
        cast(null as varchar) as period,
        'levels_band' as stratum_kind,
        levels_band as stratum
    from profiles
    union all
    select distinct
        'all' as resolution,
        cast(null as varchar) as period,
        'age_band' as stratum_kind,
        age_band as stratum
    from profiles
    union all
    select distinct
        'all' as resolution,
        cast(null as varchar) as period,
        'indication' as stratum_kind,
        indication as stratum
    from profiles
),

sites as (
    select distinct site_id
    from submissions
    where status = 'accepted'
    union all
    select cast(null as varchar) as site_id
),

at_sites as (
    select
        measure,
        site_id,
        resolution,
        period,
        stratum_kind,
        stratum,
        sum(case when status = 'yes' then patients else 0 end) as numerator,
        sum(case when status <> 'excluded' then patients else 0 end) as patients,
        sum(case when status = 'excluded' then patients else 0 end) as excluded,
        sum(days) as days
    from of_sites
    group by measure, site_id, resolution, period, stratum_kind, stratum
),

cells as (
    select
        measure,
        site_id,
        resolution,
        period,
        stratum_kind,
        stratum,
        numerator,
        patients,
        excluded,
        days
    from at_sites
    union all
    select
        measure,
        cast(null as varchar) as site_id,
        resolution,
        period,
        stratum_kind,
        stratum,
        numerator,
        patients,
        excluded,
        days
    from at_sites
    union all
    select
        measure_definitions.measure,
        sites.site_id,
        slots.resolution,
        slots.period,
        slots.stratum_kind,
        slots.stratum,
        0 as numerator,
        0 as patients,
        0 as excluded,
        case when measure_definitions.unit = 'rate' then 0 end as days
    from measure_definitions
    cross join sites
    cross join slots
)

select
    measure,
    site_id,
    resolution,
    period,
    stratum_kind,
    stratum,
    cast(sum(numerator) as bigint) as numerator,
    cast(sum(patients) as bigint) as patients,
    cast(sum(excluded) as bigint) as excluded,
    cast(sum(days) as bigint) as days
from cells
group by measure, site_id, resolution, period, stratum_kind, stratum
