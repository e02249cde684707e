"""The vacuum takes what nothing needs, and nothing else."""

import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from outcomes import pipeline
from outcomes.cli import app
from outcomes.contract import TABLES
from outcomes.errors import MISTAKES, OutcomesError
from outcomes.intake import tidying
from outcomes.intake.manifest import submission_id
from outcomes.lake import PROVENANCE, AsKnownOn, Lake, SubmissionRecord, TableCounts, digests
from outcomes.lake.upkeep import LakeUpkeep
from outcomes.locks import one_at_a_time, remove_unheld
from outcomes.release.open import current_release
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from tests.support.examples import few
from tests.support.files import copied

_PATIENTS = TABLES["patients"]
_NOW = datetime.now(UTC)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home")


def _write(settings: Settings, judgement_id: str, *patients: str) -> str | None:
    """Write patients' rows of a judgement `SITE-YYYY-MM-attempt-number`; their digest."""
    site_id, period, submission_id = judgement_id[0], judgement_id[2:9], judgement_id[:11]
    provenance = {"site_id": site_id, "period": period, "submission_id": submission_id}
    rows = pa.Table.from_pylist(
        [provenance | {"patient_id": name, "sex": "female"} for name in patients],
        schema=pa.schema([*PROVENANCE, *_PATIENTS.schema]),
    )
    Lake(settings.lake).write_rows(_PATIENTS, rows, judgement_id)
    with connect(settings) as con:
        return digests(con, _PATIENTS, rows)[0]


def _commit(
    settings: Settings,
    judgement_id: str,
    *patients: str,
    days_ago: float,
    outcome: str = "accepted",
    kind: str = "full",
) -> SubmissionRecord:
    found = _write(settings, judgement_id, *patients)
    record = SubmissionRecord(
        judgement_id[:11],
        judgement_id[0],
        judgement_id[2:9],
        int(judgement_id[10]),
        outcome,
        kind=kind,
        judgement_id=judgement_id,
        recorded_at=_NOW - timedelta(days=days_ago),
        tables=(TableCounts("patients", len(patients), len(patients), 0, digest=found),),
    )
    Lake(settings.lake).commit(record)
    return record


def _written(settings: Settings) -> list[str]:
    return sorted(LakeUpkeep(settings.lake).rows_by_judgement())


def _patients(settings: Settings, as_known_on: AsKnownOn = None) -> list[str]:
    with connect(settings) as con:
        assert Lake(settings.lake).attach_sound(con, as_known_on) == []
        return [name for (name,) in con.sql("select patient_id from patients order by 1").fetchall()]


def _gone(settings: Settings, keep_days: int = 400, *, dry_run: bool = False) -> dict[str, int]:
    return {one.what: one.count for one in pipeline.vacuum(settings, keep_days, dry_run=dry_run)}


def _age(folder: Path, days: float = 2) -> None:
    """Let all files be older than any reader."""
    for file in folder.rglob("*"):
        os.utime(file, (time.time() - days * 86400,) * 2)


def test_rows_that_never_were_committed_go(settings: Settings) -> None:
    _commit(settings, "a-2026-01-1-x", "p1", days_ago=9)
    _write(settings, "a-2026-02-1-x", "p2", "p3")
    assert _gone(settings)["rows never committed"] == 2
    assert _written(settings) == ["a-2026-01-1-x"]
    assert _patients(settings) == ["p1"]
    assert _gone(settings)["rows never committed"] == 0


