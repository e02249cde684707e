"""The register of users, as it stands at this moment."""

from pathlib import Path
from threading import Lock

from dashboards.access.scope import Scope, UnknownUser, load_register
from outcomes.errors import OutcomesError

_Stamp = tuple[int, int, int]


class Register:
    """access.csv, read again when the file has changed.

    Args:
        path: the file.

    Raises:
        OutcomesError: `access_malformed`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._stamp, self._scopes = self._stamp_of_file(), load_register(path)

    def scope(self, user: str) -> Scope:
        """What the user may see.

        Raises:
            UnknownUser: the register does not hold the user.
            OutcomesError: `access_malformed` - the file has changed and cannot be read; then nobody is let in, since
                the one it was changed for may be somebody who had to go.
        """
        with self._lock:
            stamp = self._stamp_of_file()
            if stamp != self._stamp:
                self._scopes = load_register(self._path)
                self._stamp = stamp
            found = self._scopes.get(user)
        if found is None:
            raise UnknownUser(user)
        return found

    def _stamp_of_file(self) -> _Stamp:
        """What differs once the file was written or replaced: time in nanoseconds, size, inode."""
        try:
            found = self._path.stat()
        except OSError:
            raise OutcomesError("access_malformed", self._path.name) from None
        return found.st_mtime_ns, found.st_size, found.st_ino
