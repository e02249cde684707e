"""The comparison of sites in the form that may be shown."""

import pyarrow as pa

from outcomes.disclosure.measures import shown_counts
from outcomes.disclosure.suppression import coarse
from outcomes.measures.comparison import compared
from outcomes.sql.catalog.marts import mart_schema

_COUNTS = ("measure", "site_id", "patients", "eligible", "observed", "expected")


def protected_comparison(comparison: pa.Table, shown: pa.Table, minimum_cell_count: int) -> pa.Table:
    """The comparison made anew from what may be shown of each site, and nothing of the others.

    Every figure is worked out from the rounded counts of the protected measures and from the expected number to one
    decimal, so that none tells more than those do. A measure whose sum over all sites is hidden has no target.
    `comparison` is as `comparison_table` gives it, `shown` the protected measures (`sql/marts/measures.yaml`).
    """
    counts = shown_counts(shown)
    of_all = {measure: count for (measure, site_id), count in counts.items() if site_id is None}
    eligible = coarse(comparison["eligible"].to_numpy(), minimum_cell_count).tolist()
    known, hidden = [], []
    for row, could_be_followed in zip(comparison.to_pylist(), eligible, strict=True):
        site = {"measure": row["measure"], "site_id": row["site_id"]}
        if row["measure"] in of_all and (row["measure"], row["site_id"]) in counts:
            patients, observed = counts[row["measure"], row["site_id"]]
            figures = {"patients": patients, "eligible": could_be_followed, "observed": observed}
            known.append(site | figures | {"expected": round(row["expected"], 1)})
        else:
            hidden.append(site | {"state": "suppressed"})
    schema = mart_schema("site_comparison", "protected")
    counted = pa.Table.from_pylist(known, schema=pa.schema([schema.field(name) for name in _COUNTS]))
    rows = compared(counted, of_all).to_pylist() + hidden
    rows.sort(key=lambda row: (row["measure"], row["site_id"]))
    return pa.Table.from_pylist([{"state": "shown"} | row for row in rows], schema=schema)
