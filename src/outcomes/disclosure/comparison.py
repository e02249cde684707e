"""The comparison of sites in the form that may be shown."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from outcomes.disclosure.measures import shown_counts
from outcomes.disclosure.suppression import coarse
from outcomes.measures.comparison import compared, estimates
from outcomes.measures.risk_models import is_over_time
from outcomes.sql.catalog.marts import mart_schema

_COUNTS = ("measure", "site_id", "marking", "patients", "eligible", "observed", "expected")
_IN_EFFECT = pa.field("in_effect", pa.float64())
_DIGITS_OF_RISK = 4
_WORDS = ("position", "widened_position")


def protected_comparison(comparison: pa.Table, shown: pa.Table, minimum_cell_count: int) -> pa.Table:
    """The comparison made anew from what may be shown of each site, and nothing of the others.

    Every figure is worked out from the rounded counts of the protected measures and from the mean risk of the site's
    patients to four digits, so that none tells more than those do: an expected number is that mean times the rounded
    patients, and stays the same when a patient is added whose counts are rounded away. The expected numbers of all
    sites add up to those observed, by the fit of the model: they are brought to the rounded sum, or they would tell the
    exact one. A measure whose sum over all sites is hidden has no target. Where the rounded figures would place a site
    elsewhere than the exact ones do, its position is not shown: two pages never say different words. Nor is the
    position without widened limits where they count and cannot be shown.
    Of events within a time the completeness is of person-time: it is told as so many of the eligible, as coarsely as
    these are. `comparison` is as `comparison_table` gives it, `shown` the protected measures
    (`sql/marts/measures.yaml`).
    """
    counts = shown_counts(shown)
    eligible = coarse(comparison["eligible"].to_numpy(), minimum_cell_count).tolist()
    seen = comparison["completeness"].fill_null(0).to_numpy() * comparison["eligible"].to_numpy()
    in_effect = coarse(np.round(seen).astype(np.int64), minimum_cell_count).tolist()
    exact = {(row["measure"], row["site_id"]): row for row in comparison.to_pylist()}
    expected = _expected(comparison, counts)
    known, hidden = [], []
    for (key, row), could_be_followed, of_time in zip(exact.items(), eligible, in_effect, strict=True):
        site = {"measure": row["measure"], "site_id": row["site_id"]}
        if key in expected and (row["measure"], None) in counts:
            patients, observed = counts[key]
            followed = of_time if is_over_time(row["measure"]) else patients
            figures = {"patients": patients, "eligible": could_be_followed, "in_effect": followed, "observed": observed}
            known.append(site | figures | {"marking": row["marking"], "expected": expected[key]})
        else:
            hidden.append(site | {"state": "suppressed"})
    schema = mart_schema("site_comparison", "protected")
    counted = pa.Table.from_pylist(known, schema=pa.schema([*(schema.field(name) for name in _COUNTS), _IN_EFFECT]))
    rows = [
        row | _words(row, exact[row["measure"], row["site_id"]])
        for row in compared(counted, estimates(shown)).to_pylist()
    ]
    rows = sorted(rows + hidden, key=lambda row: (row["measure"], row["site_id"]))
    return pa.Table.from_pylist([{"state": "shown"} | row for row in rows], schema=schema)


def _expected(
    comparison: pa.Table, counts: Mapping[tuple[str, str | None], tuple[int, int]]
) -> dict[tuple[str, str], float]:
    """What is expected of the shown patients of each site, by measure and site.

    The sites of a measure are brought to what all together are shown to have. Where a site is hidden its expected
    number is missing from the sum, which then tells nothing: they stay as they are.
    """
    of_measure: defaultdict[str, dict[str, float]] = defaultdict(dict)
    partly = set()
    names = ("measure", "site_id", "patients", "expected")
    for measure, site, patients, expected in zip(*(comparison[name].to_pylist() for name in names), strict=True):
        if (measure, site) in counts:
            mean = round(expected / patients, _DIGITS_OF_RISK) if patients else 0.0
            of_measure[measure][site] = mean * counts[measure, site][0]
        else:
            partly.add(measure)
    shown: dict[tuple[str, str], float] = {}
    for measure, of_sites in of_measure.items():
        whole = sum(of_sites.values())
        is_known = measure not in partly and (measure, None) in counts and whole > 0
        times = counts[measure, None][1] / whole if is_known else 1.0
        shown |= {(measure, site): round(expected * times, 1) for site, expected in of_sites.items()}
    return shown


def _words(row: Mapping[str, Any], exact: Mapping[str, Any]) -> dict[str, str | None]:
    """The positions that are the exact ones too."""
    position, widened = (row[name] if row[name] == exact[name] else None for name in _WORDS)
    is_widened = exact["widened_position"] is not None
    return dict(zip(_WORDS, (None if is_widened and widened is None else position, widened), strict=True))
