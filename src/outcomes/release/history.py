"""Which release was current from when on: a line of JSON each time that `current` was moved, none ever changed."""

import getpass
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

HISTORY = "history.jsonl"

RELEASE, ROLLBACK = "release", "rollback"


@dataclass(frozen=True)
class Move:
    """`current` moved.

    Attributes:
        time: UTC.
        by: the account that moved it.
        action: release or rollback.
        before: the release that was current; None when there was none.
        after: the one that is.
        reason: why, of a rollback, if somebody said so.
    """

    time: str
    by: str
    action: str
    before: str | None
    after: str
    reason: str | None = None


def record(releases: Path, action: str, before: str | None, after: str, reason: str | None = None) -> None:
    """Add a line; it is on the disk when this returns, so that what follows it is never unrecorded."""
    move = Move(datetime.now(UTC).isoformat(timespec="seconds"), _account(), action, before, after, reason)
    line = json.dumps(asdict(move)) + "\n"
    path = releases / HISTORY
    with path.open("ab") as file:
        # A line that a crash or a full disk cut off stays as it is, and this one stands alone.
        file.write((b"" if _ends_whole(path) else b"\n") + line.encode())
        file.flush()
        os.fsync(file.fileno())


def moves(releases: Path) -> list[Move]:
    """All moves, the first one first; a line that was cut off is none, since nothing was moved after it."""
    path = releases / HISTORY
    found = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []:
        try:
            found.append(Move(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found


def was_rolled_back(releases: Path, release_id: str) -> Move | None:
    """The rollback that took `current` away from this release, unless it has been current again since."""
    for move in reversed(moves(releases)):
        if move.after == release_id:
            return None
        if move.before == release_id and move.action == ROLLBACK:
            return move
    return None


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _account() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # an account without a name, as containers have them
        return str(os.getuid())
