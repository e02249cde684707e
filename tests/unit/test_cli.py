"""The command line's manners: help, exit statuses, and errors that never carry a value."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

import dashboards.commands
from outcomes import cli, pipeline
from outcomes.errors import MISTAKES, SubmissionRefused
from outcomes.lake import SubmissionRecord
from outcomes.settings import Settings

COMMANDS = sorted(get_command(cli.app).commands)  # type: ignore[attr-defined]


def run(home: Path, *arguments: str) -> Any:
    return CliRunner().invoke(cli.app, ["--home", str(home), *arguments])


def deliver(home: Path, *places: str) -> None:
    for place in places:
        folder = home / "landing" / place
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}", encoding="utf-8")


@pytest.fixture
def ingested(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The submissions that were ingested, in order; those of the site `bad` are refused."""
    done: list[str] = []

    def take_in(settings: Settings, site_id: str, period: str) -> SubmissionRecord:
        done.append(f"{site_id}/{period}")
        if site_id == "bad":
            raise SubmissionRefused("file_empty", f"{site_id}/{period}: patients")
        return SubmissionRecord(
            "id", site_id, period, 1, "accepted", rows_in=1200, rows_accepted=1190, rows_quarantined=10
        )

    monkeypatch.setattr(pipeline, "take_in", take_in)
    return done


def test_all_commands_are_there() -> None:
    expected = "synthesize manifest check init import mapping ingest backfill reprocess withdraw repair release"
    expected += " rollback diff sensitivity explain export quarantine status doctor metrics query serve report"
    expected += " verify-log forget vacuum end-sessions package merge"
    assert sorted(expected.split()) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = CliRunner().invoke(cli.app, [command, "--help"])
    assert result.exit_code == 0
    assert f"Example: outcomes {command}" in " ".join(result.stdout.split())


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from outcomes.cli import app; "
        "heavy = {'pandas', 'pyarrow', 'duckdb', 'great_expectations', 'deltalake', 'flask'} & sys.modules.keys(); "
        "sys.exit(len(heavy))"
    )
    assert os.spawnl(os.P_WAIT, sys.executable, sys.executable, "-c", code) == 0


def test_a_refused_submission_does_not_stop_the_others(tmp_path: Path, ingested: list[str]) -> None:
    deliver(tmp_path, "south/2026-01", "bad/2026-01", "north/2026-02", "north/2026-01")
    result = run(tmp_path, "ingest")
    assert ingested == ["bad/2026-01", "north/2026-01", "north/2026-02", "south/2026-01"]
    assert result.exit_code == MISTAKES["submissions_refused"].exit_status
    assert (
        "3 accepted, 1 refused; of the accepted 3,600 rows 3,570 are in the lake, 30 in quarantine, 0 pending"
        in result.stdout
    )
    refusals = result.stderr.splitlines()
    assert refusals[0].startswith("file_empty: a file holds no rows (bad/2026-01: patients). To do: ")
    assert refusals[1].startswith("submissions_refused: at least one submission was refused (1 of 4). To do: ")


def test_ingest_takes_the_submissions_named(tmp_path: Path, ingested: list[str]) -> None:
    deliver(tmp_path, "south/2026-01", "north/2026-02", "north/2026-01")
    result = run(tmp_path, "ingest", "south/2026-01", "north/2026-01", "north/2026-01")
    assert result.exit_code == 0
    assert ingested == ["north/2026-01", "south/2026-01"]


@pytest.mark.parametrize("text", ["north/2026-02", "north", "north/2026-01/patients.csv", "../north/2026-01"])
def test_a_submission_that_has_not_landed_is_named(tmp_path: Path, ingested: list[str], text: str) -> None:
    deliver(tmp_path, "north/2026-01")
    result = run(tmp_path, "ingest", text)
    assert result.exit_code == MISTAKES["submission_unknown"].exit_status
    assert ingested == []


def test_a_folder_without_manifest_is_not_a_submission_yet(tmp_path: Path, ingested: list[str]) -> None:
    (tmp_path / "landing" / "north" / "2026-01").mkdir(parents=True)
    assert run(tmp_path, "ingest").exit_code == 0
    assert ingested == []


def test_backfill_goes_month_by_month(tmp_path: Path, ingested: list[str]) -> None:
    deliver(tmp_path, "north/2025-12", "north/2026-01", "north/2026-02", "north/2026-03", "south/2026-01")
    assert run(tmp_path, "backfill", "--from", "2026-01", "--to", "2026-02").exit_code == 0
    assert ingested == ["north/2026-01", "south/2026-01", "north/2026-02"]