def test_rows_out_of_force_for_long_go_and_the_past_with_them(settings: Settings) -> None:
    """An attempt that was superseded, one judged again, and one withdrawn; each lately and long ago."""
    _commit(settings, "a-2026-01-1-x", "p1", days_ago=900)
    _commit(settings, "a-2026-01-2-x", "p1", days_ago=800)
    _commit(settings, "a-2026-01-2-y", "p1", "p2", days_ago=500)
    _commit(settings, "a-2026-01-3-x", "p3", days_ago=100)
    withdrawn = _commit(settings, "b-2026-01-1-x", "q1", days_ago=700)
    Lake(settings.lake).commit(
        replace(withdrawn, outcome="withdrawn", code="wrong_data", recorded_at=_NOW - timedelta(days=600))
    )
    lately = _commit(settings, "c-2026-01-1-x", "r1", days_ago=700)
    Lake(settings.lake).commit(replace(lately, outcome="withdrawn", recorded_at=_NOW - timedelta(days=300)))
    assert _gone(settings)["rows out of force for 400 days"] == 3
    assert _written(settings) == ["a-2026-01-2-y", "a-2026-01-3-x", "c-2026-01-1-x"]
    assert _patients(settings) == ["p3"]
    assert _patients(settings, _NOW - timedelta(days=200)) == ["p1", "p2"]
    assert _patients(settings, _NOW - timedelta(days=450)) == ["p1", "p2", "r1"]
    assert _patients(settings, "2026-01") == ["p3"]
    with pytest.raises(OutcomesError, match="history_removed") as removed:
        _patients(settings, _NOW - timedelta(days=501))
    assert removed.value.exit_status == 96


def test_what_a_later_full_submission_hides_stays(settings: Settings) -> None:
    """Its month stands on it: when the full one is withdrawn it is in force again, and as known on its month always."""
    _commit(settings, "a-2026-01-1-x", "p1", days_ago=900)
    _commit(settings, "a-2026-02-1-x", "p2", days_ago=800)
    assert _gone(settings)["rows out of force for 400 days"] == 0
    assert (_patients(settings), _patients(settings, "2026-01")) == (["p2"], ["p1"])


def test_a_refused_attempt_ends_nothing(settings: Settings) -> None:
    _commit(settings, "a-2026-01-1-x", "p1", days_ago=900)
    _commit(settings, "a-2026-01-2-x", days_ago=800, outcome="refused")
    assert _gone(settings)["rows out of force for 400 days"] == 0
    assert _patients(settings) == ["p1"]


def test_files_are_few_afterwards_and_the_old_ones_go_a_day_later(settings: Settings) -> None:
    for number in range(8):
        _commit(settings, f"a-2026-01-1-{number}", *(f"p{each}" for each in range(number + 1)), days_ago=9 - number)
    lost = Path(_files_of(settings, "patients")[0]).with_name("lost.parquet")
    lost.write_bytes(b"a crash left it before any log named it")
    before = _patients(settings)
    _gone(settings)
    assert len(_files_of(settings, "patients")) == 1
    assert _on_disk(settings) > 9
    _age(settings.lake)
    # Of the eight a reader may still be in the middle; the lost one has lain there for long, and so have the logs.
    assert _gone(settings)["files that nothing refers to for 24 hours"] > 8
    assert not lost.exists()
    assert _on_disk(settings) == 9
    LakeUpkeep(settings.lake).remove_unreferenced(timedelta())
    assert _on_disk(settings) == 1
    assert _patients(settings) == before == [f"p{each}" for each in range(8)]


def _files_of(settings: Settings, table: str) -> list[str]:
    return DeltaTable(str(settings.lake / table)).file_uris()


def _on_disk(settings: Settings) -> int:
    return len(list((settings.lake / "patients").glob("site_id=*/**/*.parquet")))


def test_a_dry_run_writes_nothing_and_counts_the_same(settings: Settings) -> None:
    _commit(settings, "a-2026-01-1-x", "p1", days_ago=900)
    _commit(settings, "a-2026-01-2-x", "p2", days_ago=800)
    _write(settings, "a-2026-02-1-x", "p2", "p3")
    _leave_behind(settings)
    before = {file: file.read_bytes() for file in settings.home.rglob("*") if file.is_file()}
    foretold = _gone(settings, dry_run=True)
    assert before == {file: file.read_bytes() for file in settings.home.rglob("*") if file.is_file()}
    assert foretold == _gone(settings)
    assert all(count > 0 for what, count in foretold.items() if what not in _LATER and not what.startswith(_RETAINED))


_LATER = ("files that nothing refers to for 24 hours", "old releases", "small files, written as few")
"""What there is none of here."""

