"""The incidences of the cube do not hang on the order of the rows, not by their last bit."""

import random

import duckdb
import pyarrow as pa

from outcomes.measures.incidences import incidence_table
from outcomes.sql.catalog.measures import measure_definitions


def _groups_and_ends(order: int) -> duckdb.DuckDBPyConnection:
    """Two thousand patients of seven sites, by rows in one order or the other."""
    draw = random.Random(3)
    measure, horizon = next((each.id, each.horizon) for each in measure_definitions() if each.horizon)
    groups = [
        {
            **{"site_id": f"site-{number % 7}", "patient_id": f"p{number}"},
            **{"index_period": f"2024-{number % 12 + 1:02}", "approach": draw.choice(["anterior", "posterior"])},
            **{"levels_band": "1", "age_band": "45-64", "indication": "myelopathy"},
        }
        for number in range(2000)
    ]
    ends = [
        {
            **{"measure": measure, "site_id": group["site_id"], "patient_id": group["patient_id"], "status": "yes"},
            **{"day": draw.randint(0, horizon.day), "cause": draw.choice([0, 0, 1, 2])},
        }
        for group in groups
    ]
    con = duckdb.connect(config={"threads": 1})
    for name, rows in (("measure_groups", groups), ("within_horizons", ends)):
        con.register("rows_given", pa.Table.from_pylist(rows[::order]))
        con.execute(f"create table {name} as from rows_given")
    return con


def test_the_order_of_the_rows_changes_no_bit() -> None:
    with _groups_and_ends(1) as one, _groups_and_ends(-1) as other:
        rows = [sorted(incidence_table(con).to_pylist(), key=str) for con in (one, other)]
    assert rows[0] == rows[1]


def test_where_no_patient_has_a_month_there_is_no_month() -> None:
    with _groups_and_ends(1) as con:
        con.execute("update measure_groups set index_period = '2024'")
        resolutions = {row["resolution"] for row in incidence_table(con).to_pylist()}
        assert resolutions == {"all", "year"}
        con.execute("delete from measure_groups")
        assert incidence_table(con).to_pylist() == []
