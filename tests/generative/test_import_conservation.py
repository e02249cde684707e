"""Whatever a hospital's files hold, each of their rows is delivered or counted as left out, exactly once."""

import csv
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from outcomes.intake.sources.crosswalk import Crosswalk
from outcomes.intake.sources.engine import count, make_tables
from outcomes.intake.sources.mapping import parse_mapping
from outcomes.intake.sources.table import table_source
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from tests.support.examples import examples

MAPPING, PROBLEMS = parse_mapping("""
method = "limited_data_set"
[[patients]]
file = "patients.csv"
[patients.columns]
patient_id = "mrn"
birth_date = "born"
[[procedures]]
file = "procedures.csv"
where = [{ column = "status", is_not = ["planned"] }]
[procedures.columns]
procedure_id = "id"
patient_id = "mrn"
date = { from = "date", date_format = "%d.%m.%Y" }
code = "code"
code_system = { constant = "CPT" }
[[follow_ups]]
file = "proms.csv"
for_each = ["a", "b"]
[follow_ups.columns]
patient_id = "mrn"
date = "date_{}"
neck_pain_nrs = { from = "nrs_{}", reverse = 10 }
""")

KEYS = st.sampled_from(["1001", "1002", " 1002", "1003", "nobody", "NA", ""])
DATES = st.sampled_from(
    ["2023-05-17", "2021-02-28 23:59", "17.05.2023", "2023-05", "2026-01-01", "9999-12-31", "x", ""]
)
CODES = st.sampled_from(["22551", " 22551.0", "22552", "99213", ""])
ANSWERS = st.sampled_from(["0", "7,5", "99", "much", ""])


def _rows(*cells: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, ...]]]:
    return st.lists(st.tuples(*cells), max_size=12)


def _write(file: Path, header: str, rows: Iterable[tuple[str, ...]], separator: str, encoding: str) -> int:
    """Write a file; how many of its rows are not blank."""
    with file.open("w", encoding=encoding, newline="") as lines:
        csv.writer(lines, delimiter=separator).writerows([header.split(), *rows])
    return sum(any(cell.strip() for cell in row) for row in rows)


@settings(max_examples=examples(10), deadline=None)
@given(
    patients=_rows(KEYS, DATES),
    procedures=_rows(
        st.sampled_from(["1", "2", "3", ""]), KEYS, DATES, CODES, st.sampled_from(["done", "planned", ""])
    ),
    proms=_rows(KEYS, DATES, ANSWERS, DATES, ANSWERS),
    separator=st.sampled_from(",;\t|"),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_each_row_is_delivered_or_counted(
    patients: list[tuple[str, ...]],
    procedures: list[tuple[str, ...]],
    proms: list[tuple[str, ...]],
    separator: str,
    encoding: str,
) -> None:
    assert MAPPING
    assert not PROBLEMS
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        written = {
            "patients": _write(folder / "patients.csv", "mrn born", patients, separator, encoding),
            "procedures": _write(folder / "procedures.csv", "id mrn date code status", procedures, separator, encoding),
            "follow_ups": 2 * _write(folder / "proms.csv", "mrn date_a nrs_a date_b nrs_b", proms, separator, encoding),
        }
        crosswalk = Crosswalk(folder / "keys.csv")
        with connect(Settings(home=folder)) as con:
            _, left_out = make_tables(con, table_source(MAPPING, folder), crosswalk, "2025-06", folder)
            for table, rows in written.items():
                more = sum(one.rows for one in left_out if one.table == table and one.column is None)
                assert count(con, f"from {table}") + more == rows, table
            assert not count(con, "from procedures where day is null or patient_id is null")
            assert not count(con, "from (select patient_id from patients group by patient_id having count(*) > 1)")
            fused = "select patient_id from procedures where day = 0"
            assert not count(con, f"from patients where patient_id not in ({fused})")
