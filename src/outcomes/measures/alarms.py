"""What the first screen of a site names: few measures, each for a reason that chance seldom gives.

A hundred measures with published chart rules show several signals in any month in which nothing has changed. Asked to
look at all of them, people soon look at none. So a site's first screen names a measure only when its sum over time
stands out, or when the next period confirms what one period showed; the charts keep their rules for those who look.
"""

import duckdb
import pyarrow as pa

from outcomes.sql.catalog.marts import mart_schema

_ALARMS = """
with cusum_sides as (
    select
        measure,
        site_id,
        bool_or(signal in ('upper', 'both')) as has_upper,
        bool_or(signal in ('lower', 'both')) as has_lower
    from cusum_points
    where signal is not null
    group by measure, site_id
),

sums as (
    select
        site_comparison.measure,
        site_comparison.site_id,
        case
            -- Where limits are widened for differences between many sites, these are the ones that count.
            when coalesce(widened_position, position) in ('above_99_8', 'below_99_8') then 'beyond_99_8'
            when coalesce(widened_position, position) = 'above_95' and has_upper then 'beyond_95_and_cusum'
            when coalesce(widened_position, position) = 'below_95' and has_lower then 'beyond_95_and_cusum'
            -- One site in twenty lies so far out: worth a look where it is for the worse, no news for the better.
            when coalesce(widened_position, position) = 'above_95' and direction = 'lower_is_better' then 'beyond_95'
            when coalesce(widened_position, position) = 'below_95' and direction = 'higher_is_better' then 'beyond_95'
        end as reason,
        position in ('above_99_8', 'above_95') as is_more,
        observed,
        expected,
        ratio,
        ratio_low,
        ratio_high
    from site_comparison
    inner join measure_definitions
        on site_comparison.measure = measure_definitions.measure
    left join cusum_sides
        on site_comparison.measure = cusum_sides.measure and site_comparison.site_id = cusum_sides.site_id
),

numbered as (
    select
        *,
        row_number() over (partition by measure, site_id order by index_period desc) as back
    from control_chart_points
    where site_id is not null and is_judged
),

confirmed as (
    select
        measure,
        site_id,
        'confirmed' as reason,
        -- More patients between outcomes means fewer outcomes.
        (value > centre) <> (chart = 'g') as is_more,
        index_period,
        months,
        chart,
        value,
        centre,
        lower,
        upper
    from numbered
    where is_confirmed and back * months <= 12
    qualify row_number() over (partition by measure, site_id order by index_period desc) = 1
),

named as (
    select
        coalesce(sums.measure, confirmed.measure) as measure,
        coalesce(sums.site_id, confirmed.site_id) as site_id,
        coalesce(sums.reason, confirmed.reason) as reason,
        case when sums.reason is null then confirmed.is_more else sums.is_more end as is_more,
        sums.observed,
        sums.expected,
        sums.ratio,
        sums.ratio_low,
        sums.ratio_high,
        confirmed.index_period,
        confirmed.months,
        confirmed.chart,
        confirmed.value,
        confirmed.centre,
        confirmed.lower,
        confirmed.upper
    from (from sums where reason is not null) as sums
    full join confirmed
        on sums.measure = confirmed.measure and sums.site_id = confirmed.site_id
)

select
    named.* exclude (is_more),
    case when is_more then 'more' else 'fewer' end as side,
    case
        when measure_definitions.direction = 'neutral' then 'special_neutral'
        when is_more = (measure_definitions.direction = 'higher_is_better') then 'special_improving'
        else 'special_concerning'
    end as variation
from named
inner join measure_definitions
    on named.measure = measure_definitions.measure
order by named.site_id, named.measure
"""


def alarms_table(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The measures that the first screen of each site names, with the reason and the numbers for one sentence.

    Args:
        con: a connection that holds `site_comparison`, `cusum_points`, `control_chart_points` and
            `measure_definitions`.

    Returns:
        One row per site and measure that is named, with the columns of `sql/marts/alarms.yaml`.
    """
    schema = mart_schema("alarms")
    return con.sql(_ALARMS).to_arrow_table().select(schema.names).cast(schema)
