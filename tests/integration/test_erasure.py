"""A patient asks to be forgotten: nothing of the patient is left, and all else is as it was."""

import contextlib
import json
import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from pyarrow import parquet
from typer.testing import CliRunner

from outcomes import pipeline
from outcomes.cli import app
from outcomes.contract import TABLES
from outcomes.errors import MISTAKES, OutcomesError, SubmissionRefused
from outcomes.intake import erasure
from outcomes.intake.forgotten import Forgotten
from outcomes.intake.manifest import Kind, write_manifest
from outcomes.lake import Lake, LakeUpkeep, hashes_of_keys
from outcomes.lake.records import KEYS_BY_HASH
from outcomes.lake.store import in_memory
from outcomes.release.folders import current, folders
from outcomes.release.open import current_release
from outcomes.release.publish import publish
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from tests.integration.test_lake_v1 import LAKE_V1
from tests.support.examples import few
from tests.support.files import copied
from tests.support.submissions import DATA_CUT, Row, follow_up, fusion, image, patient, write_submission

GONE = "zqgone7"
"""A key that no other bytes of a home hold."""

Tables = dict[str, list[Row]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", max_critical_share=1)


def _deliver(settings: Settings, period: str, tables: Tables, kind: Kind = "incremental", site: str = "north") -> None:
    write_submission(settings, site, period, {"procedures": []} | tables, kind=kind)


def _january(*patients: str) -> Tables:
    return {
        "patients": [patient(name) for name in patients],
        "procedures": [fusion(name) for name in patients],
        "follow_ups": [follow_up(name) for name in patients],
    } | ({"imaging": [image(GONE, day="soon")]} if GONE in patients else {})


def _february(*patients: str) -> Tables:
    """Visits; of the first patient one is taken back by its key alone."""
    tombstone = {"follow_up_id": f"{GONE}-visit365", "deleted": True}
    return {
        "patients": [patient("p3")],
        "follow_ups": [follow_up(name, day=700) for name in patients] + [tombstone] * (GONE in patients),
    }


def _fill(settings: Settings, *patients: str) -> None:
    """Two months of one site, and one of another that has a patient of the same key."""
    _deliver(settings, "2026-01", _january(*patients), "full")
    _deliver(settings, "2026-02", _february(*patients))
    _deliver(settings, "2026-01", {"patients": [patient("s1")], "procedures": [fusion("s1")]}, "full", site="south")


def _take_in(settings: Settings) -> None:
    pipeline.ingest_landed(settings)


def _in_force(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """The rows in force, without what tells their submission."""
    with connect(settings) as con:
        assert Lake(settings.lake).attach_sound(con) == []
        return {
            name: con.sql(f"select * exclude (submission_id) from {name} order by all").fetchall() for name in TABLES
        }


def _holding(home: Path, key: str = GONE) -> list[str]:
    """The files of a home that hold a key: in their bytes, in a Parquet cell, or in a DuckDB row."""
    return [str(file.relative_to(home)) for file in sorted(home.rglob("*")) if file.is_file() and _holds(file, key)]


def _holds(file: Path, key: str) -> bool:
    if key.encode() in file.read_bytes():
        return True
    if file.name.endswith(".parquet"):
        return key in str(parquet.ParquetFile(file).read().to_pylist())
    if file.suffix == ".duckdb":
        with duckdb.connect(str(file), read_only=True) as con:
            return any(
                key in str(con.sql(f'from "{name}"').fetchall()) for (name,) in con.sql("show tables").fetchall()
            )
    return False


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home that has taken in the patient, and others."""
    settings = Settings(home=tmp_path_factory.mktemp("filled"), max_critical_share=1)
    _fill(settings, "p1", GONE)
    _take_in(settings)
    return settings


@pytest.fixture
def with_patient(filled: Settings, settings: Settings) -> None:
    """Let the home of the test be one that has taken in the patient."""
    copied(filled, settings.home)


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    """What is in force where the patient never was delivered."""
    settings = Settings(home=tmp_path_factory.mktemp("without"), max_critical_share=1)
    _fill(settings, "p1")
    _take_in(settings)
    return _in_force(settings)


@pytest.mark.usefixtures("with_patient")
def test_nothing_of_the_patient_is_left_and_all_else_is(
    settings: Settings, without: dict[str, list[tuple[Any, ...]]]
) -> None:
    (settings.scratch / "trial").mkdir(parents=True)
    (settings.scratch / "trial" / "labels.csv").write_text(GONE, encoding="utf-8")
    assert {path.split("/")[0] for path in _holding(settings.home)} == {"landing", "lake", "quarantine", "tmp"}
    done = pipeline.forget(settings, "north", GONE)
    assert _holding(settings.home) == []
    assert _in_force(settings) == without
    assert done.rows == {"landing": 6, "quarantine": 1, "lake": 5, "releases": 0}
    assert [(one.period, one.refusal) for one in done.taken_in] == [("2026-01", None), ("2026-02", None)]
    assert pipeline.waiting(settings) == []


def test_no_record_tells_the_key_of_who_only_waited_by_its_hash(settings: Settings) -> None:
    _deliver(settings, "2026-01", {"patients": [patient("p1")], "follow_ups": [follow_up("p1"), follow_up(GONE)]})
    _take_in(settings)
    with in_memory() as con:
        (gone,) = hashes_of_keys(con, pa.chunked_array([[GONE]]))
    assert gone in _hashes(settings)
    pipeline.forget(settings, "north", GONE)
    assert gone not in _hashes(settings)


def _hashes(settings: Settings) -> set[int]:
    """All hashes of keys in the records of submissions."""
    records = DeltaTable(str(settings.lake / "submissions")).to_pyarrow_table()
    return {one for name in KEYS_BY_HASH for hashes in records[name].to_pylist() for one in hashes or ()}


@pytest.mark.usefixtures("with_patient")
def test_the_account_is_kept_without_the_key(settings: Settings) -> None:
    pipeline.forget(settings, "north", GONE)
    begun, done = map(json.loads, settings.forgotten_file.read_text(encoding="utf-8").splitlines())
    assert begun["patient"] == done["patient"]
    assert len(begun["patient"]) == 64
    assert (begun["site_id"], begun["rows"]) == ("north", None)
    assert done["rows"] == {"landing": 6, "quarantine": 1, "lake": 5, "releases": 0}
    for file in (settings.forgotten_file, settings.forgotten_key):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.usefixtures("with_patient")
def test_a_later_delivery_of_the_patient_is_refused(settings: Settings) -> None:
    pipeline.forget(settings, "north", GONE)
    _deliver(settings, "2026-03", {"patients": [patient("p4"), patient(f" {GONE} ")]})
    with pytest.raises(SubmissionRefused, match="patient_forgotten") as refused:
        pipeline.ingest(settings, "north", "2026-03")
    assert refused.value.exit_status == 32
    assert "1 of the patients named" in str(refused.value)
    assert GONE not in str(refused.value)
    # The same key of another site is another patient.
    _deliver(settings, "2026-02", {"patients": [patient(GONE)]}, site="south")
    assert pipeline.ingest(settings, "south", "2026-02").outcome == "accepted"


def test_the_patient_of_another_site_stays(settings: Settings) -> None:
    _fill(settings, "p1", GONE)
    _deliver(settings, "2026-01", {"patients": [patient(GONE)], "procedures": [fusion(GONE)]}, "full", site="south")
    _take_in(settings)
    pipeline.forget(settings, "north", GONE)
    assert {path.split("/")[1] for path in _holding(settings.landing.parent) if path.startswith("landing")} == {"south"}
    assert [row[:2] for row in _in_force(settings)["patients"] if row[0] == "south"] == [("south", "2026-01")]


@pytest.mark.usefixtures("with_patient")
def test_the_past_is_known_without_the_patient_and_is_no_damage(settings: Settings) -> None:
    before = max(record.recorded_at for record in Lake(settings.lake).attempts() if record.recorded_at)
    pipeline.forget(settings, "north", GONE)
    with connect(settings) as con:
        assert Lake(settings.lake).attach_sound(con, before) == []
        assert con.sql("select patient_id from patients where site_id = 'north' order by 1").fetchall() == [
            ("p1",),
            ("p3",),
        ]


@pytest.mark.usefixtures("with_patient")
def test_other_damage_of_the_site_still_shows(settings: Settings) -> None:
    (settings.landing / "north" / "2026-01" / "manifest.json").unlink()
    for file in (settings.landing / "north" / "2026-01").iterdir():
        file.unlink()
    pipeline.forget(settings, "north", GONE)
    delta = Lake(settings.lake)._delta("procedures")
    assert delta
    delta.delete("site_id = 'north' and patient_id = 'p1'")
    with connect(settings) as con:
        assert [str(one) for one in Lake(settings.lake).attach_sound(con)] == ["north/2026-01 procedures"]


_STEPS = (
    "_finish_staged",
    "_erase_landed",
    "_erase_quarantined",
    "_rewrite_quarantined",
    "_stage",
    "_write",
    "_restate",
)


class _Crash(BaseException):
    """What no handler catches."""


@pytest.mark.usefixtures("with_patient")
@pytest.mark.parametrize(("step", "call"), few(1, [(step, call) for call in (2, 1, 4) for step in _STEPS]), ids=str)
def test_a_crash_in_landing_or_quarantine_is_finished_by_the_same_command(
    settings: Settings,
    without: dict[str, list[tuple[Any, ...]]],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    call: int,
) -> None:
    _crash_at(monkeypatch, erasure, step, call)
    with contextlib.suppress(_Crash):
        erasure.erase(settings, "north", GONE)
    monkeypatch.undo()
    pipeline.forget(settings, "north", GONE)
    assert _holding(settings.home) == []
    assert _in_force(settings) == without


@pytest.mark.usefixtures("with_patient")
@pytest.mark.parametrize(
    ("step", "after"),
    few(1, [(step, after) for step in ("erase", "_restate", "purge", "_shorten_log") for after in (False, True)]),
)
def test_a_crash_in_the_lake_is_finished_by_the_same_command(
    settings: Settings,
    without: dict[str, list[tuple[Any, ...]]],
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    *,
    after: bool,
) -> None:
    _crash_at(monkeypatch, LakeUpkeep, step, 1, after=after)
    with pytest.raises(_Crash):
        erasure.erase(settings, "north", GONE)
    monkeypatch.undo()
    pipeline.forget(settings, "north", GONE)
    assert _holding(settings.home) == []
    assert _in_force(settings) == without


def _crash_at(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, call: int, *, after: bool = False) -> None:
    """Crash at the given call of a function, before it does its work or after."""
    whole = getattr(owner, name)
    left = [call]

    def crashing(*args: Any, **kwargs: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            if after:
                whole(*args, **kwargs)
            raise _Crash
        return whole(*args, **kwargs)

    monkeypatch.setattr(owner, name, crashing)


def test_after_the_first_step_nothing_brings_the_patient_back(settings: Settings) -> None:
    _fill(settings, "p1", GONE)
    Forgotten(settings).begin("north", GONE)
    with pytest.raises(SubmissionRefused, match="patient_forgotten"):
        pipeline.ingest(settings, "north", "2026-01")


@pytest.mark.usefixtures("with_patient")
def test_again_changes_nothing(settings: Settings) -> None:
    pipeline.forget(settings, "north", GONE)
    landing = {file: file.read_bytes() for file in settings.landing.rglob("*") if file.is_file()}
    done = pipeline.forget(settings, "north", GONE)
    assert done.rows == {"landing": 0, "quarantine": 0, "lake": 0, "releases": 0}
    assert done.taken_in == []
    assert landing == {file: file.read_bytes() for file in settings.landing.rglob("*") if file.is_file()}


def test_an_unknown_patient_is_an_error_and_leaves_no_trace(settings: Settings) -> None:
    _fill(settings, "p1")
    _take_in(settings)
    with pytest.raises(OutcomesError, match="patient_unknown") as unknown:
        pipeline.forget(settings, "north", GONE)
    assert GONE not in str(unknown.value)
    assert not settings.forgotten_file.exists()


@pytest.mark.usefixtures("with_patient")
def test_a_withdrawn_month_stays_withdrawn(settings: Settings) -> None:
    pipeline.withdraw(settings, "north", "2026-02", "wrong_data")
    pipeline.forget(settings, "north", GONE)
    assert _holding(settings.home) == []
    assert pipeline.waiting(settings) == []
    assert [one.period for one in Lake(settings.lake).standing("north")] == ["2026-01"]
    assert pipeline.take_back_withdrawal(settings, "north", "2026-02").outcome == "accepted"
    assert [row[3] for row in _in_force(settings)["patients"] if row[0] == "north"] == ["p1", "p3"]


def test_the_only_patient_of_a_site(settings: Settings) -> None:
    """The month cannot be taken in without patients; what stands is the submission of before, with no row left."""
    _deliver(settings, "2026-01", _january(GONE), "full")
    _take_in(settings)
    done = pipeline.forget(settings, "north", GONE)
    assert _holding(settings.home) == []
    assert [one.refusal.code for one in done.taken_in if one.refusal] == ["file_empty"]
    assert not (settings.landing / "north" / "2026-01" / "follow_ups.csv").exists()
    assert all(rows == [] for rows in _in_force(settings).values())


def test_every_other_byte_of_a_file_stays(settings: Settings) -> None:
    _fill(settings, "p1", GONE)
    folder = settings.landing / "north" / "2026-01"
    columns = ("Patient_ID ", "sex", "age_years", "index_period", "bmi", "smoking", "indication", "data_cut_day")
    header = "\ufeff,,\r\n" + ",".join(columns)
    kept = '\r\n"p1",female, 54 ,2023-05,"27.40",never,radiculopathy,760\r\n,,,,,,,\r\n'
    (folder / "patients.csv").write_bytes((header + kept + f'" {GONE}",female,54,2023-05,,never,,\r\n').encode())
    rows = pa.table(
        {"procedure_id": ["a", "b"], "patient_id": pa.array(["p1", GONE]).dictionary_encode(), "day": [0, 0]}
    )
    rows = rows.replace_schema_metadata({"made_by": "north"})
    (folder / "procedures.csv").unlink()
    parquet.write_table(rows, folder / "procedures.parquet", compression="gzip")
    _manifest(folder)
    stated = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    pipeline.forget(settings, "north", GONE)
    assert (folder / "patients.csv").read_bytes() == (header + kept).encode()
    left = parquet.ParquetFile(folder / "procedures.parquet")
    assert left.read().equals(rows.slice(0, 1))
    assert left.schema_arrow.equals(rows.schema, check_metadata=True)
    assert left.metadata.row_group(0).column(0).compression == "GZIP"
    _manifest(folder)
    now = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert {entry["name"]: entry["rows"] for entry in now["files"]}["patients.csv"] == 1
    assert {key: value for key, value in now.items() if key != "files"} == {
        key: value for key, value in stated.items() if key != "files"
    }


def _manifest(folder: Path) -> None:
    write_manifest(
        folder,
        site_id="north",
        period="2026-01",
        kind="full",
        deidentification_method="limited_data_set",
        data_cut=DATA_CUT,
    )


@pytest.mark.usefixtures("with_patient")
@pytest.mark.parametrize(
    "spoil",
    few(
        2,
        [
            lambda folder: (folder / "imaging.csv").write_bytes(b"\xff\xfe" + GONE.encode("utf-16-le")),
            lambda folder: (folder / "notes.csv").write_text(f"note\nsaw {GONE}\n", encoding="utf-8"),
            lambda folder: (folder / "notes.txt").write_text(f"saw {GONE}\n", encoding="utf-8"),
            lambda folder: (folder / "manifest.json").unlink(),
            lambda folder: (folder / "imaging.csv").symlink_to("patients.csv"),
        ],
    ),
    ids=["encoding", "no patient column", "another file", "no manifest", "link"],
)
def test_what_cannot_be_searched_is_named(settings: Settings, spoil: Callable[[Path], Any]) -> None:
    spoil(settings.landing / "north" / "2026-02")
    with pytest.raises(OutcomesError, match="erasure_incomplete") as incomplete:
        pipeline.forget(settings, "north", GONE)
    assert incomplete.value.where == "north/2026-02"
    assert {path.split("/")[2] for path in _holding(settings.home)} <= {"2026-02"}
    assert [path for path in _holding(settings.home) if not path.startswith("landing")] == []


@pytest.mark.usefixtures("with_patient")
def test_releases_that_hold_the_patient_go(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for release_id, patients in (("2026-01-a", ["p1"]), ("2026-01-b", ["p1", GONE]), ("2026-02-c", ["p1", GONE])):
        _publish(settings, release_id, patients)
    monkeypatch.setattr(pipeline, "release", lambda settings: _publish(settings, "2026-02-d", ["p1"]))
    done = pipeline.forget(settings, "north", GONE)
    assert (done.rows["releases"], done.release_id) == (2, "2026-02-d")
    assert [path.name for path in folders(settings.releases)] == ["2026-01-a", "2026-02-d"]
    assert _holding(settings.home) == []


@pytest.mark.usefixtures("with_patient")
def test_without_a_release_that_can_be_built_none_stays_that_holds_the_patient(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    _publish(settings, "2026-01-b", ["p1", GONE])

    def nothing(settings: Settings) -> None:
        raise OutcomesError("lake_damaged", "south/2026-01 patients")

    monkeypatch.setattr(pipeline, "release", nothing)
    with pytest.raises(OutcomesError, match="lake_damaged"):
        pipeline.forget(settings, "north", GONE)
    assert folders(settings.releases) == []
    assert current(settings.releases) is None
    assert _holding(settings.home) == []


def test_a_real_release_is_built_anew_without_the_patient(small_release: Settings, tmp_path: Path) -> None:
    settings = copied(small_release, tmp_path)
    before = current_release(settings)
    done = pipeline.forget(settings, "north", "north-p007")
    assert done.rows == {"landing": 0, "quarantine": 0, "lake": 4, "releases": 1}
    assert _holding(settings.home, "north-p007") == []
    after = current_release(settings)
    assert after.id == done.release_id != before.id
    assert after.counts["episodes"] == before.counts["episodes"] - 1
    assert folders(settings.releases) == [after.folder]


@pytest.mark.parametrize("patient_id", ["a001", "b003"])
def test_a_lake_of_an_earlier_version(settings: Settings, patient_id: str) -> None:
    shutil.copytree(LAKE_V1, settings.lake)
    before = _in_force(settings)
    site_id = f"site-{patient_id[0]}"
    erased = erasure.erase(settings, site_id, patient_id)
    assert erased.lake > 0
    assert [path for path in _holding(settings.home, patient_id) if not path.startswith("landing")] == []
    after = _in_force(settings)
    assert after == {name: [row for row in rows if patient_id not in row] for name, rows in before.items()}
    assert after != before


class _Published:
    def __init__(self, release_id: str) -> None:
        self.id = release_id


def _publish(settings: Settings, release_id: str, patients: list[str]) -> _Published:
    """A release of one mart."""

    def write(folder: Path) -> None:
        with duckdb.connect(str(folder / "research.duckdb")) as con:
            con.register("rows", pa.table({"site_id": ["north"] * len(patients), "patient_id": patients}))
            con.execute("create table episodes as from rows")

    publish(settings.releases, release_id, write, kept=5)
    return _Published(release_id)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda settings: settings.forgotten_key.unlink(),
        lambda settings: settings.forgotten_key.write_text("no key", encoding="ascii"),
        lambda settings: settings.forgotten_file.write_text("no line\n", encoding="utf-8"),
    ],
    ids=["key gone", "key spoilt", "list spoilt"],
)
def test_without_the_list_nothing_is_taken_in(settings: Settings, spoil: Callable[[Settings], Any]) -> None:
    _fill(settings, "p1")
    Forgotten(settings).begin("north", GONE)
    spoil(settings)
    with pytest.raises(OutcomesError, match="forgotten_unreadable"):
        pipeline.ingest(settings, "north", "2026-01")


def test_a_line_cut_off_by_a_crash_is_no_line(settings: Settings) -> None:
    settings.home.mkdir()
    Forgotten(settings).begin("north", "other")
    with settings.forgotten_file.open("a", encoding="utf-8") as lines:
        lines.write('{"at": "2026')
    Forgotten(settings).begin("north", GONE)
    forgotten = Forgotten(settings)
    assert [forgotten.knows("north", name) for name in ("other", GONE, "p1")] == [True, True, False]


@pytest.fixture
def cli(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("OUTCOMES_HOME", str(settings.home))
    monkeypatch.setenv("OUTCOMES_MAX_CRITICAL_SHARE", "1")
    return CliRunner()


@pytest.mark.usefixtures("with_patient")
def test_the_command_shows_first_and_asks(settings: Settings, cli: CliRunner) -> None:
    before = _files(settings)
    shown = cli.invoke(app, ["forget", f"north/{GONE}", "--dry-run"])
    assert shown.exit_code == 0
    assert GONE not in shown.output
    assert [line.split()[1::2] for line in shown.output.splitlines() if "lake" in line] == [["lake", "5"]]
    assert _files(settings) == before
    assert cli.invoke(app, ["forget", f"north/{GONE}"], input="n\n").exit_code == 1
    assert _files(settings) == before
    done = cli.invoke(app, ["forget", f"north/{GONE}", "--yes"])
    assert done.exit_code == 0
    assert GONE not in done.output
    assert "erased: 6 in landing, 1 in quarantine, 5 in lake, 0 in releases" in done.output
    unknown = cli.invoke(app, ["forget", "north/nobody", "--yes"])
    assert unknown.exit_code == MISTAKES["patient_unknown"].exit_status


def _files(settings: Settings) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in settings.home.rglob("*") if file.is_file()}
