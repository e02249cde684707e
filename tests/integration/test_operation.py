"""An installation in operation: private files, a log for machines, metrics, and the doctor's findings."""

import contextlib
import fcntl
import json
import os
import re
import subprocess
import sys
import time
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from dashboards.reports import write_report
from outcomes import pipeline
from outcomes.cli import app
from outcomes.errors import MISTAKES, SubmissionRefused
from outcomes.home import open_to_others
from outcomes.release import doctor
from outcomes.release.doctor import Finding
from outcomes.release.open import Release
from outcomes.settings import Settings
from tests.support.submissions import fusion, patient, write_submission

PERIOD = "2025-05"
TABLES = {"patients": [patient("p000001"), patient("p000002")], "procedures": [fusion("p000001"), fusion("p000002")]}


def run(home: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["--home", str(home), *arguments])


@contextlib.contextmanager
def _open_to_everyone() -> Iterator[None]:
    """The umask under which all that is made is open to everyone, unless its maker sees to it."""
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


@_open_to_everyone()
def test_all_that_is_written_is_private_whatever_the_umask(tmp_path: Path) -> None:
    home = tmp_path / "home"
    small = ("--sites", "1", "--patients", "20", "--months", "1")
    assert run(home, "synthesize", *small).exit_code == 0
    run(home, "ingest")  # some are spoiled on purpose, and refused
    assert run(home, "release").exit_code == 0
    assert run(home, "sensitivity", "--set", "pain_nrs=5").exit_code == 0
    assert run(home, "report", "alder").exit_code == 0
    folders = {path.relative_to(home).parts[0] for path in home.rglob("*") if path.is_file()}
    assert folders >= {"landing", "lake", "quarantine", "releases", "reports", "answer_key", "tmp"}
    modes = {path: path.lstat().st_mode & 0o777 for path in [home, *home.rglob("*")] if not path.is_symlink()}
    assert [path for path, mode in modes.items() if mode & 0o077] == []
    home.chmod(0o755)
    assert open_to_others(Settings(home=home)) == [home]


class Worked(NamedTuple):
    """A home in which every step has been done once, while whatever was made was open to everyone by default.

    Attributes:
        settings: of the home, whose landing folder somebody else wrote.
        release: that was built.
        started: seconds since 1970 when the first step began.
        before: the metrics before the first step.
        after: the metrics after the last.
    """

    settings: Settings
    release: Release
    started: int
    before: dict[str, float]
    after: dict[str, float]


@pytest.fixture(scope="module")
def worked(tmp_path_factory: pytest.TempPathFactory) -> Worked:
    with _open_to_everyone():
        settings = Settings(home=tmp_path_factory.mktemp("worked"), log="file")
        write_submission(settings, "north", PERIOD, TABLES)
        write_submission(settings, "south", PERIOD, {"patients": [patient(age_years=93)], "procedures": [fusion()]})
        (settings.landing / "west" / PERIOD).mkdir(parents=True)
        before = samples(run(settings.home, "metrics").stdout)
        started = int(time.time())
        pipeline.ingest(settings, "north", PERIOD)
        with pytest.raises(SubmissionRefused):
            pipeline.ingest(settings, "south", PERIOD)
        release = pipeline.release(settings)
        write_report(settings, "north")
        return Worked(settings, release, started, before, samples(run(settings.home, "metrics").stdout))


def test_a_task_writes_privately_too(worked: Worked) -> None:
    settings = worked.settings
    written = [path for path in settings.home.rglob("*") if settings.landing not in [path, *path.parents]]
    assert [path for path in written if not path.is_symlink() and path.stat().st_mode & 0o077] == []
    settings.home.chmod(0o755)
    manifests = {*settings.landing.glob("*/*/manifest.json")}
    assert len(manifests) == 2
    assert set(open_to_others(settings)) >= manifests | {manifest.parent for manifest in manifests}


def test_each_step_is_logged_with_its_counts_and_no_value(worked: Worked) -> None:
    log, built = worked.settings.event_log, worked.release
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", line.pop("at"))
        assert line.pop("seconds") > 0
    north, south, release = lines
    counts = {"rows_in": 4, "rows_accepted": 4, "rows_quarantined": 0}
    assert north == {"step": "ingest", "site": "north", "period": PERIOD, "code": "ok"} | counts
    assert south == {"step": "ingest", "site": "south", "period": PERIOD, "code": "age_over_89"}
    assert release == {
        "step": "release",
        "as_known_on": None,
        "code": "ok",
        "release": built.id,
        "rows": built.counts,
    }
    assert log.stat().st_mode & 0o777 == 0o600


def test_an_error_without_a_name_is_logged_without_its_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: Any) -> None:
        raise ValueError("Jane Doe")

    monkeypatch.setattr("outcomes.intake.submission.ingest_submission", fail)
    with pytest.raises(Exception, match="ValueError"):
        pipeline.ingest(Settings(home=tmp_path, log="stderr"), "north", PERIOD)
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["code"] == "unexpected"
    assert "Jane" not in line


def samples(text: str) -> dict[str, float]:
    """The samples of a text in the format of Prometheus, each of a metric that is declared above it."""
    found, declared = {}, set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            declared.add(line.split()[2])
        elif not line.startswith("# HELP "):
            match = re.fullmatch(r'(outcomes_[a-z_]+)(\{[a-z]+="[a-z_]+"\})? (\d+)', line)
            assert match is not None, line
            assert match[1] in declared
            found[match[1] + (match[2] or "")] = float(match[3])
    return found


