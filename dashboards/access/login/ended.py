"""Sessions that are over before their hour: by logging out, or because the operator ended a user's.

A session is a cookie, and a copy of it is as good as the cookie itself until the server no longer takes it. So each
session has an id and a time of login, and a file that all server processes read says which are over. It holds no id,
only its sha256, and a line goes once no session can be as old as it.
"""

import hashlib
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any

from outcomes.errors import OutcomesError
from outcomes.locks import one_at_a_time
from outcomes.whole_files import write_whole

_LONGEST = 24 * 3600
"""Seconds; no session lasts longer (`session_hours`)."""

_Stamp = tuple[int, int, int] | None


@dataclass(frozen=True)
class _Over:
    """One session, or all of a user's that began before a time; of everybody's where no user is named."""

    at: float
    session: str | None = None
    user: str | None = None

    def covers(self, session: str, user: str, since: float) -> bool:
        if self.session is not None:
            return self.session == session
        return self.user in {None, user} and since <= self.at


class EndedSessions:
    """The file of ended sessions, read again when it has changed.

    Args:
        path: the file; it need not be there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._stamp: _Stamp = None
        self._over: list[_Over] = []

    def covers(self, session_id: str, user: str, since: float) -> bool:
        """Whether a session is over.

        Args:
            session_id: of the session.
            user: whose it is.
            since: when it began, in seconds of the epoch.

        Raises:
            OutcomesError: `access_malformed` - the file cannot be read; then nobody is let in.
        """
        with self._lock:
            stamp = self._stamp_of_file()
            if stamp != self._stamp:
                self._over, self._stamp = self._read(), stamp
            return any(one.covers(_digest(session_id), user, since) for one in self._over)

    def end(self, session_id: str) -> None:
        """End one session."""
        self._add(_Over(time.time(), session=_digest(session_id)))

    def end_all(self, user: str | None = None) -> None:
        """End every session of a user, or of everybody, that has begun by now."""
        self._add(_Over(time.time(), user=user))

    def _add(self, over: _Over) -> None:
        with one_at_a_time(self._path.with_suffix(".lock")):
            standing = [one for one in self._read() if one.at > over.at - _LONGEST]
            lines = [json.dumps(asdict(one)) + "\n" for one in [*standing, over]]
            write_whole(self._path, "".join(lines).encode())

    def _read(self) -> list[_Over]:
        try:
            text = self._path.read_text(encoding="utf-8")
            return [_Over(**_fields(line)) for line in text.splitlines()]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError):
            raise OutcomesError("access_malformed", self._path.name) from None

    def _stamp_of_file(self) -> _Stamp:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return None
        except OSError:
            raise OutcomesError("access_malformed", self._path.name) from None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _fields(line: str) -> dict[str, Any]:
    fields: dict[str, Any] = json.loads(line)
    fields["at"] = float(fields["at"])
    return fields


def _digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
