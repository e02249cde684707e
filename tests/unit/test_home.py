"""The home: a missing one is never taken for an empty one, and what is made in it is for its owner alone."""

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from outcomes import cli, pipeline
from outcomes.errors import MISTAKES, OutcomesError
from outcomes.home import open_to_others, private_files
from outcomes.settings import Settings

ARGUMENTS = {
    "ingest": "ingest",
    "backfill": "backfill --from 2026-01 --to 2026-02",
    "release": "release",
    "diff": "diff a b",
    "sensitivity": "sensitivity --set pain_nrs=5",
    "explain": "explain north/p1",
    "status": "status",
    "query": "query show",
    "serve": "serve",
    "report": "report north",
    "metrics": "metrics",
    "reprocess": "reprocess",
    "withdraw": "withdraw north 2026-01",
    "repair": "repair",
    "rollback": "rollback a",
    "quarantine": "quarantine list",
    "forget": "forget north/p1 --yes",
    "vacuum": "vacuum",
    "export": "export fhir measures",
    "end-sessions": "end-sessions b.jones",
    "package": "package run study.zip --key study.pub --to north.zip",
}
"""Every command that works on a home that is there."""
MAKE_A_HOME = {"synthesize", "import", "init"}
NEED_NONE = {"mapping", "manifest", "check", "verify-log", "doctor", "merge"}


def _nothing(home: Path) -> None:
    del home


def _a_file(home: Path) -> None:
    home.write_text("", encoding="utf-8")


def _an_empty_folder(home: Path) -> None:
    home.mkdir()


def test_every_command_is_of_one_kind() -> None:
    commands = set(get_command(cli.app).commands)  # type: ignore[attr-defined]
    assert commands == ARGUMENTS.keys() | MAKE_A_HOME | NEED_NONE


@pytest.mark.parametrize("make", [_nothing, _a_file, _an_empty_folder])
@pytest.mark.parametrize("command", ARGUMENTS.values(), ids=ARGUMENTS)
def test_a_home_that_is_none_is_named_and_not_made(tmp_path: Path, make: Callable[[Path], None], command: str) -> None:
    home = tmp_path / "home"
    make(home)
    before = list(tmp_path.rglob("*"))
    result = CliRunner().invoke(cli.app, ["--home", str(home), *command.split()])
    assert result.exit_code == MISTAKES["home_missing"].exit_status
    assert result.stderr.startswith("home_missing: ")
    assert list(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "step",
    [
        lambda settings: pipeline.sites_with_delivery(settings, "2026-01", date(2026, 2, 1)),
        pipeline.waiting,
        pipeline.release,
        pipeline.release_is_current,
    ],
)
def test_a_missing_home_is_no_success_of_a_task_either(tmp_path: Path, step: Callable[[Settings], object]) -> None:
    with pytest.raises(OutcomesError, match=r"^home_missing: "):
        step(Settings(home=tmp_path / "home"))


@pytest.mark.parametrize(
    "command", ["ingest", "release", "backfill", "sensitivity", "report", "reprocess", "repair", "rollback", "package"]
)
def test_a_home_that_cannot_be_written_to_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    (tmp_path / "landing").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: not (mode & os.W_OK and path == tmp_path))
    result = CliRunner().invoke(cli.app, ["--home", str(tmp_path), *ARGUMENTS[command].split()])
    assert result.exit_code == MISTAKES["not_writable"].exit_status
    assert list(tmp_path.iterdir()) == [tmp_path / "landing"]


def test_help_needs_no_home(tmp_path: Path) -> None:
    assert CliRunner().invoke(cli.app, ["--home", str(tmp_path / "none"), "ingest", "--help"]).exit_code == 0


def test_months_in_the_wrong_order_are_named(tmp_path: Path) -> None:
    (tmp_path / "landing").mkdir()
    command = ["--home", str(tmp_path), "backfill", "--from", "2026-03", "--to", "2026-01"]
    result = CliRunner().invoke(cli.app, command)
    assert result.exit_code == MISTAKES["periods_reversed"].exit_status
    assert "--from 2026-03 --to 2026-01" in result.stderr


def test_files_are_private_meanwhile_and_the_umask_comes_back(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with private_files():
            (tmp_path / "private").mkdir()
            (tmp_path / "private" / "file").touch()
        (tmp_path / "open").touch()
        assert os.umask(0) == 0
    finally:
        os.umask(before)
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.rglob("*")}
    assert modes == {"private": 0o700, "file": 0o600, "open": 0o666}


def test_what_others_can_reach_is_listed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    for folder, mode in (("open", 0o755), ("entered", 0o711), ("closed", 0o700), ("of_the_group", 0o750)):
        (home / folder).mkdir(parents=True)
        (home / folder / "rows").touch()
        (home / folder / "rows").chmod(0o644)
        (home / folder).chmod(mode)
    (home / "link").symlink_to(home / "closed" / "rows")
    home.chmod(0o711)
    named = ["entered/rows", "of_the_group", "of_the_group/rows", "open", "open/rows"]
    assert open_to_others(Settings(home=home)) == [home / name for name in named]
    home.chmod(0o700)
    assert open_to_others(Settings(home=home)) == []