def test_metrics_before_and_after_a_release(worked: Worked) -> None:
    before, after = worked.before, worked.after
    assert before['outcomes_waiting_deliveries{state="complete"}'] == 2
    assert before['outcomes_waiting_deliveries{state="without_manifest"}'] == 1
    assert not {"outcomes_release_age_seconds", "outcomes_last_ingest_timestamp_seconds"} & before.keys()
    assert after['outcomes_submissions{status="accepted"}'] == 1
    assert after['outcomes_submissions{status="refused"}'] == 1
    assert after['outcomes_rows{outcome="accepted"}'] == 4
    assert after['outcomes_rows{outcome="refused"}'] == 2
    assert after['outcomes_waiting_deliveries{state="complete"}'] == 0
    assert worked.started <= after["outcomes_last_ingest_timestamp_seconds"] <= time.time() + 1
    assert after["outcomes_release_age_seconds"] <= time.time() - worked.started + 1


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A home that is well: private, a register, and nothing that waits."""
    tmp_path.chmod(0o700)
    (tmp_path / "landing").mkdir()
    (tmp_path / "sites.csv").write_text("site_id,name\nnorth,North\nsouth,South\n", encoding="utf-8")
    return Settings(home=tmp_path)


def finding(settings: Settings, check: str) -> Finding:
    return next(each for each in doctor.examine(settings) if each.check == check)


def test_status_does_without_the_packages_that_are_slow_to_begin(tmp_path: Path) -> None:
    write_submission(Settings(home=tmp_path), "north", PERIOD, TABLES)
    assert run(tmp_path, "ingest").exit_code == 0
    code = "import sys; from outcomes.cli import main; main()"
    command = [sys.executable, "-X", "importtime", "-c", code, "--home", str(tmp_path), "status"]
    imports = subprocess.run(command, capture_output=True, text=True, check=True).stderr
    assert "duckdb" in imports
    assert not [package for package in ("pandas", "scipy", "great_expectations") if f" {package}\n" in imports]


def test_a_home_that_is_well_passes_every_check(settings: Settings) -> None:
    result = run(settings.home, "doctor", "--json")
    assert result.exit_code == 0, result.stdout
    findings = json.loads(result.stdout)
    assert {each["level"] for each in findings} == {"ok"}
    assert len(findings) == len(doctor.CHECKS)
    assert "duckdb 2" in next(each["says"] for each in findings if each["check"] == "packages")


def test_a_failure_ends_with_its_exit_status_and_each_line_says_what_to_do(tmp_path: Path) -> None:
    result = run(tmp_path / "none", "doctor")
    assert result.exit_code == MISTAKES["doctor_failed"].exit_status
    assert "failure  home: the folder of all data is missing or holds no data" in result.stdout
    assert f"to do: {MISTAKES['home_missing'].remedy}" in result.stdout
    assert "doctor_failed: " in result.stderr
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(("mode", "level"), [(0o755, "failure"), (0o750, "warning"), (0o711, "ok")])
def test_a_home_that_others_can_look_into(settings: Settings, mode: int, level: str) -> None:
    (settings.home / "landing").chmod(0o700)
    (settings.home / "sites.csv").chmod(0o600)
    settings.home.chmod(mode)
    assert finding(settings, "privacy").level == level


def test_a_package_that_cannot_be_imported(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(doctor._PACKAGES, "left-pad", "left_pad")
    assert finding(settings, "packages") == Finding(
        "packages", "failure", "cannot be imported: left-pad", "install the package anew, with its locked versions"
    )


@pytest.mark.parametrize(("free", "level"), [(0.5, "failure"), (3, "warning"), (50, "ok")])
def test_space(settings: Settings, monkeypatch: pytest.MonkeyPatch, free: float, level: str) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage(int(free * 10**9)))
    assert finding(settings, "space").level == level


def _aged(path: Path) -> None:
    os.utime(path, (0, 0))


def test_a_lock_held_for_long_and_what_a_crash_left(settings: Settings) -> None:
    settings.locks.mkdir()
    lock = settings.lake_lock
    lock.touch()
    (settings.releases / ".building").mkdir(parents=True)
    for path in (lock, settings.releases / ".building"):
        _aged(path)
    assert finding(settings, "locks").level == "ok"
    assert finding(settings, "leftovers").level == "warning"
    with lock.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert str(lock) in finding(settings, "locks").says
        assert finding(settings, "leftovers").level == "ok"


def test_a_register_that_cannot_be_read_fails_and_stops_no_other_check(settings: Settings) -> None:
    settings.sites_file.write_text("nonsense\n", encoding="utf-8")
    findings = {each.check: each.level for each in doctor.examine(settings)}
    assert len(findings) == len(doctor.CHECKS)
    assert findings["site_files"] == "failure"
    assert findings["deliveries"] == "ok"


def test_deliveries_that_wait_are_late_or_refused(settings: Settings) -> None:
    write_submission(settings, "north", "2025-05", {"patients": [patient(age_years=93)], "procedures": [fusion()]})
    write_submission(settings, "south", "2025-04", TABLES)
    assert "2 waiting for ingest" in finding(settings, "deliveries").says
    run(settings.home, "ingest")
    assert finding(settings, "deliveries").level == "ok"
    assert finding(settings, "refused").says == "refused at the last attempt: north/2025-05 age_over_89"


def test_a_check_that_fails_itself_quotes_nothing(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def _broken(_: Settings) -> Any:
        raise ValueError("Jane Doe")

    monkeypatch.setattr(doctor, "CHECKS", (_broken,))
    assert doctor.examine(settings) == [
        Finding("broken", "failure", "could not be checked: ValueError", "see to the other lines first")
    ]
