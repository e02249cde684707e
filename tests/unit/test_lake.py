"""What a reader of the lake sees."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from outcomes.contract import TABLES, Table
from outcomes.lake import PROVENANCE, SUBMISSIONS, AsKnownOn, Lake, SubmissionRecord, TableCounts

_PATIENTS = TABLES["patients"]
_WRITTEN = pa.schema([*PROVENANCE, *_PATIENTS.schema])
_NUMBERS = count(1)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def _write(lake: Lake, period: str, patients: Iterable[str], attempt: int = 1, *, deleted: bool = False) -> str:
    """Write rows of an attempt; the id of the judgement that is to commit them."""
    submission_id = f"a-{period}-{attempt}"
    rows = [
        {"site_id": "a", "period": period, "submission_id": submission_id, "patient_id": patient, "deleted": deleted}
        for patient in patients
    ]
    judgement_id = f"{submission_id}-{next(_NUMBERS)}"
    lake.write_rows(_PATIENTS, pa.Table.from_pylist(rows, schema=_WRITTEN), judgement_id)
    return judgement_id


def _commit(lake: Lake, judgement_id: str, kind: str = "incremental", outcome: str = "accepted") -> SubmissionRecord:
    site, period, attempt = judgement_id[0], judgement_id[2:9], int(judgement_id[10])
    record = SubmissionRecord(
        judgement_id[:11],
        site,
        period,
        attempt,
        outcome,
        kind=kind,
        judgement_id=judgement_id,
        recorded_at=lake.next_time(site),
        tables=(TableCounts("patients", 1, 1, 0),),
    )
    lake.commit(record)
    return record


def _patients(lake: Lake, as_known_on: AsKnownOn = None) -> list[tuple[str, str]]:
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


def test_rows_of_a_try_that_never_committed_are_never_seen(lake: Lake) -> None:
    _write(lake, "2026-01", ["p1", "p2"])
    _commit(lake, _write(lake, "2026-01", ["p2", "p3"]))
    assert _patients(lake) == [("p2", "2026-01"), ("p3", "2026-01")]


def test_a_later_row_of_the_same_key_supersedes(lake: Lake) -> None:
    _commit(lake, _write(lake, "2026-02", ["p1"]))
    _commit(lake, _write(lake, "2026-01", ["p1"]))
    assert _patients(lake) == [("p1", "2026-02")]


def test_a_record_that_a_later_row_gives_to_another_patient_is_no_more_the_firsts(lake: Lake) -> None:
    images = TABLES["imaging"]
    for period, patient in (("2026-01", "p1"), ("2026-02", "p2")):
        judgement = _write(lake, period, ["p1", "p2"])
        row = {"site_id": "a", "period": period, "imaging_id": "i1", "patient_id": patient}
        schema = pa.schema([*PROVENANCE, *images.schema])
        lake.write_rows(images, pa.Table.from_pylist([row], schema=schema), judgement)
        _commit(lake, judgement)
    assert [_images_of(lake, patient) for patient in ("p1", "p2", "p3")] == [[], ["i1"], []]


def _images_of(lake: Lake, patient: str) -> list[str]:
    con = duckdb.connect()
    lake.attach_submissions(con, site_id="a")
    lake.load_patient(con, "a", patient)
    return [image for (image,) in con.execute("select imaging_id from imaging").fetchall()]


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


@pytest.mark.parametrize("corrected", ["incremental", "full"])
def test_a_mistaken_full_submission_hides_nothing_once_it_is_corrected(lake: Lake, corrected: str) -> None:
    _commit(lake, _write(lake, "2026-01", ["p1"]), kind="full")
    _commit(lake, _write(lake, "2026-02", ["p2"]), kind="full")
    assert _patients(lake) == [("p2", "2026-02")]
    _commit(lake, _write(lake, "2026-02", ["p3"], attempt=2), kind=corrected)
    kept = [("p1", "2026-01")] if corrected == "incremental" else []
    assert _patients(lake) == [*kept, ("p3", "2026-02")]


def test_a_withdrawn_submission_is_out_of_force_and_so_is_the_one_before(lake: Lake) -> None:
    _commit(lake, _write(lake, "2026-01", ["p1"]))
    _commit(lake, _write(lake, "2026-02", ["p2"]))
    second = _commit(lake, _write(lake, "2026-02", ["p3"], attempt=2), kind="full")
    lake.commit(replace(second, outcome="withdrawn", code="wrong_data", recorded_at=lake.next_time("a")))
    assert _patients(lake) == [("p1", "2026-01")]
    assert _status(lake)["a-2026-02-2"] == "withdrawn"
    lake.commit(replace(second, recorded_at=lake.next_time("a")))
    assert _patients(lake) == [("p3", "2026-02")]


def test_of_an_attempt_judged_again_the_newest_judgement_counts(lake: Lake) -> None:
    first = _commit(lake, _write(lake, "2026-01", ["p1"]))
    again = _commit(lake, _write(lake, "2026-01", ["p1", "p2"]))
    assert _patients(lake) == [("p1", "2026-01"), ("p2", "2026-01")]
    assert [each.judgement_id for each in lake.recorded("a", "2026-01")] == [again.judgement_id]
    refused = replace(again, outcome="refused", code="too_many_critical_rows", recorded_at=lake.next_time("a"))
    lake.commit(refused)
    assert _patients(lake) == []
    times = [each.recorded_at for each in (first, again, refused) if each.recorded_at]
    assert sorted(set(times)) == times
    assert len(times) == 3


def test_as_known_on_a_past_period(lake: Lake) -> None:
    _commit(lake, _write(lake, "2026-01", ["p1"]), kind="full")
    _commit(lake, _write(lake, "2026-02", ["p2"]))
    _commit(lake, _write(lake, "2026-03", ["p3"]), kind="full")
    assert _patients(lake, as_known_on="2026-02") == [("p1", "2026-01"), ("p2", "2026-02")]


def test_as_known_at_a_past_time(lake: Lake) -> None:
    """What was corrected, judged again or withdrawn later is seen as it was then."""
    first = _commit(lake, _write(lake, "2026-01", ["p1"]))
    again = _commit(lake, _write(lake, "2026-01", ["p1", "p2"]))
    corrected = _commit(lake, _write(lake, "2026-01", ["p3"], attempt=2))
    lake.commit(replace(corrected, outcome="withdrawn", code="wrong_data", recorded_at=lake.next_time("a")))
    assert _patients(lake) == []
    assert _patients(lake, corrected.recorded_at) == [("p3", "2026-01")]
    assert _patients(lake, again.recorded_at) == [("p1", "2026-01"), ("p2", "2026-01")]
    assert _patients(lake, first.recorded_at) == [("p1", "2026-01")]


def test_no_clock_makes_a_later_judgement_earlier(lake: Lake) -> None:
    ahead = datetime(2200, 1, 1, tzinfo=UTC)
    lake.commit(SubmissionRecord("a-2026-01-1", "a", "2026-01", 1, "accepted", recorded_at=ahead))
    assert lake.next_time("a") > ahead
    assert lake.next_time("b") < ahead


def test_many_commits_are_kept_in_few_files_and_none_is_lost(lake: Lake, tmp_path: Path) -> None:
    for number in range(70):
        lake.commit(SubmissionRecord(f"a-{number}", "a", f"{1950 + number}-01", 1, "refused", "file_empty"))
    assert len(lake.attempts("a")) == 70
    assert len(DeltaTable(str(tmp_path / "lake" / "submissions")).file_uris()) < 10


def test_attempts_are_recorded_in_order(lake: Lake) -> None:
    for submission in ("a-2026-01-2", "a-2026-01-1", "a-2026-02-1"):
        _commit(lake, submission)
    assert [record.attempt for record in lake.recorded("a", "2026-01")] == [1, 2]


def test_a_lake_of_before_synthetic_was_recorded_is_read_and_written(lake: Lake, tmp_path: Path) -> None:
    earlier = pa.schema(field for field in SUBMISSIONS if field.name != "is_synthetic")
    row = {"submission_id": "a-2026-01-1", "site_id": "a", "period": "2026-01", "attempt": 1, "outcome": "accepted"}
    write_deltalake(str(tmp_path / "lake" / "submissions"), pa.Table.from_pylist([row], schema=earlier))
    _write_as_earlier_versions(tmp_path, {"period": "2026-01", "submission_id": "a-2026-01-1", "patient_id": "p1"})
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
    lake.commit(SubmissionRecord("a-2026-01-1", "a", "2026-01", 1, "accepted"))
    nothing = dict.fromkeys(table.schema.names)
    assert _rows(lake, table) == [nothing | {table.key: "first"}]

    values = {field.name: pa.scalar(1).cast(field.type).as_py() for field in table.schema}
    later = values | {"period": "2026-02", "submission_id": "a-2026-02-1", table.key: "second", "deleted": False}
    whole = pa.schema([*PROVENANCE, *table.schema])
    lake.write_rows(table, pa.Table.from_pylist([provenance | later], schema=whole), "a-2026-02-1-x")
    _commit(lake, "a-2026-02-1-x")
    second = nothing | {name: value for name, value in later.items() if name in nothing}
    assert _rows(lake, table) == [nothing | {table.key: "first"}, second]


def _write_as_earlier_versions(home: Path, row: dict[str, str]) -> None:
    """Rows that know no judgement, only their submission."""
    rows = pa.Table.from_pylist([{"site_id": "a", **row}], schema=_WRITTEN)
    write_deltalake(str(home / "lake" / "patients"), rows, partition_by=["site_id", "period"])


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
