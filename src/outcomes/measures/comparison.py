"""Each site against what its case mix would lead one to expect, by headline outcome."""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.arrays import ratio
from outcomes.measures.risk_models import headline_measures
from outcomes.sql.catalog.marts import mart_schema
from outcomes.statistics.funnel import against_expected

FEWEST_FOLLOWED = 20
"""Sites with fewer patients followed are marked and not compared (clinical specification, section 8)."""

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
            'died_before_window', 'death_before_horizon', 'revised_before_window', 'window_not_closed'
        )
    group by measure, site_id
)

select
    headlines.measure,
    sites.site_id,
    coalesce(followed.patients, 0) as patients,
    coalesce(could_be_followed.eligible, 0) as eligible,
    coalesce(followed.observed, 0) as observed,
    coalesce(followed.expected, 0) as expected
from (select unnest($headlines) as measure) as headlines
cross join sites
left join followed using (measure, site_id)
left join could_be_followed using (measure, site_id)
order by headlines.measure, sites.site_id
"""


def comparison_table(con: duckdb.DuckDBPyConnection, expected: pa.Table) -> pa.Table:
    """Each site with an accepted submission against what its case mix would lead one to expect, by headline outcome.

    Args:
        con: a connection that holds `submissions` and `headline_results`.
        expected: the expected probability of each patient, as `fit_risk_models` gives it.
    """
    con.register("patient_risks", expected)
    counts = con.sql(_COUNTS, params={"headlines": list(headline_measures())}).to_arrow_table()
    con.unregister("patient_risks")
    sums = counts.group_by("measure").aggregate([("patients", "sum"), ("observed", "sum")]).to_pylist()
    return compared(counts, {row["measure"]: (row["patients_sum"], row["observed_sum"]) for row in sums})


def compared(counts: pa.Table, of_all: dict[str, tuple[int, int]]) -> pa.Table:
    """The sites of each measure compared; `of_all` holds its patients and those with the outcome over all sites."""
    parts = [mart_schema("site_comparison").empty_table()]
    for measure in sorted(pc.unique(counts["measure"]).to_pylist()):
        patients, observed = of_all[measure]
        sites = counts.filter(pc.equal(counts["measure"], measure))
        parts.append(_compared_sites(sites, observed / patients if patients else np.nan))
    return pa.concat_tables(parts)


def _compared_sites(counts: pa.Table, target: float) -> pa.Table:
    patients, eligible, observed, expected = (
        counts[name].to_numpy().astype(float) for name in ("patients", "eligible", "observed", "expected")
    )
    is_followed, is_expected = patients >= FEWEST_FOLLOWED, expected > 0
    columns = {
        "marking": np.select([~is_followed, ~is_expected], ["insufficient", "none_expected"], "compared"),
        "completeness": np.minimum(ratio(patients, eligible), 1),
        "share": ratio(observed, patients),
        "target_share": np.full(len(patients), target),
    }
    among = is_followed & is_expected
    figures = against_expected(patients[among], observed[among], expected[among], target)
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
