"""What a reader of the lake sees."""

from collections.abc import Iterable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from pyarrow import parquet

from outcomes.contract import TABLES, Table
from outcomes.lake import PROVENANCE, SUBMISSIONS, Lake, SubmissionRecord, TableCounts

_PATIENTS = TABLES["patients"]


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def _write(lake: Lake, period: str, patients: Iterable[str], attempt: int = 1, *, deleted: bool = False) -> str:
    submission_id = f"a-{period}-{attempt}"
    rows = [
        {"site_id": "a", "period": period, "submission_id": submission_id, "patient_id": patient, "deleted": deleted}
        for patient in patients
    ]
    schema = pa.schema([*PROVENANCE, *_PATIENTS.schema])
    lake.discard_rows(_PATIENTS, "a", period, submission_id)
    lake.write_rows(_PATIENTS, pa.Table.from_pylist(rows, schema=schema))
    return submission_id


def _commit(lake: Lake, submission_id: str, kind: str = "incremental", outcome: str = "accepted") -> None:
    site, period, attempt = submission_id[0], submission_id[2:9], int(submission_id[10:])
    counts = (TableCounts("patients", 1, 1, 0),)
    lake.commit(SubmissionRecord(submission_id, site, period, attempt, outcome, kind=kind, tables=counts))


def _patients(lake: Lake, as_known_on: str | None = None) -> list[tuple[str, str]]:
    con = duckdb.connect()
    lake.attach(con, as_known_on)
    return con.execute("select patient_id, period from patients order by patient_id").fetchall()


def _status(lake: Lake) -> dict[str, str]:
    con = duckdb.connect()
    lake.attach(con)
    return dict(con.execute("select submission_id, status from submissions").fetchall())


def test_an_empty_lake_has_every_table(lake: Lake) -> None:
    con = duckdb.connect()
    lake.attach(con)
    for table in TABLES.values():
        assert con.execute(f"select count(*) from {table.name}").fetchone() == (0,)
        assert [row[0] for row in con.execute(f"describe {table.name}").fetchall()] == [
            *PROVENANCE.names,
            *table.schema.names,
        ]


def test_rows_are_seen_only_once_committed(lake: Lake) -> None:
    submission = _write(lake, "2026-01", ["p1"])
    assert _patients(lake) == []
    _commit(lake, submission)
    assert _patients(lake) == [("p1", "2026-01")]


def test_a_second_try_without_rows_leaves_none_of_the_first(lake: Lake) -> None:
    _write(lake, "2026-01", ["p1"])
    _commit(lake, _write(lake, "2026-01", []))
    assert _patients(lake) == []


def test_discarding_takes_no_other_submission(lake: Lake) -> None:
    _commit(lake, _write(lake, "2026-01", ["p1"]))
    _write(lake, "2026-01", [], attempt=2)
    _write(lake, "2026-02", [])
    assert _patients(lake) == [("p1", "2026-01")]


def test_trying_again_doubles_no_row(lake: Lake, tmp_path: Path) -> None:
    _write(lake, "2026-01", ["p1", "p2"])
    _commit(lake, _write(lake, "2026-01", ["p1", "p2"]))
    assert _patients(lake) == [("p1", "2026-01"), ("p2", "2026-01")]
    # A reader would not see a doubled row, since one row a key is in force; the files would hold it.
    files = DeltaTable(str(tmp_path / "lake" / "patients")).file_uris()
    assert sum(parquet.read_metadata(file).num_rows for file in files) == 2


def test_a_later_row_of_the_same_key_supersedes(lake: Lake) -> None:
    _commit(lake, _write(lake, "2026-02", ["p1"]))
    _commit(lake, _write(lake, "2026-01", ["p1"]))
    assert _patients(lake) == [("p1", "2026-02")]


def test_a_tombstone_withdraws_and_a_later_row_brings_back(lake: Lake) -> None:
    _commit(lake, _write(lake, "2026-01", ["p1"]))
    _commit(lake, _write(lake, "2026-02", ["p1"], deleted=True))
    assert _patients(lake) == []
    _commit(lake, _write(lake, "2026-03", ["p1"]))
    assert _patients(lake) == [("p1", "2026-03")]


def test_a_resubmission_supersedes_the_old_one_whole(lake: Lake) -> None:
    _commit(lake, _write(lake, "2026-01", ["p1", "p2"]))
    _commit(lake, _write(lake, "2026-01", ["p3"], attempt=2))
    assert _patients(lake) == [("p3", "2026-01")]
    assert _status(lake) == {"a-2026-01-1": "superseded", "a-2026-01-2": "accepted"}