@pytest.mark.parametrize(
    "command",
    [
        ("synthesize", "--until"),
        ("backfill", "--to", "2026-02", "--from"),
        ("reprocess", "--from"),
        ("quarantine", "list", "--period"),
        ("withdraw", "north"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("month", ["0000-01", "2026-13", "2026"])
def test_every_command_that_takes_a_month_refuses_what_is_none(
    command: tuple[str, ...], month: str, tmp_path: Path
) -> None:
    result = run(tmp_path, *command, month)
    assert result.exit_code == MISTAKES["period_malformed"].exit_status
    assert result.stderr.startswith("period_malformed: a period is not a month")


def test_backfill_refuses_what_is_no_month(tmp_path: Path) -> None:
    result = run(tmp_path, "backfill", "--from", "2026-1", "--to", "2026-02")
    assert result.exit_code == MISTAKES["period_malformed"].exit_status
    assert result.stderr.startswith("period_malformed: a period is not a month (--from). To do: ")


def test_an_unexpected_error_names_type_and_place_only(
    tmp_path: Path, ingested: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("could not convert 'Jane Doe' to a number")

    deliver(tmp_path, "north/2026-01")
    monkeypatch.setattr(pipeline, "ingest_each", fail)
    result = run(tmp_path, "ingest")
    assert result.exit_code == 1
    assert result.stderr.startswith("unexpected ValueError (outcomes.cli.lake, line ")
    assert "Jane" not in result.output


@pytest.mark.parametrize("wrong", ["ingest --nope", "nope", "release --as-known-on", "backfill", "serve --port 0"])
def test_a_wrong_use_ends_with_2_and_is_explained(tmp_path: Path, wrong: str) -> None:
    result = run(tmp_path, *wrong.split())
    assert result.exit_code == 2
    assert "─ Error ─" in result.stderr


def test_a_setting_that_is_not_valid_is_named_without_its_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OUTCOMES_MINIMUM_CELL_COUNT", "three")
    result = run(tmp_path, "ingest")
    assert result.exit_code == 2
    assert "OUTCOMES_MINIMUM_CELL_COUNT" in result.stderr
    assert "three" not in result.stderr


def test_home_is_read_from_the_environment(
    tmp_path: Path, ingested: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(tmp_path / "elsewhere", "north/2026-01")
    monkeypatch.setenv("OUTCOMES_HOME", str(tmp_path / "elsewhere"))
    assert CliRunner().invoke(cli.app, ["ingest"]).exit_code == 0
    assert ingested == ["north/2026-01"]


def test_why_not_needs_a_label(tmp_path: Path) -> None:
    deliver(tmp_path, "north/2026-01")
    result = run(tmp_path, "explain", "north/p1", "--why-not")
    assert result.exit_code == 2
    assert "--label" in result.stderr


def state_manifest(home: Path, kind: str, *more: str) -> tuple[Any, Path]:
    """The command over a folder of two patients, and the manifest that it writes."""
    folder = home / "north" / "2026-01"
    folder.mkdir(parents=True)
    (folder / "patients.csv").write_text("patient_id\np1\np2\n", encoding="utf-8")
    options = ("--kind", kind, "--method", "safe_harbor", "--data-cut", "2026-01-31", *more)
    return run(home, "manifest", str(folder), *options), folder / "manifest.json"


def test_manifest_takes_site_and_period_from_the_folder(tmp_path: Path) -> None:
    result, manifest = state_manifest(tmp_path, "full")
    assert result.exit_code == 0
    assert "1 files, 2 rows" in result.stdout
    written = manifest.read_text(encoding="utf-8")
    assert '"site_id": "north"' in written
    assert '"period": "2026-01"' in written


def test_manifest_declares_codes_for_missing(tmp_path: Path) -> None:
    _, manifest = state_manifest(tmp_path, "full", "--missing-code", "999", "--missing-code", "eq_vas=99")
    assert json.loads(manifest.read_text(encoding="utf-8"))["missing_codes"] == ["999", "eq_vas=99"]


def test_manifest_refuses_a_word_that_it_does_not_know(tmp_path: Path) -> None:
    result, manifest = state_manifest(tmp_path, "some")
    assert result.exit_code == MISTAKES["manifest_malformed"].exit_status
    assert not manifest.exists()


def test_serve_replaces_the_process_by_gunicorn_on_loopback(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replaced: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, command: replaced.append(command))
    monkeypatch.setenv("OUTCOMES_HOME", "to be replaced")
    deliver(tmp_path, "north/2026-01")
    result = run(tmp_path, "serve", "--port", "8123")
    assert result.exit_code == 0
    assert "http://127.0.0.1:8123" in result.stdout
    (command,) = replaced
    assert command[command.index("--bind") + 1] == "127.0.0.1:8123"
    assert command[-1] == "dashboards.server:server()"
    assert os.environ["OUTCOMES_HOME"] == str(tmp_path.resolve())


@pytest.mark.parametrize(
    ("command", "needed"),
    [("serve", "gunicorn"), ("report north", "jinja2"), ("verify-log", "flask"), ("end-sessions --all", "flask")],
)
def test_a_command_of_the_dashboards_says_when_their_packages_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, needed: str
) -> None:
    monkeypatch.setattr(dashboards.commands, "find_spec", lambda package: None if package == needed else "installed")
    deliver(tmp_path, "north/2026-01")
    result = run(tmp_path, *command.split())
    assert result.exit_code == MISTAKES["dashboards_missing"].exit_status
    assert f"({needed})" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["--help"], 0), (["nope"], 2), (["manifest", "nowhere", "--kind", "full"], 2), (["status"], 83)],
)
def test_the_program_ends_with_the_exit_status_and_without_teardown(
    tmp_path: Path, arguments: list[str], status: int
) -> None:
    """What is registered before `main` runs would come after its end, as the interpreter's own teardown does."""
    code = "import atexit; atexit.register(print, 'torn down'); from outcomes.cli import main; main()"
    command = [sys.executable, "-c", code, "--home", str(tmp_path / "none"), *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == status
    assert "torn down" not in ended.stdout
    assert ended.stdout if status == 0 else ended.stderr


def test_the_program_says_when_its_output_is_lost() -> None:
    code = "import sys; from outcomes import cli; cli.app = lambda: (print('rows'), sys.exit()); cli.main()"
    buffered = os.environ | {"PYTHONUNBUFFERED": ""}
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        assert subprocess.run([sys.executable, "-c", code], stdout=full, env=buffered, check=False).returncode == 120
