"""Cumulative incidences at a horizon beside the curves that show them."""

from typing import Any

import pyarrow as pa
import pytest

from outcomes.disclosure.incidences import HorizonCurves
from outcomes.sql.catalog.measures import Horizon

HORIZONS = {"revision_2_years": Horizon(outcome="revision", day=730)}
_POINT: dict[str, Any] = {"stratum_kind": "all", "stratum": None, "at_risk": 300, "events": 50, "incidence": 0.1}
_POINT |= {"low": 0.08, "high": 0.13, "state": "shown"}
CURVES = pa.Table.from_pylist(
    [_POINT | {"outcome": "revision", "day": day, "site_id": site} for day in (365, 730) for site in (None, "a")]
    + [_POINT | {"outcome": "asd", "day": 730, "site_id": "a"}]
)
_CELL: dict[str, Any] = {
    "measure": "revision_2_years",
    "resolution": "all",
    "index_period": None,
    "stratum_kind": "all",
}
_CELL |= {"stratum": None, "patients": 500}


def cells(**states: str) -> pa.Table:
    """Measures of all sites and of some, and what state they are in."""
    sites = {"everybody": None}
    rows = [_CELL | {"site_id": sites.get(site, site), "state": state} for site, state in states.items()]
    return pa.Table.from_pylist(rows)


def test_what_a_curve_shows_on_the_day_is_told_from_what_it_does_not() -> None:
    curves, measures = HorizonCurves.of(CURVES, HORIZONS), cells(everybody="shown", a="shown", b="shown")
    key = ("all", None, "all", None)
    assert curves.counts_shown(measures) == {("revision_2_years", None, key), ("revision_2_years", "a", key)}


@pytest.mark.parametrize("hidden", [None, "a"])
def test_what_the_measures_hide_the_curve_hides_on_the_day_of_the_horizon(hidden: str | None) -> None:
    curves = HorizonCurves.of(CURVES, HORIZONS)
    states = {"everybody": "shown", "a": "shown"} | {hidden or "everybody": "suppressed"}
    rows = curves.without_hidden(CURVES, cells(**states)).to_pylist()
    for row, before in zip(rows, CURVES.to_pylist(), strict=True):
        if (row["outcome"], row["day"], row["site_id"]) == ("revision", 730, hidden):
            assert row["state"] == "suppressed"
            assert {row[name] for name in ("at_risk", "events", "incidence", "low", "high")} == {None}
        else:
            assert row == before