def test_a_refused_attempt_supersedes_nothing(lake: Lake) -> None:
    _commit(lake, _write(lake, "2026-01", ["p1"]))
    _commit(lake, "a-2026-01-2", outcome="refused")
    assert _patients(lake) == [("p1", "2026-01")]
    assert _status(lake) == {"a-2026-01-1": "accepted", "a-2026-01-2": "refused"}


def test_a_full_submission_replaces_earlier_periods_only(lake: Lake) -> None:
    _commit(lake, _write(lake, "2026-01", ["p1"]), kind="full")
    _commit(lake, _write(lake, "2026-02", ["p2"]))
    _commit(lake, _write(lake, "2026-04", ["p4"]))
    _commit(lake, _write(lake, "2026-03", ["p3"]), kind="full")
    assert _patients(lake) == [("p3", "2026-03"), ("p4", "2026-04")]


def test_as_known_on_a_past_period(lake: Lake) -> None:
    _commit(lake, _write(lake, "2026-01", ["p1"]), kind="full")
    _commit(lake, _write(lake, "2026-02", ["p2"]))
    _commit(lake, _write(lake, "2026-03", ["p3"]), kind="full")
    assert _patients(lake, as_known_on="2026-02") == [("p1", "2026-01"), ("p2", "2026-02")]


def test_attempts_are_recorded_in_order(lake: Lake) -> None:
    for submission in ("a-2026-01-2", "a-2026-01-1", "a-2026-02-1"):
        _commit(lake, submission)
    assert [record.attempt for record in lake.recorded("a", "2026-01")] == [1, 2]


def test_a_lake_of_before_synthetic_was_recorded_is_read_and_written(lake: Lake, tmp_path: Path) -> None:
    earlier = pa.schema(field for field in SUBMISSIONS if field.name != "is_synthetic")
    row = {"submission_id": "a-2026-01-1", "site_id": "a", "period": "2026-01", "attempt": 1, "outcome": "accepted"}
    write_deltalake(str(tmp_path / "lake" / "submissions"), pa.Table.from_pylist([row], schema=earlier))
    _write(lake, "2026-01", ["p1"])
    assert _patients(lake) == [("p1", "2026-01")]
    assert _synthetic(lake) == {"a-2026-01-1": False}

    lake.commit(SubmissionRecord("a-2026-02-1", "a", "2026-02", 1, "accepted", is_synthetic=True))
    lake.commit(SubmissionRecord("a-2026-03-1", "a", "2026-03", 1, "accepted"))
    assert _synthetic(lake) == {"a-2026-01-1": False, "a-2026-02-1": True, "a-2026-03-1": False}
    assert [record.is_synthetic for record in lake.recorded("a", "2026-01")] == [False]
    assert [record.is_synthetic for record in lake.recorded("a", "2026-02")] == [True]


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_a_table_of_before_its_columns_is_read_and_written(table: Table, lake: Lake, tmp_path: Path) -> None:
    """Columns that the contract got later are null of their type, in the contract's order, and never an error."""
    provenance = {"site_id": "a", "period": "2026-01", "submission_id": "a-2026-01-1"}
    earlier = pa.schema([*PROVENANCE, pa.field(table.key, pa.string())])
    first = pa.Table.from_pylist([provenance | {table.key: "first"}], schema=earlier)
    write_deltalake(str(tmp_path / "lake" / table.name), first, partition_by=["site_id", "period"])
    _commit(lake, "a-2026-01-1")
    nothing = dict.fromkeys(table.schema.names)
    assert _rows(lake, table) == [nothing | {table.key: "first"}]

    values = {field.name: pa.scalar(1).cast(field.type).as_py() for field in table.schema}
    later = values | {"period": "2026-02", "submission_id": "a-2026-02-1", table.key: "second", "deleted": False}
    whole = pa.schema([*PROVENANCE, *table.schema])
    lake.discard_rows(table, "a", "2026-02", "a-2026-02-1")
    lake.write_rows(table, pa.Table.from_pylist([provenance | later], schema=whole))
    _commit(lake, "a-2026-02-1")
    second = nothing | {name: value for name, value in later.items() if name in nothing}
    assert _rows(lake, table) == [nothing | {table.key: "first"}, second]


def _rows(lake: Lake, table: Table) -> list[dict[str, object]]:
    with duckdb.connect() as con:
        lake.attach(con)
        rows = con.sql(f"from {table.name} order by {table.key}").to_arrow_table()
    assert rows.schema == pa.schema([*PROVENANCE, *table.schema])
    contract: list[dict[str, object]] = rows.select(table.schema.names).to_pylist()
    return contract


def _synthetic(lake: Lake) -> dict[str, bool]:
    with duckdb.connect() as con:
        lake.attach(con)
        return dict(con.execute("select submission_id, is_synthetic from submissions").fetchall())
