"""A column that is said to follow from what is shown is made anew from what is shown, and is the same."""

from collections.abc import Callable

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from outcomes.disclosure.measures import shown_counts
from outcomes.measures.comparison import compared, estimates
from outcomes.measures.estimates import DAYS_PER_YEAR, with_intervals
from outcomes.measures.risk_models import calibration_table
from outcomes.settings import Settings
from outcomes.sql.catalog.marts import Mart, protected_marts
from outcomes.sql.catalog.measures import measure_definitions

Tables = dict[str, pa.Table]


@pytest.fixture(scope="module")
def shown(documented_registry: Settings) -> Tables:
    """Every protected mart of a release."""
    with duckdb.connect(str(documented_registry.releases / "current" / "dashboard.duckdb"), read_only=True) as con:
        return {mart.name: con.table(mart.name).to_arrow_table() for mart in protected_marts()}


def _measures(tables: Tables) -> tuple[pa.Table, pa.Table]:
    """Shares and rates; incidences are those of the curves."""
    curves = pa.array([measure.id for measure in measure_definitions() if measure.horizon], pa.string())
    table = tables["measures"].filter(pc.invert(pc.is_in(tables["measures"]["measure"], curves)))
    table = table.filter(pc.is_valid(table["patients"]))
    days = pc.multiply(table["person_years"], DAYS_PER_YEAR)
    return table, with_intervals(table.select(["numerator", "patients"]).append_column("days", days))


def _comparison(tables: Tables) -> tuple[pa.Table, pa.Table]:
    table = tables["site_comparison"]
    table = table.filter(pc.equal(table["state"], "shown")).sort_by(
        [("measure", "ascending"), ("site_id", "ascending")]
    )
    counts = shown_counts(tables["measures"])
    keys = [*zip(table["measure"].to_pylist(), table["site_id"].to_pylist(), strict=True)]
    patients, observed = (pa.array([counts[key][place] for key in keys], pa.int64()) for place in (0, 1))
    eligible = table["eligible"].cast(pa.float64())
    known = {name: table[name] for name in ("measure", "site_id", "marking", "eligible", "expected")}
    known |= {"patients": patients, "observed": observed, "in_effect": pc.multiply(eligible, table["completeness"])}
    return table, compared(pa.table(known), estimates(tables["measures"]))


def _models(tables: Tables) -> tuple[pa.Table, pa.Table]:
    table = tables["risk_models"].filter(pc.equal(tables["risk_models"]["state"], "shown"))
    counts = [shown_counts(tables["measures"])[measure, None] for measure in table["measure"].to_pylist()]
    patients, events = zip(*counts, strict=True)
    return table, pa.table({"patients": patients, "events": events})


def _calibration(tables: Tables) -> tuple[pa.Table, pa.Table]:
    table = tables["risk_calibration"].filter(pc.equal(tables["risk_calibration"]["state"], "shown"))
    columns = (table[name].to_numpy() for name in ("last_tenth", "patients", "observed", "expected"))
    return table, calibration_table("", *columns)


ANEW: dict[str, Callable[[Tables], tuple[pa.Table, pa.Table]]] = {
    "measures": _measures,
    "site_comparison": _comparison,
    "risk_models": _models,
    "risk_calibration": _calibration,
}
"""The rows that are shown of each mart with derived columns, and the same rows made anew."""


@pytest.mark.parametrize("mart", protected_marts(), ids=lambda mart: mart.name)
def test_what_is_derived_follows_from_what_is_shown(mart: Mart, shown: Tables) -> None:
    derived = [column.name for column in mart.columns if "derived" in column.protection]
    if not derived:
        return
    rows, anew = ANEW[mart.name](shown)
    assert len(rows) > 0
    for name in derived:
        values, again = rows[name].to_pylist(), anew[name].to_pylist()
        assert again == pytest.approx(values, abs=1e-9, nan_ok=True) if None not in values else again == values, name