_RETAINED = ("deliveries ", "quarantine of more than ")
"""What goes by its age alone, in tests of their own."""


def _leave_behind(settings: Settings) -> None:
    """Quarantine of two former attempts, a lock, and the leftovers of a crash, all old."""
    for name in ("a-2026-01-1", "a-2026-01-2", "a-2026-01-0", ".a-2026-01-2"):
        folder = settings.quarantine / "a" / "2026-01" / name
        folder.mkdir(parents=True)
        (folder / "patients.parquet").write_bytes(b"rows")
    settings.scratch.mkdir()
    (settings.scratch / "spilt").write_bytes(b"rows")
    (settings.scratch / "trial").mkdir()
    settings.locks.mkdir(exist_ok=True)
    (settings.locks / "a-2026-01").touch()
    for folder in (settings.quarantine, settings.scratch, settings.locks):
        _age(folder)


def test_old_quarantine_locks_and_leftovers_go(settings: Settings) -> None:
    _commit(settings, "a-2026-01-1-x", "p1", days_ago=9)
    _commit(settings, "a-2026-01-2-x", "p1", days_ago=8)
    _commit(settings, "a-2026-01-3-x", days_ago=7, outcome="refused")
    _leave_behind(settings)
    newest = settings.quarantine / "a" / "2026-01" / "a-2026-01-3"
    newest.mkdir()
    (settings.scratch / "young").touch()
    (settings.locks / "young").touch()
    gone = _gone(settings)
    assert (gone["quarantine of former attempts"], gone["lock files"], gone["leftovers of crashes"]) == (2, 1, 3)
    assert sorted(path.name for path in newest.parent.iterdir()) == ["a-2026-01-2", "a-2026-01-3"]
    assert [path.name for path in settings.scratch.iterdir()] == ["young"]
    assert sorted(path.name for path in settings.locks.iterdir()) == ["a", "lake.lock", "young"]


def test_quarantine_has_an_end(settings: Settings) -> None:
    _commit(settings, "a-2026-01-1-x", "p1", days_ago=500)
    folder = settings.quarantine / "a" / "2026-01" / "a-2026-01-1"
    folder.mkdir(parents=True)
    (folder / "patients.parquet").write_bytes(b"rows")
    for days, left in ((399, True), (401, False)):
        os.utime(folder, (time.time() - days * 86400,) * 2)
        assert _gone(settings)["quarantine of more than 400 days"] == (0 if left else 1)
        assert folder.exists() == left


def _landed(settings: Settings, period: str, text: str = "{}") -> Path:
    folder = settings.landing / "a" / period
    folder.mkdir(parents=True)
    (folder / "patients.csv").write_text("patient_id\nsecret\n")
    if text:
        (folder / "manifest.json").write_text(text)
    return folder


def _judged(settings: Settings, folder: Path, outcome: str, days_ago: float) -> None:
    record = SubmissionRecord(submission_id(folder), "a", folder.name, 1, outcome, kind="full")
    Lake(settings.lake).commit(replace(record, recorded_at=_NOW - timedelta(days=days_ago)))


