"""A submission's way in: rows conserved, the lake committed last, again = no change, a newer one supersedes."""

import datetime
import shutil
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from outcomes import pipeline
from outcomes.contract import CONTRACT_VERSION, TABLES
from outcomes.errors import SubmissionRefused
from outcomes.intake.landing import deliveries
from outcomes.intake.manifest import Kind, write_manifest
from outcomes.intake.submission import ingest_submission
from outcomes.lake import BlankedCells, Lake, SubmissionRecord
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from tests.support.files import snapshot
from tests.support.submissions import Row, diagnosis, follow_up, fusion, image, patient, write_submission


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, max_critical_share=1.0)


def two_patients() -> dict[str, list[Row]]:
    return {"patients": [patient(), patient("p000002")], "procedures": [fusion(), fusion("p000002")]}


def take_in(
    settings: Settings, site_id: str, period: str, tables: dict[str, list[Row]], **stated: Any
) -> SubmissionRecord:
    """Write the submission, and take it in."""
    write_submission(settings, site_id, period, tables, **stated)
    return ingest_submission(settings, site_id, period)


def broken(record: SubmissionRecord) -> dict[str, int]:
    """How many rows broke each rule that was broken."""
    return {result.rule: result.rows_failed for result in record.rules if result.rows_failed}


def query(settings: Settings, sql: str, as_known_on: str | None = None) -> list[tuple[Any, ...]]:
    with connect(settings) as con:
        Lake(settings.lake).attach(con, as_known_on)
        return con.sql(sql).fetchall()


def test_rows_come_through_with_provenance_types_and_flags(settings: Settings) -> None:
    tables = two_patients() | {
        "follow_ups": [
            follow_up(neck_pain_nrs=4.5),
            follow_up(day=761),
            follow_up(day=42, neck_pain_nrs=11, arm_pain_nrs=2),
        ],
        "diagnoses": [diagnosis(code="m50.121", encounter_id="e-unknown")],
    }
    record = take_in(settings, "site-a", "2026-01", tables)
    assert (record.outcome, record.code, record.attempt) == ("accepted", None, 1)
    assert (record.rows_in, record.rows_accepted, record.rows_quarantined) == (8, 7, 1)
    assert [(one.source_table, one.rows_in, one.rows_accepted, one.rows_quarantined) for one in record.tables] == [
        ("patients", 2, 2, 0),
        ("procedures", 2, 2, 0),
        ("diagnoses", 1, 1, 0),
        ("follow_ups", 3, 2, 1),
    ]
    rows = query(
        settings, "select site_id, period, submission_id, flags, day, neck_pain_nrs from follow_ups order by day"
    )
    assert rows == [
        ("site-a", "2026-01", record.submission_id, "FUP-008", 42, None),
        ("site-a", "2026-01", record.submission_id, None, 365, 4.5),
    ]
    assert query(settings, "select code, flags from diagnoses") == [("M50121", "DIA-004")]
    failed = {(result.rule, result.severity, result.rows_failed) for result in record.rules if result.rows_failed}
    assert failed == {("FUP-007", "critical", 1), ("FUP-008", "warning", 1), ("DIA-004", "warning", 1)}
    assert record.blanked == (BlankedCells("follow_ups", "FUP-008", "neck_pain_nrs", 1),)
    assert query(settings, "select unnest(blanked, recursive := true) from submissions") == [
        ("follow_ups", "FUP-008", "neck_pain_nrs", 1)
    ]


