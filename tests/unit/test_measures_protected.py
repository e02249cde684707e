"""The measures in the form that may be shown: what is hidden, what is rounded, and what each state means."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from outcomes.disclosure.lattice import UNNESTED, Nesting
from outcomes.disclosure.measures import protected_exclusions, protected_measures, safe_measures
from outcomes.disclosure.suppression import before_rounding, rounded

MINIMUM = 11
Answers = tuple[int, int, int]


def test_counts_are_rounded_and_shares_are_of_the_rounded_counts() -> None:
    row = _shown({"pain": {"a": (33, 63, 22), "b": (41, 60, 18)}})["pain", "a"]
    assert (row["numerator"], row["patients"], row["excluded"]) == (35, 100, 20)
    assert row["estimate"] == pytest.approx(0.35)
    assert row["estimate_low"] < 0.35 < row["estimate_high"]
    assert row["state"] == "shown"


def test_suppressed_zero_and_missing_are_three_states() -> None:
    shown = _shown(
        {
            "pain": {"a": (0, 60, 20), "b": (30, 50, 0), "c": (40, 40, 0)},
            "asd": {"a": (0, 0, 80), "b": (30, 50, 0), "c": (40, 40, 0)},
            "revision": {"a": (3, 77, 0), "b": (30, 50, 0), "c": (40, 40, 0)},
        }
    )
    assert (shown["pain", "a"]["state"], shown["pain", "a"]["estimate"]) == ("zero", 0.0)
    assert (shown["asd", "a"]["state"], shown["asd", "a"]["patients"]) == ("missing", 0)
    assert shown["asd", "a"]["estimate"] is None
    suppressed = shown["revision", "a"]
    assert suppressed["state"] == "suppressed"
    assert {suppressed[name] for name in ("numerator", "patients", "excluded", "estimate", "estimate_low")} == {None}


def test_a_hidden_site_is_hidden_with_another_or_its_sum_is_hidden() -> None:
    shown = _shown({"revision": {"a": (3, 77, 0), "b": (30, 50, 0), "c": (40, 40, 0)}})
    hidden = {site for (_, site), row in shown.items() if row["state"] == "suppressed"}
    assert "a" in hidden
    assert len(hidden) > 1


def test_a_measure_that_lies_within_another_is_hidden_where_the_difference_is_small() -> None:
    measures = {
        "revision": {"a": (40, 60, 0), "b": (40, 60, 0), "c": (40, 60, 0)},
        "fusion": {"a": (37, 63, 0), "b": (20, 80, 0), "c": (20, 80, 0)},
    }
    apart = _shown(measures)
    within = _shown(measures, Nesting(part_of=frozenset({("fusion", "revision")})))
    assert apart["fusion", "a"]["state"] == "shown"
    assert within["fusion", "a"]["state"] == "suppressed"
    assert within["revision", "a"]["state"] == "shown"


def test_reasons_of_a_hidden_measure_are_hidden_and_small_ones_have_others_hidden() -> None:
    measures = protected_measures(_counts({"pain": {"a": (40, 40, 55), "b": (40, 40, 0)}}), MINIMUM)
    exclusions = pa.table(
        {
            "measure": ["pain"] * 4,
            "site_id": pa.array([None] * 4, pa.string()),
            "reason": ["a", "b", "c", "d"],
            "patients": [3, 20, 32, 0],
        }
    )
    rows = protected_exclusions(exclusions, measures, MINIMUM).to_pylist()
    assert [(row["reason"], row["patients"], row["state"]) for row in rows] == [
        ("a", None, "suppressed"),
        ("b", None, "suppressed"),
        ("c", 30, "shown"),
        ("d", 0, "zero"),
    ]


@pytest.mark.parametrize("minimum_cell_count", [5, 11, 20])
def test_rounding_never_shows_a_small_count_and_can_be_undone_to_an_interval(minimum_cell_count: int) -> None:
    counts = np.array([0, *range(minimum_cell_count, 200)])
    shown = rounded(counts, minimum_cell_count)
    assert shown[0] == 0
    assert (shown[1:] >= minimum_cell_count).all()
    low, high = before_rounding(shown, minimum_cell_count)
    assert ((low <= counts) & (counts <= high)).all()


def _shown(measures: dict[str, dict[str, Answers]], nesting: Nesting = UNNESTED) -> dict[tuple[str, Any], Any]:
    """The protected rows by measure and site (None = all sites)."""
    table = safe_measures(_counts(measures), MINIMUM, nesting)
    return {(row["measure"], row["site_id"]): row for row in table.to_pylist()}


def _counts(measures: dict[str, dict[str, Answers]]) -> pa.Table:
    """The relation `measure_counts` of measures by site, with the sums over all sites."""
    everybody = {"resolution": "all", "period": None, "stratum_kind": "all", "stratum": None}
    rows = [
        {"measure": measure, "site_id": site, **everybody, "numerator": yes, "patients": yes + no, "excluded": excluded}
        for measure, sites in measures.items()
        for site, (yes, no, excluded) in [(None, np.sum([*sites.values()], axis=0).tolist()), *sites.items()]
    ]
    text, count = pa.string(), pa.int64()
    names = dict.fromkeys(("measure", "site_id", *everybody), text)
    schema = pa.schema(names | dict.fromkeys(("numerator", "patients", "excluded", "days"), count))
    return pa.Table.from_pylist([row | {"days": None} for row in rows], schema=schema)
