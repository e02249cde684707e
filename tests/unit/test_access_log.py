"""The access log: what a line holds, and that a line changed, moved or taken out shows."""

import hashlib
import json
import os
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from typer.testing import CliRunner

from dashboards.access.log import AccessLog, case_view, verify
from dashboards.access.scope import Scope
from outcomes.cli import app
from outcomes.errors import MISTAKES, OutcomesError

_SCOPE = Scope("alice", frozenset({"north"}), "quality")


def broken_line(path: Path) -> int | None:
    """The number of the first line that does not follow; None if all do."""
    try:
        verify(path)
    except OutcomesError as error:
        return int(error.where.removeprefix(f"{path}, line "))
    return None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a log of five lines."""
    found = tmp_path / "logs" / "access.jsonl"
    for rows in range(5):
        AccessLog(found).record(_SCOPE, f"measure period={rows}", "2026-01-aaaaaaaaaaaa", rows)
    return found


def test_a_line_says_who_saw_what_of_which_release_and_how_many_rows(path: Path) -> None:
    AccessLog(path).record(Scope("böb\n", frozenset(), "clinical"), "overview", None, 7)
    line = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
    assert list(line) == ["at", "user", "view", "release", "rows", "chain"]
    assert (line["user"], line["view"], line["release"], line["rows"]) == ("böb\n", "overview", None, 7)
    at = datetime.fromisoformat(line["at"])
    assert at.utcoffset() == timedelta(0)
    assert timedelta(0) <= datetime.now(UTC) - at < timedelta(minutes=5)
    assert broken_line(path) is None


def test_a_chain_can_be_worked_out_without_this_code(path: Path) -> None:
    previous = "0" * 64
    for line in path.read_text(encoding="ascii").splitlines():
        told, _, chain = line.rpartition(', "chain": "')
        previous = hashlib.sha256(f"{previous}{told}}}".encode()).hexdigest()
        assert chain == f'{previous}"}}'


def test_only_its_owner_may_read_the_log(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_case_is_recorded_by_a_hash_of_its_key() -> None:
    assert case_view("P0001") == f"cases/patient {hashlib.sha256(b'P0001').hexdigest()[:12]}"


def test_a_whole_log_follows(path: Path, tmp_path: Path) -> None:
    assert broken_line(path) is None
    (tmp_path / "empty").touch()
    assert broken_line(tmp_path / "empty") is None


@pytest.mark.parametrize("number", [1, 2, 3, 4])
def test_a_removed_line_shows_at_the_one_that_took_its_place(path: Path, number: int) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: number - 1] + lines[number:]))
    assert broken_line(path) == number


@pytest.mark.parametrize("number", [1, 3, 5])
@pytest.mark.parametrize(
    ("told", "changed"),
    [
        (b'"alice"', b'"carol"'),
        (b'"rows": ', b'"rows": 1'),
        (b"measure", b"overview"),
        (b'{"at"', b'{ "at"'),
        (b'"user"', b'"user": "x", "user"'),
    ],
)
def test_a_changed_line_shows(path: Path, number: int, told: bytes, changed: bytes) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    assert told in lines[number - 1]
    lines[number - 1] = lines[number - 1].replace(told, changed)
    path.write_bytes(b"".join(lines))
    assert broken_line(path) == number


@pytest.mark.parametrize("added", [b"\n", b"[]\n", b"\xff\n", b"null\n", b'{"chain": 1}\n'])
def test_a_foreign_line_shows(path: Path, added: bytes) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], added, *lines[2:]]))
    assert broken_line(path) == 3


def test_swapped_lines_show(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[2], lines[1], *lines[3:]]))
    assert broken_line(path) == 2


def test_a_line_that_a_crash_cut_off_shows_and_the_next_one_stands_on_its_own(path: Path) -> None:
    os.truncate(path, path.stat().st_size - 10)
    AccessLog(path).record(_SCOPE, "overview", None, 0)
    assert broken_line(path) == 5
    assert json.loads(path.read_bytes().splitlines()[5])["view"] == "overview"


def test_a_line_longer_than_a_block_is_followed(path: Path) -> None:
    AccessLog(path).record(_SCOPE, "x" * 10_000, None, 0)
    AccessLog(path).record(_SCOPE, "overview", None, 0)
    assert broken_line(path) is None


def test_writers_in_four_processes_leave_a_whole_chain(tmp_path: Path) -> None:
    path = tmp_path / "access.jsonl"
    spawn = get_context("spawn")
    together = spawn.Barrier(4)
    processes = [spawn.Process(target=_write, args=(path, writer, together)) for writer in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    views = [json.loads(line)["view"] for line in path.read_bytes().splitlines()]
    assert sorted(views) == sorted(f"{writer} {count}" for writer in range(4) for count in range(200))
    assert broken_line(path) is None


def _write(path: Path, writer: int, together: Barrier) -> None:
    log = AccessLog(path)
    together.wait()
    for count in range(200):
        log.record(_SCOPE, f"{writer} {count}", None, count)


def test_what_cannot_be_recorded_whole_leaves_nothing_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, write = path.read_bytes(), os.write
    monkeypatch.setattr(os, "write", lambda file, line: write(file, line[:20]))
    with pytest.raises(OSError, match="access log"):
        AccessLog(path).record(_SCOPE, "overview", None, 0)
    assert path.read_bytes() == before


def test_the_command_tells_whether_the_log_is_whole(path: Path) -> None:
    last = json.loads(path.read_bytes().splitlines()[-1])["chain"]
    command = ["--home", str(path.parents[1]), "verify-log"]
    whole = CliRunner().invoke(app, command)
    assert (whole.exit_code, whole.stdout) == (0, f"5 lines, each follows from the line before; last chain {last}\n")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    broken = CliRunner().invoke(app, command)
    assert broken.exit_code == MISTAKES["access_log_broken"].exit_status
    assert f"({path}, line 1)" in broken.stderr
    missing = CliRunner().invoke(app, [*command, str(path / "none")])
    assert missing.exit_code == MISTAKES["access_log_unreadable"].exit_status
