"""Which patients take part in the cumulative sums: those of mature months."""

from collections.abc import Iterator

import duckdb
import pytest

from outcomes.measures import build, cusum
from outcomes.measures.cusum import monitored_outcomes
from outcomes.sql.catalog.measures import measure_definitions


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    """Patients of four periods, and one of none, with an outcome that waits, one that does not, and one over time."""
    with duckdb.connect() as con:
        con.execute(
            "create table episodes as "
            "select 'north' as site_id, coalesce(period, 'unknown') as patient_id, period as index_period "
            "from (values ('2024-09'), ('2024-10'), ('2023'), ('2024'), (null)) as periods (period)"
        )
        con.execute(
            "create table expected_outcomes as select measure, site_id, patient_id, 0.5 as expected, false as observed "
            "from episodes cross join (values ('waits'), ('at_once'), ('over_time')) as measures (measure)"
        )
        con.execute(
            "create table immature_months as select measure, '2024-10' as first_period "
            "from (values ('waits'), ('over_time')) as measures (measure)"
        )
        yield con


def test_immature_months_take_no_part_and_a_year_counts_as_its_last_month(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cusum, "headline_measures", lambda: ("at_once", "over_time", "waits"))
    monkeypatch.setattr(cusum, "is_over_time", "over_time".__eq__)
    rows = monitored_outcomes(con).to_pylist()
    periods = {
        name: sorted(row["index_period"] for row in rows if row["measure"] == name)
        for name in ("waits", "at_once", "over_time")
    }
    assert periods == {
        "waits": ["2023", "2024-09"],
        "at_once": ["2023", "2024", "2024-09", "2024-10"],
        "over_time": ["2023", "2024", "2024-09", "2024-10"],
    }


@pytest.mark.parametrize(
    ("latest", "measure", "first"),
    [
        ("2026-09", "revision_1_year", "2025-10"),
        ("2026-01", "revision_1_year", "2025-02"),
        ("2025-12", "asd_2_years", "2024-01"),
        ("2025-12", "readmission_30_days", "2025-12"),
        ("2025-12", "revision_5_years", "2021-01"),
    ],
)
def test_a_month_waits_until_every_patient_could_reach_the_horizon(latest: str, measure: str, first: str) -> None:
    with duckdb.connect() as con:
        con.execute(f"create table submissions as select '{latest}' as period, 'accepted' as status")
        con.execute("insert into submissions values ('2099-01', 'refused')")
        found = build._immature_from(con)
    assert found[measure] == first
    assert {*found} == {measure.id for measure in measure_definitions() if measure.horizon}


def test_without_an_accepted_submission_nothing_waits() -> None:
    with duckdb.connect() as con:
        con.execute("create table submissions (period varchar, status varchar)")
        assert build._immature_from(con) == {}


def test_a_month_of_a_horizon_counts_the_patients_followed_in_effect() -> None:
    """40 patients of whom half were lost: 4 events are an incidence of 0.2, as if 20 had been followed."""
    rows = [("incidence", 4, 40, 0.2), ("incidence", 0, 40, 0.0), ("incidence", 4, 40, None), ("share", 4, 40, 0.1)]
    with duckdb.connect() as con:
        con.execute("create table measure_estimates (unit varchar, numerator bigint, patients bigint, estimate double)")
        con.executemany("insert into measure_estimates values (?, ?, ?, ?)", rows)
        assert build._followed(con)["patients"].to_pylist() == [20, 40, 40, 40]
