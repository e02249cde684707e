"""Killed at any operation on a file, a publish or a rollback leaves `current` whole, and the next run clears up."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from outcomes.release import history
from outcomes.release.build import build_release
from outcomes.release.open import current_release
from outcomes.release.publish import is_rolled_back, publish, roll_back
from outcomes.release.verify import verify
from outcomes.settings import Settings
from tests.integration.small_lake import fill_lake
from tests.support.examples import few
from tests.support.small_releases import current_id, cut, is_whole, put, writes

_ON_FILES = ("open", "os.", "shutil.")
"""Beginnings of the names of audit events of which each is one operation on a file or a folder."""


def _publish_b(releases: Path) -> None:
    publish(releases, "b", writes("b"), kept=1)


def _publish_a_anew(releases: Path) -> None:
    publish(releases, "a", writes("a"), kept=5)


def _roll_back_to_a(releases: Path) -> None:
    roll_back(releases, "a", "tried")


def _nothing(_: Path) -> None:
    pass


def _one(releases: Path) -> None:
    put(releases, "a")


def _one_damaged(releases: Path) -> None:
    cut(put(releases, "a") / "research.duckdb")


def _damaged_beside_a_current_one(releases: Path) -> None:
    _one_damaged(releases)
    put(releases, "c")


def _two(releases: Path) -> None:
    put(releases, "a")
    put(releases, "b")


Step = Callable[[Path], None]
WAYS: dict[str, tuple[Step, Step, set[str | None], str]] = {
    "the first release": (_nothing, _publish_b, {None, "b"}, "b"),
    "the next, which replaces the only one": (_one, _publish_b, {"a", "b"}, "b"),
    "a damaged one that is not current": (_damaged_beside_a_current_one, _publish_a_anew, {"c", "a"}, "a"),
    "a damaged one that is current": (_one_damaged, _publish_a_anew, {None, "a damaged", "a"}, "a"),
    "a rollback": (_two, _roll_back_to_a, {"a", "b"}, "a"),
}


@pytest.mark.parametrize("way", few(1, list(WAYS)[1:] + list(WAYS)[:1]))
def test_killed_at_any_operation(tmp_path: Path, way: str) -> None:
    prepare, step, may_be_current, at_the_end = WAYS[way]
    prepared = tmp_path / "prepared"
    prepared.mkdir()
    prepare(prepared)
    for operation in range(1, 1000):
        releases = tmp_path / "releases"
        shutil.copytree(prepared, releases, symlinks=True)
        was_killed = _killed_at(operation, step, releases)
        assert _seen(releases) in may_be_current, operation
        step(releases)
        assert _seen(releases) == at_the_end, operation
        assert not [path.name for path in releases.glob(".*") if path.name != ".lock"], operation
        assert is_whole(releases / at_the_end), operation
        shutil.rmtree(releases)
        if not was_killed:
            break
    assert 10 < operation < 1000


def _seen(releases: Path) -> str | None:
    """What a reader of `current` finds: a whole release, a damaged one, none; a mixture is never whole."""
    name = current_id(releases)
    if name is None or is_whole(releases / name):
        return name
    return f"{name} damaged"


def _killed_at(operation: int, step: Step, releases: Path) -> bool:
    """Whether a process that was to do this step, and to be killed before its n-th operation, had so many."""
    child = os.fork()
    if child == 0:
        left = operation

        def kill_in_time(event: str, _: Any) -> None:
            nonlocal left
            if event.startswith(_ON_FILES):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(kill_in_time)
        try:
            step(releases)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_what_a_failed_build_wrote_is_removed_at_once(tmp_path: Path, error: type[BaseException]) -> None:
    put(tmp_path, "a")

    def fails(folder: Path) -> None:
        writes("b")(folder)
        raise error

    with pytest.raises(error):
        publish(tmp_path, "b", fails, kept=5)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".lock", "a", "current", "history.jsonl"]
    assert current_id(tmp_path) == "a"


def test_a_command_that_is_killed_while_it_writes_the_marts_leaves_what_the_next_removes(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    fill_lake(settings)
    command = [sys.executable, "-c", "from outcomes.cli import app; app()", "--home", str(tmp_path), "release"]
    with subprocess.Popen(command) as running:
        while not (settings.releases / ".building" / "dashboard.duckdb").exists():
            assert running.poll() is None, "it ended before it was killed"
            time.sleep(0.01)
        running.kill()
    assert [path.name for path in settings.releases.iterdir() if path.name[0] != "."] == []
    assert build_release(settings).id.startswith("2026-01-")
    assert len([path for path in settings.releases.iterdir() if path.is_dir() and not path.is_symlink()]) == 1
    verify(current_release(settings).folder)


def test_a_line_of_the_history_that_was_cut_off_is_passed_over_and_kept(tmp_path: Path) -> None:
    put(tmp_path, "a")
    put(tmp_path, "b")
    file = tmp_path / history.HISTORY
    torn = file.read_bytes()[:-20]
    file.write_bytes(torn)
    roll_back(tmp_path, "a", "why")
    assert file.read_bytes().startswith(torn + b"\n")
    assert [(move.action, move.before, move.after) for move in history.moves(tmp_path)] == [
        ("release", None, "a"),
        ("rollback", "b", "a"),
    ]
    last = json.loads(file.read_text(encoding="utf-8").splitlines()[-1])
    assert last["by"]
    assert last["time"].endswith("+00:00")
    assert is_rolled_back(tmp_path, "b")
