"""The access log: who saw which page of which release, and how many rows it held; never a value of a record.

Each line of the file is a JSON object: at (UTC), user, view, release, rows, chain. `chain` is the sha256 of the chain
of the line before and of this line, so that a line that was changed or taken out shows, and one chain that was noted
elsewhere vouches for every line before it. Lines taken off the end show only against such a note.
"""

import errno
import fcntl
import hashlib
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dashboards.access.scope import Scope
from outcomes.errors import OutcomesError

_START = "0" * 64
_BLOCK = 4096  # bytes; a line is shorter


class NotLogged(OSError):  # noqa: N818 - what it says of a view, as Denied does
    """A line could not be written; then what it tells of must not be shown, or done, either."""


class AccessLog:
    """An append-only log that several processes may write.

    Args:
        path: the file; it is made when the first line is written, for this user's eyes only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def record(self, scope: Scope, view: str, release_id: str | None, rows: int) -> None:
        """Add a line: this user saw `rows` rows of `view`.

        Args:
            scope: of the request being answered.
            view: the page's name and its filters; of a single patient's page `case_view`.
            release_id: the release that was shown; None before the first.
            rows: how many were shown.

        Raises:
            NotLogged: the line could not be written.
        """
        try:
            self._write(scope, view, release_id, rows)
        except OSError as error:
            raise NotLogged(error.errno, f"the access log cannot be written: {error.strerror}") from error

    def _write(self, scope: Scope, view: str, release_id: str | None, rows: int) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            # the time is taken under the lock, so that lines stand in its order
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            entry = {"at": at, "user": scope.user, "view": view, "release": release_id, "rows": rows}
            _append(file, entry)
        finally:
            os.close(file)


def case_view(patient_key: str) -> str:
    """The view of one patient's page: `cases/patient` and the first 12 digits of the sha256 of the patient's key.

    The log then holds no key that leads to a patient, and who has the keys can still ask who saw a certain one.

    Args:
        patient_key: the pseudonymous key of the marts.
    """
    return f"cases/patient {hashlib.sha256(patient_key.encode()).hexdigest()[:12]}"


def verify(path: Path) -> tuple[int, str]:
    """How many lines a log holds, and the chain of the last, when each follows from the line before.

    Raises:
        OutcomesError: `access_log_broken` - a line does not follow; `access_log_unreadable`.
    """
    number, chain = 0, _START
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                entry = _parsed(line)
                previous, chain = chain, entry.pop("chain", None)
                if line != _line(previous, entry):
                    raise OutcomesError("access_log_broken", f"{path}, line {number}")
    except OSError as error:
        raise OutcomesError("access_log_unreadable", f"{path}: {error.strerror}") from None
    return number, chain


def _append(file: int, entry: dict[str, Any]) -> None:
    """Write the line in one piece, or nothing."""
    end = os.fstat(file).st_size
    last = _last_line(file, end)
    mend = b"\n" if last and not last.endswith(b"\n") else b""  # a crash cut the last line off: it stays, and shows
    line = mend + _line(_chain_of(last), entry)
    if os.write(file, line) != len(line):
        os.ftruncate(file, end)
        raise OSError(errno.ENOSPC, "no room for a line of the access log")


def _last_line(file: int, end: int) -> bytes:
    """The last line of a file of `end` bytes with its line feed, empty of an empty file."""
    start = end
    while start > 0:
        start = max(0, start - _BLOCK)
        tail = os.pread(file, end - start, start)
        _, newline, last = tail[:-1].rpartition(b"\n")
        if newline or start == 0:
            return last + tail[-1:]
    return b""


def _line(previous: str, entry: dict[str, Any]) -> bytes:
    """A line as it stands in the file, after one whose chain is `previous`."""
    chain = hashlib.sha256((previous + json.dumps(entry)).encode()).hexdigest()
    return (json.dumps({**entry, "chain": chain}) + "\n").encode()


def _chain_of(line: bytes) -> str:
    """The chain that the line after this one builds upon; the start where this is no line of the log."""
    found = _parsed(line).get("chain")
    return found if isinstance(found, str) else _START


def _parsed(line: bytes) -> dict[str, Any]:
    """What a line says; nothing when it is no line of this log."""
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