def test_a_number_beyond_all_reason_refuses_and_is_quoted_nowhere(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    visits = [follow_up(), follow_up(day=-(2**63)), follow_up(day=2**62)]
    with pytest.raises(SubmissionRefused) as refused:
        take_in(settings, "site-a", "2026-01", two_patients() | {"follow_ups": visits})
    assert refused.value.code == "identifier_found"
    assert "follow_ups.day: large_number, 2 rows" in refused.value.where
    assert str(2**62) not in f"{refused.value}{caplog.text}"


def test_a_key_that_a_spreadsheet_would_run_is_quarantined(settings: Settings) -> None:
    record = take_in(settings, "site-a", "2026-01", two_patients() | {"imaging": [image(imaging_id="=1+1")]})
    assert broken(record).keys() == {"imaging.type", "IMG-001"}


def test_what_an_earlier_try_wrote_does_not_come_back(settings: Settings, tmp_path: Path) -> None:
    """A crash left rows of the submission in the lake; taken in again, its table has no acceptable row any more."""
    folder = write_submission(settings, "site-a", "2026-01", two_patients() | {"imaging": [image()]})
    other = Settings(home=tmp_path / "other", max_critical_share=0.5)
    shutil.copytree(folder, other.landing / "site-a" / "2026-01")
    record = ingest_submission(other, "site-a", "2026-01")
    rows = parquet.read_table(next((other.lake / "imaging").rglob("*.parquet")))
    for column, value in (("site_id", "site-a"), ("period", "2026-01"), ("imaging_id", "left-over")):
        if column in rows.column_names:
            rows = rows.drop_columns(column)
        rows = rows.append_column(column, pa.array([value], pa.string()))
    Lake(settings.lake).write_rows(TABLES["imaging"], rows, f"{record.submission_id}-left-over")
    assert ingest_submission(settings, "site-a", "2026-01").submission_id == record.submission_id
    assert query(settings, "select imaging_id from imaging") == [("p000001-image365",)]


def test_a_month_without_procedures_is_delivered_with_a_header_alone(settings: Settings) -> None:
    write_submission(settings, "site-a", "2026-01", two_patients())
    write_submission(
        settings,
        "site-a",
        "2026-02",
        {"patients": [patient()], "procedures": [], "imaging": [image()]},
        kind="incremental",
    )
    ingest_submission(settings, "site-a", "2026-01")
    record = ingest_submission(settings, "site-a", "2026-02")
    assert (record.rows_in, record.rows_accepted) == (2, 2)
    assert query(settings, "select count(*) from procedures") == [(2,)]


def test_quarantined_and_blanked_rows_stand_as_delivered_with_codes_and_reasons(settings: Settings) -> None:
    visits = [
        follow_up(),
        follow_up(day="x1", neck_pain_nrs=11),
        follow_up(day=42, neck_pain_nrs=" 99", arm_pain_nrs="1_0"),
    ]
    record = take_in(settings, "site-a", "2026-01", two_patients() | {"follow_ups": visits})
    folder = settings.quarantine / "site-a" / "2026-01" / record.submission_id
    assert [path.name for path in folder.iterdir()] == ["follow_ups.parquet"]
    with connect(settings) as con:
        rows = con.sql(
            "select outcome, day, neck_pain_nrs, arm_pain_nrs, row_number, rules, reasons "
            f"from read_parquet('{folder}/follow_ups.parquet')"
        ).fetchall()
    wrong_type, too_high = "a cell is not of its column's type", "neck_pain_nrs is outside 0 to 10"
    no_day = f"{wrong_type}; day is missing; {too_high}"
    assert rows == [
        ("quarantined", "x1", "11", None, 2, "follow_ups.type;FUP-004;FUP-008", no_day),
        ("blanked", "42", " 99", "1_0", 3, "follow_ups.type;FUP-008", f"{wrong_type}; {too_high}"),
    ]
    assert (record.rows_in, record.rows_accepted, record.rows_quarantined) == (7, 6, 1), "a copy is no refused row"


def test_parquet_and_csv_are_taken_in_alike(settings: Settings) -> None:
    folder = write_submission(settings, "site-a", "2026-01", two_patients())
    ingest_submission(settings, "site-a", "2026-01")
    other = settings.landing / "site-b" / "2026-01"
    other.mkdir(parents=True)
    with connect(settings) as con:
        for path in folder.glob("*.csv"):
            con.sql(f"select * from read_csv('{path}')").write_parquet(str(other / f"{path.stem}.parquet"))
    write_manifest(
        other,
        site_id="site-b",
        period="2026-01",
        kind="full",
        deidentification_method="limited_data_set",
        data_cut=datetime.date(2025, 6, 1),
    )
    ingest_submission(settings, "site-b", "2026-01")
    columns = "patient_id, sex, age_years, bmi, diabetes, index_period, data_cut_day"
    of_a = query(settings, f"select {columns} from patients where site_id = 'site-a' order by 1")
    of_b = query(settings, f"select {columns} from patients where site_id = 'site-b' order by 1")
    assert of_a == of_b != []


def test_the_same_submission_again_changes_nothing(settings: Settings) -> None:
    visits = [follow_up(neck_pain_nrs=11)]
    first = take_in(settings, "site-a", "2026-01", two_patients() | {"follow_ups": visits})
    before = snapshot(settings.lake, settings.quarantine)
    again = ingest_submission(settings, "site-a", "2026-01")
    assert (again.submission_id, again.attempt, again.rows_in) == (first.submission_id, 1, first.rows_in)
    assert snapshot(settings.lake, settings.quarantine) == before


def test_a_new_submission_for_a_period_supersedes_the_old_one_whole(settings: Settings) -> None:
    old = take_in(settings, "site-a", "2026-01", two_patients())
    new = take_in(settings, "site-a", "2026-01", {"patients": [patient(bmi=30)], "procedures": [fusion()]})
    assert new.attempt == 2
    assert query(settings, "select submission_id, status from submissions order by attempt") == [
        (old.submission_id, "superseded"),
        (new.submission_id, "accepted"),
    ]
    assert query(settings, "select patient_id, bmi from patients") == [("p000001", 30.0)]
    assert query(settings, "select patient_id from procedures") == [("p000001",)]

    back = take_in(settings, "site-a", "2026-01", two_patients())
    assert (back.submission_id, back.attempt) == (old.submission_id, 3)
    assert query(settings, "select patient_id, bmi from patients order by 1") == [("p000001", 27.4), ("p000002", 27.4)]


def test_an_increment_rests_on_earlier_patients_and_a_full_submission_does_not(settings: Settings) -> None:
    take_in(settings, "site-a", "2026-01", two_patients())
    increment = {
        "patients": [patient("p000003")],
        "procedures": [fusion("p000003")],
        "follow_ups": [follow_up(day=800), follow_up("p000002"), follow_up("p000003"), follow_up("p-unknown")],
    }
    record = take_in(settings, "site-a", "2026-02", increment, kind="incremental")
    assert broken(record) == {"FUP-003": 1, "FUP-007": 1}
    assert query(settings, "select count(*) from patients") == [(3,)]
    assert query(settings, "select patient_id, flags from follow_ups order by 1") == [
        ("p000002", None),
        ("p000003", None),
    ]
    assert (record.rows_quarantined, record.rows_pending) == (1, 1)
    full = take_in(settings, "site-a", "2026-02", increment, kind="full")
    assert (full.rows_quarantined, full.rows_pending) == (0, 3)


def test_a_day_after_the_cut_in_force_needs_the_patients_new_row(settings: Settings) -> None:
    """The cut is that of the patient's row in the same submission, else of the row in force.

    Without one the date of the extract says what cannot be.
    """
    without_cut = patient("p000002", data_cut_day=None)
    take_in(settings, "site-a", "2026-01", two_patients() | {"patients": [patient(), without_cut]})
    later = {
        "patients": [patient("p000003")],
        "procedures": [fusion("p000003"), fusion(procedure_id="late", day=900)],
        "follow_ups": [
            follow_up(day=760),
            follow_up(day=761),
            *(follow_up("p000002", day=day) for day in (1492, 1493)),
        ],
        "encounters": [
            {"encounter_id": "e1", "patient_id": "p000001", "start_day": 700, "end_day": 900, "type": "inpatient"}
        ],
    }
    record = take_in(settings, "site-a", "2026-02", later, kind="incremental")
    assert broken(record) == {"PRO-008": 1, "FUP-007": 1, "FUP-051": 1, "ENC-013": 1}
    assert [one.reason for one in record.rules if one.rule == "FUP-007"] == [
        "day is after the patient's data cut: deliver the patient's row with the new data_cut_day"
    ]
    assert query(settings, "select start_day, end_day from encounters") == [(700, None)]
    later["patients"].append(patient(data_cut_day=900))
    assert broken(take_in(settings, "site-a", "2026-02", later, kind="incremental")) == {"FUP-051": 1}
    assert query(settings, "select start_day, end_day from encounters") == [(700, 900)]


@pytest.mark.parametrize("cut", [None, "NA", "soon", "9999", "20000", "-88"])
def test_a_cut_that_is_not_stated_again_stays_in_force(settings: Settings, cut: str | None) -> None:
    take_in(settings, "site-a", "2026-01", two_patients())
    again = {
        "patients": [patient(data_cut_day=cut, smoking="current"), patient("p000003", data_cut_day=cut)],
        "procedures": [],
        "follow_ups": [follow_up(day=760), follow_up(day=761), follow_up("p000003", day=761)],
    }
    record = take_in(settings, "site-a", "2026-02", again, kind="incremental", missing_codes=("data_cut_day=-88",))
    assert broken(record)["PAT-024"] == broken(record)["FUP-007"] == 1
    assert query(settings, "select patient_id, smoking, data_cut_day from patients order by all") == [
        ("p000001", "current", 760),
        ("p000002", "never", 760),
        ("p000003", "never", None),
    ]
    later = {"patients": [patient("p000003")], "procedures": [], "imaging": [image(day=761)]}
    assert broken(take_in(settings, "site-a", "2026-03", later, kind="incremental")) == {"IMG-007": 1}
    newer = again | {"patients": [patient(data_cut_day=900)], "follow_ups": [follow_up(day=761)]}
    assert broken(take_in(settings, "site-a", "2026-04", newer, kind="incremental")) == {}


def test_a_full_submission_replaces_the_cut_too(settings: Settings) -> None:
    take_in(settings, "site-a", "2026-01", two_patients())
    take_in(settings, "site-a", "2026-02", two_patients() | {"patients": [patient(data_cut_day=None)]})
    assert query(settings, "select data_cut_day from patients") == [(None,)]


def test_an_age_that_reaches_90_only_with_the_cut_in_force_is_refused(settings: Settings) -> None:
    take_in(settings, "site-a", "2026-01", two_patients())
    again = {"patients": [patient(age_years=88, data_cut_day=None, last_contact_day=None)], "procedures": []}
    write_submission(settings, "site-a", "2026-02", again, kind="incremental")
    with pytest.raises(SubmissionRefused) as refused:
        ingest_submission(settings, "site-a", "2026-02")
    assert refused.value.code == "age_over_89"
    assert query(settings, "select age_years from patients") == [(54,), (54,)]


@pytest.mark.parametrize("column", ["data_cut_day", "last_contact_day", "death_day"])
@pytest.mark.parametrize("day", [9999, 5000])
def test_a_placeholder_for_a_day_costs_its_cell_and_nothing_else(settings: Settings, column: str, day: int) -> None:
    """Taken for a day it would let a patient of 70 turn 90, and observation last for decades."""
    old = patient(age_years=78) | {column: day}
    record = take_in(settings, "site-a", "2026-01", {"patients": [old], "procedures": [fusion()]})
    assert [(one.column_name, one.cells) for one in record.blanked if one.rule != "PAT-017"] == [(column, 1)]
    assert query(settings, f"select age_years, {column} from patients") == [(78, None)]


def test_no_placeholder_lengthens_what_was_observed(settings: Settings) -> None:
    people = [patient(data_cut_day=9999, last_contact_day=9999), patient("p000002", data_cut_day=None)]
    visits = [follow_up(day=9999), follow_up("p000002", day=9999), follow_up("p000002", day=700)]
    take_in(settings, "site-a", "2026-01", two_patients() | {"patients": people, "follow_ups": visits})
    pipeline.release(settings)
    with duckdb.connect(next(settings.releases.rglob("research.duckdb")), read_only=True) as con:
        observed = con.sql("select patient_id, observed_days from episodes order by 1").fetchall()
    assert observed == [("p000001", 0), ("p000002", 735)]


def test_ndi_items_are_judged_over_the_visits_of_the_site_in_force(settings: Settings) -> None:
    """25 visits a month: the second month makes 50, unless one was 0, repeats an earlier one, or replaces them all."""

    def month(start: int, count: int = 25, answer: int = 1) -> dict[str, list[Row]]:
        return two_patients() | {
            "follow_ups": [follow_up(day=day, ndi_item_3=answer, ndi_item_4=0) for day in range(start, start + count)]
        }

    def warned(period: str, tables: dict[str, list[Row]], kind: Kind = "incremental", site: str = "site-a") -> int:
        return broken(take_in(settings, site, period, tables, kind=kind)).get("FUP-044", 0)

    assert warned("2026-01", month(100), "full") == 0
    assert warned("2026-02", month(200), site="site-b") == 0, "another site"
    assert warned("2026-02", month(124)) == 0, "49 visits, one sent again"
    assert warned("2026-02", month(125)) == 25
    assert warned("2026-02", month(125), "full") == 0
    assert (
        warned(
            "2026-01", month(100, 24) | {"follow_ups": [*month(100, 24)["follow_ups"], *month(99, 1, 0)["follow_ups"]]}
        )
        == 0
    )
    assert warned("2026-02", month(125)) == 0, "one was 0"
    gone = [{"follow_up_id": "p000001-visit99", "deleted": True}]
    assert warned("2026-02", month(125, 26) | {"follow_ups": [*month(125, 26)["follow_ups"], *gone]}) == 26


def test_no_patient_of_another_site_is_known(settings: Settings) -> None:
    take_in(settings, "site-b", "2026-01", two_patients())
    own = {"patients": [patient("p7")], "procedures": [fusion("p7")], "follow_ups": [follow_up("p000002")]}
    record = take_in(settings, "site-a", "2026-02", own, kind="incremental")
    assert broken(record).keys() == {"FUP-003"}


def test_a_known_death_holds_for_later_periods(settings: Settings) -> None:
    dead = patient(death_day=400, last_contact_day=400)
    take_in(settings, "site-a", "2026-01", {"patients": [dead], "procedures": [fusion()]})
    own = {"patients": [patient("p7")], "procedures": [fusion("p7")], "imaging": [image(day=400), image(day=401)]}
    record = take_in(settings, "site-a", "2026-02", own, kind="incremental")
    assert broken(record).keys() == {"IMG-006"}


def test_corrections_and_tombstones_change_what_is_in_force(settings: Settings) -> None:
    take_in(settings, "site-a", "2026-01", two_patients() | {"imaging": [image(), image("p000002")]})
    change = {
        "patients": [patient(smoking="current")],
        "procedures": [fusion(levels="C6-7")],
        "imaging": [{"imaging_id": "p000002-image365", "deleted": True}],
    }
    assert take_in(settings, "site-a", "2026-02", change, kind="incremental").rows_quarantined == 0
    assert query(settings, "select patient_id, smoking from patients order by 1") == [
        ("p000001", "current"),
        ("p000002", "never"),
    ]
    assert query(settings, "select levels from procedures order by 1") == [("C5-6",), ("C6-7",)]
    assert query(settings, "select imaging_id from imaging") == [("p000001-image365",)]
    assert query(settings, "select count(*) from imaging", as_known_on="2026-01") == [(2,)]


@pytest.mark.parametrize("deleted", ["true", "TRUE", "Yes", "1", " t "])
def test_a_key_and_deleted_withdraw_a_row(settings: Settings, deleted: str) -> None:
    take_in(settings, "site-a", "2026-01", two_patients() | {"follow_ups": [follow_up(), follow_up("p000002")]})
    withdrawn = {"follow_up_id": "p000001-visit365", "patient_id": "p000001", "day": "", "deleted": deleted}
    record = take_in(settings, "site-a", "2026-02", two_patients() | {"follow_ups": [withdrawn]}, kind="incremental")
    assert (record.rows_quarantined, broken(record)) == (0, {})
    assert query(settings, "select patient_id from follow_ups") == [("p000002",)]


def test_a_row_that_may_be_withdrawn_is_not_taken_in(settings: Settings) -> None:
    unclear = two_patients() | {"follow_ups": [follow_up(deleted="perhaps", neck_pain_nrs=3)]}
    record = take_in(settings, "site-a", "2026-01", unclear)
    assert broken(record) == {"FUP-050": 1}
    assert query(settings, "select count(*) from follow_ups") == [(0,)]


@pytest.mark.parametrize("step", ["write_rows", "commit"])
def test_a_crash_before_the_commit_changes_nothing_that_a_reader_sees(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    take_in(settings, "site-a", "2026-01", two_patients() | {"imaging": [image()]})
    seen = everything(settings)
    quarantined = snapshot(settings.quarantine)
    newer = {"patients": [patient(bmi=30)], "procedures": [fusion()], "imaging": [image(modality="xray")]}
    write_submission(settings, "site-a", "2026-01", newer)
    with monkeypatch.context() as power_cut:
        power_cut.setattr(Lake, step, crash_on_call(getattr(Lake, step), which=2 if step == "write_rows" else 1))
        with pytest.raises(KeyboardInterrupt):
            ingest_submission(settings, "site-a", "2026-01")
    assert everything(settings) == seen
    assert snapshot(settings.quarantine) == quarantined or step == "commit"
    assert ingest_submission(settings, "site-a", "2026-01").attempt == 2
    assert query(settings, "select bmi from patients") == [(30.0,)]
    assert query(settings, "select count(*) from procedures") == [(1,)]


def crash_on_call(step: Callable[..., None], which: int) -> Callable[..., None]:
    calls = []

    def crashing(*args: Any) -> None:
        calls.append(1)
        if len(calls) == which:
            raise KeyboardInterrupt
        step(*args)

    return crashing


def everything(settings: Settings) -> list[list[tuple[Any, ...]]]:
    tables = ("submissions", "patients", "procedures", "imaging")
    return [query(settings, f"select * from {table} order by all") for table in tables]


def test_the_same_submissions_give_the_same_rows_in_the_same_order(tmp_path: Path) -> None:
    seen = []
    for name in ("one", "two"):
        settings = Settings(home=tmp_path / name, max_critical_share=0.5)
        visits = [follow_up(day=day, neck_pain_nrs=day % 13) for day in range(300)]
        record = take_in(settings, "site-a", "2026-01", two_patients() | {"follow_ups": visits})
        (file,) = (settings.lake / "follow_ups").rglob("*.parquet")  # a view may give its rows in any order
        rows = parquet.read_table(file).drop_columns("judgement_id").to_pylist()
        quarantined = snapshot(settings.quarantine)
        record = replace(record, judgement_id=None, recorded_at=None)
        seen.append((record, rows, quarantined))
    assert seen[0] == seen[1]


def test_the_network_is_never_touched(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    assert take_in(settings, "site-a", "2026-01", two_patients()).outcome == "accepted"


def test_deliveries_are_listed_in_order_and_foreign_folders_left_alone(settings: Settings) -> None:
    for site, period in (("site-b", "2026-01"), ("site-a", "2026-02"), ("site-a", "2026-01")):
        write_submission(settings, site, period, two_patients())
    (settings.landing / "site-c" / "2026-01").mkdir(parents=True)
    (settings.landing / "site-a" / "old stuff").mkdir()
    (settings.landing / "Jane" / "2026-01").mkdir(parents=True)
    assert [(one.site_id, one.period, one.is_complete) for one in deliveries(settings)] == [
        ("site-a", "2026-01", True),
        ("site-a", "2026-02", True),
        ("site-b", "2026-01", True),
        ("site-c", "2026-01", False),
    ]


def test_five_percent_of_each_table_is_allowed_and_more_is_not(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert settings.max_critical_share == 0.05
    rows = two_patients() | {
        "imaging": [image(day=day) for day in range(40)],
        "follow_ups": [follow_up(day=day) for day in range(400)],
    }
    for number in range(2):
        rows["imaging"][number]["day"] = None
    assert take_in(settings, "site-a", "2026-01", rows).rows_quarantined == 2
    rows["imaging"][2]["day"] = None
    write_submission(settings, "site-a", "2026-01", rows)
    with pytest.raises(SubmissionRefused) as refused:
        ingest_submission(settings, "site-a", "2026-01")
    assert refused.value.code == "too_many_critical_rows"
    assert refused.value.where.startswith("site-a/2026-01: imaging: 3 of 40 rows, 5% allowed, IMG-004 3 (")
    assert query(settings, "select count(*) from imaging") == [(38,)], "the earlier submission stays in force"


def test_the_refusal_of_a_stale_cut_says_what_to_deliver(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    take_in(settings, "site-a", "2026-01", two_patients())
    late = {"patients": [patient("p000003")], "procedures": [], "follow_ups": [follow_up(day=761)]}
    write_submission(settings, "site-a", "2026-02", late, kind="incremental")
    with pytest.raises(SubmissionRefused) as refused:
        ingest_submission(settings, "site-a", "2026-02")
    assert refused.value.code == "too_many_critical_rows"
    assert (
        "FUP-007 1 (day is after the patient's data cut: deliver the patient's row with the new data_cut_day)"
        in str(refused.value)
    )


def test_declared_codes_for_missing_are_missing_and_no_fault(settings: Settings) -> None:
    items: Row = {f"ndi_item_{i}": 9 for i in range(1, 11)}
    visit = follow_up(neck_pain_nrs=9, eq_vas=99, **items)
    people = [patient(bmi=999, age_years=999), patient("p000002")]
    rows = two_patients() | {"patients": people, "follow_ups": [visit]}
    record = take_in(settings, "site-a", "2026-01", rows, missing_codes=("ndi_item_*=9", "eq_vas=99", "999"))
    assert record.rows_quarantined == 0
    assert broken(record) == {"patients.missing_code": 1, "PAT-005": 1, "follow_ups.missing_code": 1}
    assert {(one.rule, one.column_name, one.cells) for one in record.blanked} == {
        *(("patients.missing_code", name, 1) for name in ("age_years", "bmi")),
        *(("follow_ups.missing_code", name, 1) for name in ("eq_vas", *items)),
    }
    columns = "neck_pain_nrs, eq_vas, ndi_item_1, ndi_item_10"
    assert query(settings, f"select {columns} from follow_ups") == [(9.0, None, None, None)]
    assert query(settings, "select bmi, age_years from patients order by patient_id") == [(None, None), (27.4, 54)]
    assert query(settings, "select flags from follow_ups") == [(None,)], "a code for missing is no fault"
    folder = settings.quarantine / "site-a" / "2026-01" / record.submission_id
    (kept,) = parquet.read_table(folder / "follow_ups.parquet").to_pylist()
    assert (kept["neck_pain_nrs"], kept["eq_vas"], kept["ndi_item_10"]) == ("9", "99", "9"), "as delivered"
    assert (kept["outcome"], kept["rules"]) == ("blanked", "follow_ups.missing_code")


def test_a_version_that_cannot_be_read_leaves_no_profile(settings: Settings) -> None:
    levels: Row = {f"eq5d_{item}": 2 for item in range(1, 6)}
    visits = [follow_up(eq5d_version="4L", eq_vas=70, **levels), follow_up(day=42, **levels)]
    record = take_in(settings, "site-a", "2026-01", two_patients() | {"follow_ups": visits})
    assert (record.rows_accepted, record.rows_quarantined) == (record.rows_in, 0)
    assert query(settings, f"select eq_vas, {', '.join(levels)} from follow_ups order by day desc") == [
        (70, *[None] * 5),
        (None, *[2] * 5),
    ]
    assert {(one.column_name, one.cells) for one in record.blanked} == {(name, 1) for name in ("eq5d_version", *levels)}
    folder = settings.quarantine / "site-a" / "2026-01" / record.submission_id
    (kept,) = parquet.read_table(folder / "follow_ups.parquet").to_pylist()
    assert (kept["eq5d_version"], *(kept[name] for name in levels)) == ("4L", *["2"] * 5), "as delivered"


def test_an_age_over_89_is_kept_nowhere_even_where_it_is_no_age(settings: Settings) -> None:
    """A code for missing, or a cell that is no number, may still be the age of somebody."""
    ages = {
        "a": "99",
        "b": "9 5",
        "c": "-95",
        "d": "elderly",
        "e": "-1",
        "f": "999",
        "g": " 1_0",
        "h": "8O",
        "i": "54.5",
    }
    people = [patient(key, age_years=age) for key, age in ages.items()]
    rows = {"patients": people, "procedures": [fusion(key) for key in ages]}
    record = take_in(settings, "site-a", "2026-01", rows, missing_codes=("99",))
    assert query(settings, "select distinct age_years from patients") == [(None,)]
    kept = parquet.read_table(
        settings.quarantine / "site-a" / "2026-01" / record.submission_id / "patients.parquet"
    ).to_pylist()
    assert {row["patient_id"]: row["age_years"] for row in kept} == dict.fromkeys(ages) | {
        **{"e": "-1", "f": "999", "i": "54.5"}
    }


def test_no_declared_code_is_no_passed_rule(settings: Settings) -> None:
    def outcome(record: SubmissionRecord) -> list[tuple[int, str]]:
        return [(one.rows_checked, one.outcome) for one in record.rules if one.rule == "patients.missing_code"]

    assert outcome(take_in(settings, "site-a", "2026-01", two_patients())) == [(0, "not_applicable")]
    assert outcome(take_in(settings, "site-a", "2026-02", two_patients(), missing_codes=("999",))) == [(2, "passed")]


def test_bad_cells_refuse_nothing(tmp_path: Path) -> None:
    rows = two_patients() | {"imaging": [image(day=day, modality="xray") for day in range(9)]}
    record = take_in(Settings(home=tmp_path), "site-a", "2026-01", rows)
    assert record.rows_quarantined == 0
    assert record.blanked == (BlankedCells("imaging", "IMG-009", "modality", 9),)


def test_accepted_records_say_what_they_are(settings: Settings) -> None:
    record = take_in(settings, "site-a", "2026-01", two_patients(), kind="incremental")
    assert isinstance(record, SubmissionRecord)
    assert (record.kind, record.contract_version, record.deidentification_method) == (
        "incremental",
        CONTRACT_VERSION,
        "limited_data_set",
    )
    assert not record.is_synthetic


def test_what_a_manifest_says_of_its_patients_being_invented_is_recorded(settings: Settings) -> None:
    assert take_in(settings, "site-a", "2026-01", two_patients(), is_synthetic=True).is_synthetic
    assert query(settings, "select is_synthetic from submissions") == [(True,)]