def test_a_delivery_that_may_identify_patients_does_not_stay(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    kept: list[Path] = []
    removed: list[Path] = []
    for number, (outcome, days_ago, stays) in enumerate(
        [
            *(("refused", 29, True), ("refused", 31, False), ("withdrawn", 399, True), ("withdrawn", 401, False)),
            *(("accepted", 900, True), ("waiting", 900, True), ("unfinished", 29, True), ("unfinished", 31, False)),
        ],
        1,
    ):
        folder = _landed(settings, f"2025-{number:02d}", "" if outcome == "unfinished" else "{}")
        if outcome in {"refused", "withdrawn", "accepted"}:
            _judged(settings, folder, outcome, days_ago)
        _age(folder, days_ago)
        os.utime(folder, (time.time() - days_ago * 86400,) * 2)
        (kept if stays else removed).append(folder)
    wanted = {
        **{"deliveries refused for 30 days": 1, "deliveries unfinished for 30 days": 1},
        "deliveries withdrawn for 400 days": 1,
    }
    assert wanted.items() <= _gone(settings, dry_run=True).items()
    assert all(folder.exists() for folder in removed)
    logging = settings.model_copy(update={"log": "stderr"})
    assert wanted.items() <= _gone(logging).items()
    assert [folder.exists() for folder in removed] == [False] * 3
    assert all(folder.exists() for folder in kept)
    line = json.loads(capsys.readouterr().err)
    assert (line["step"], line["code"]) == ("vacuum", "ok")
    assert wanted.items() <= line["gone"].items()


def test_a_refused_delivery_that_was_replaced_waits(settings: Settings) -> None:
    folder = _landed(settings, "2025-01")
    _judged(settings, folder, "refused", 900)
    (folder / "manifest.json").write_text('{"kind": "full"}')
    _age(folder, 900)
    assert sum(_gone(settings).values()) == 0
    assert folder.exists()


def test_a_lock_that_is_held_stays_and_one_removed_is_taken_anew(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with one_at_a_time(lock):
        assert not remove_unheld(lock)
    assert remove_unheld(lock)
    with one_at_a_time(lock):
        assert lock.exists()


@pytest.mark.parametrize(
    ("step", "after"),
    few(
        1,
        [
            (step, after)
            for step in ("remove_judged", "forget_history", "compact", "remove_unreferenced")
            for after in (False, True)
        ],
    ),
)
def test_a_crash_costs_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch, step: str, *, after: bool) -> None:
    _commit(settings, "a-2026-01-1-x", "p1", days_ago=900)
    _commit(settings, "a-2026-01-2-x", "p2", days_ago=800)
    whole: Callable[..., Any] = getattr(LakeUpkeep, step)

    def crashing(*args: Any) -> None:
        if after:
            whole(*args)
        raise KeyboardInterrupt

    monkeypatch.setattr(LakeUpkeep, step, crashing)
    with pytest.raises(KeyboardInterrupt):
        tidying.vacuum(settings, 400, dry_run=False)
    monkeypatch.undo()
    assert _patients(settings) == ["p2"]
    # Never a wrong answer about the past: the rows are there, or the error is.
    assert _outcome_of(lambda: _patients(settings, _NOW - timedelta(days=850))) in (["p1"], "history_removed")
    _gone(settings)
    assert _written(settings) == ["a-2026-01-2-x"]


def _outcome_of(ask: Callable[[], list[str]]) -> list[str] | str:
    try:
        return ask()
    except OutcomesError as error:
        return error.code


def test_a_release_of_before_what_was_removed_is_refused(settings: Settings) -> None:
    _commit(settings, "a-2026-01-1-x", "p1", days_ago=900)
    _commit(settings, "a-2026-01-2-x", "p2", days_ago=800)
    home = ["--home", str(settings.home)]
    shown = CliRunner().invoke(app, [*home, "vacuum", "--dry-run"])
    assert shown.exit_code == 0
    assert "rows out of force for 400 days" in shown.output
    assert CliRunner().invoke(app, [*home, "vacuum"]).exit_code == 0
    time_of_then = f"{_NOW - timedelta(days=850):%Y-%m-%d}"
    refused = CliRunner().invoke(app, [*home, "release", "--as-known-on", time_of_then])
    assert refused.exit_code == MISTAKES["history_removed"].exit_status
    assert json.loads((settings.lake / "history.json").read_text(encoding="utf-8"))["from"]


def test_the_release_is_the_same_before_and_after(small_release: Settings, tmp_path: Path) -> None:
    """The same id, and the same bytes of every Parquet file."""
    settings = copied(small_release, tmp_path)
    _write(settings, "a-2026-02-1-x", "p2", "p3")
    before = current_release(settings)
    kept = {file.name: file.read_bytes() for file in (before.folder / "parquet").iterdir()}
    assert _gone(settings, keep_days=0)["rows never committed"] == 2
    before.folder.rename(settings.home / "before")
    after = pipeline.release(settings)
    assert after.id == before.id
    assert {file.name: file.read_bytes() for file in (after.folder / "parquet").iterdir()} == kept
    assert len(kept) > 10
