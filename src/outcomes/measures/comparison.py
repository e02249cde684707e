"""Each site against what its case mix would lead one to expect, by headline outcome."""

from collections.abc import Mapping

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.arrays import ratio
from outcomes.measures.risk_models import headline_measures, is_over_time
from outcomes.sql.catalog.marts import mart_schema
from outcomes.statistics.funnel import against_expected

FEWEST_FOLLOWED = 20
"""Sites with fewer patients followed are marked and not compared (clinical specification, section 8)."""

Estimates = Mapping[tuple[str, str | None], float | None]
"""The share of each measure and site (None: all sites together), of all periods and patients."""

_COUNTS = """
with sites as (
    select distinct site_id
    from submissions
    where status = 'accepted'
),

followed as (
    select
        measure,
        site_id,
        count(*) as patients,
        cast(sum(observed) as bigint) as observed,
        -- Decimals add up to the same sum in any order.
        cast(sum(cast(expected as decimal(18, 9))) as double) as expected
    from patient_risks
    group by measure, site_id
),

could_be_followed as (
    select
        measure,
        site_id,
        count(*) as eligible
    from headline_results
    -- Who died, was revised or came too recently is not lost to follow-up.
    where
        status <> 'excluded'
        or reason not in (
            'died_before_window', 'revised_before_window', 'window_not_closed'
        )
    group by measure, site_id
),

-- Of events within a time Clark's C: of the time that could have been observed, how much was.
time_seen as (
    select
        measure,
        site_id,
        sum(least(observed_days, potential_days)) / nullif(sum(potential_days), 0) as share
    from headline_follow_up
    group by measure, site_id
)

select
    headlines.measure,
    sites.site_id,
    coalesce(followed.patients, 0) as patients,
    coalesce(could_be_followed.eligible, 0) as eligible,
    cast(coalesce(time_seen.share * could_be_followed.eligible, followed.patients, 0) as double) as in_effect,
    coalesce(followed.observed, 0) as observed,
    coalesce(followed.expected, 0) as expected
from (select unnest($headlines) as measure) as headlines
cross join sites
left join followed using (measure, site_id)
left join could_be_followed using (measure, site_id)
left join time_seen using (measure, site_id)
order by headlines.measure, sites.site_id
"""


def comparison_table(con: duckdb.DuckDBPyConnection, expected: pa.Table) -> pa.Table:
    """Each site with an accepted submission against what its case mix would lead one to expect, by headline outcome.

    Args:
        con: a connection that holds `submissions`, `headline_results`, `headline_follow_up` and `measure_estimates`.
        expected: what is expected of each patient, as `fit_risk_models` gives it.
    """
    con.register("patient_risks", expected)
    counts = con.sql(_COUNTS, params={"headlines": list(headline_measures())}).to_arrow_table()
    con.unregister("patient_risks")
    parts = [_marked(counts.filter(pc.equal(counts["measure"], measure))) for measure in headline_measures()]
    return compared(pa.concat_tables(parts), estimates(con.sql("from measure_estimates").to_arrow_table()))


def estimates(measures: pa.Table) -> Estimates:
    """The shares of the cube of measures, exact or protected."""
    everybody = pc.and_(pc.equal(measures["resolution"], "all"), pc.equal(measures["stratum_kind"], "all"))
    rows = measures.filter(everybody).select(["measure", "site_id", "estimate"]).to_pylist()
    return {(row["measure"], row["site_id"]): row["estimate"] for row in rows}


def compared(counts: pa.Table, shares: Estimates) -> pa.Table:
    """The sites of each measure with ratio, funnel and position, where they are marked as compared.

    Args:
        counts: one row per measure and site: patients, eligible, how many of these were followed `in_effect` (of events
            within a time by the time observed), observed, expected and marking.
        shares: of each site and of all, of which the latter is the middle of the funnel.
    """
    parts = [mart_schema("site_comparison").empty_table()]
    for measure in sorted(pc.unique(counts["measure"]).to_pylist()):
        sites = counts.filter(pc.equal(counts["measure"], measure))
        of_sites = [shares.get((measure, site)) for site in sites["site_id"].to_pylist()]
        parts.append(_compared_sites(sites, of_sites, shares.get((measure, None)), is_over_time(measure)))
    return pa.concat_tables(parts)


def _marked(sites: pa.Table) -> pa.Table:
    """The sites of a measure with their marking; a site that has no other beside it is not compared with itself."""
    patients, expected = (sites[name].to_numpy() for name in ("patients", "expected"))
    is_followed = patients >= FEWEST_FOLLOWED
    alone = "only_site" if (is_followed & (expected > 0)).sum() == 1 else "compared"
    marking = np.select([~is_followed, expected <= 0], ["insufficient", "none_expected"], alone)
    return sites.append_column("marking", pa.array(marking.tolist(), pa.string()))


def _compared_sites(counts: pa.Table, shares: list[float | None], target: float | None, over_time: bool) -> pa.Table:
    patients, eligible, in_effect, observed, expected = (
        counts[name].to_numpy().astype(float) for name in ("patients", "eligible", "in_effect", "observed", "expected")
    )
    columns = {
        "completeness": np.minimum(ratio(in_effect, eligible), 1),
        "share": np.array(shares, dtype=object),
        "target_share": np.full(len(patients), target, dtype=object),
    }
    # Of a few expected nothing may be left by rounding.
    among = pc.equal(counts["marking"], "compared").to_numpy() & (expected > 0) & (target is not None)
    middle = np.nan if target is None else target
    figures = against_expected(patients[among], observed[among], expected[among], middle, over_time)
    for name, values in figures.items():
        columns[name] = np.full(len(patients), None, dtype=object)
        columns[name][among] = values
    schema = mart_schema("site_comparison")
    arrays = [
        counts[field.name]
        if field.name in counts.column_names
        else pa.array(columns[field.name].tolist(), field.type, from_pandas=True)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)
