"""Releases in an object store. A folder of this machine is their copy, in which they are built, verified and opened.

A release is sent before anything points at it, its list of sums last; the pointer is an object of its own, written on
the condition that nobody has moved it meanwhile. So a crash at any moment leaves what readers see as it was, and of
two that publish at once one is told that the other was first.
"""

import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from outcomes.errors import OutcomesError
from outcomes.locks import is_held, one_at_a_time
from outcomes.places import Entry, Objects, Remote, Version
from outcomes.release import history
from outcomes.release.folders import CURRENT, LOCK, current, folders, link
from outcomes.release.verify import SUMS, verify
from outcomes.settings import Settings
from outcomes.shared_locks import lease
from outcomes.whole_files import write_whole

_FETCHED, _DROPPED = ".fetched", ".dropped"
_log = logging.getLogger(__name__)


class Origin:
    """The releases below a URL, and the folder of this machine that is their copy.

    Raises:
        OutcomesError: place_unreachable, from each method.
    """

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        self._objects = Objects(remote)
        self._copy = remote.copies
        self._pointer: Version | None = None
        self._history: Version | None = None
        self.pointed_at: str | None = None
        """The release that was current when the copy was made."""

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Be the only one of all machines that publishes; the copy is what is there when it begins.

        Raises:
            OutcomesError: place_changed, when this process was taken for gone meanwhile.
        """
        with lease(self._remote, "locks/releases"):
            self.pull()
            yield

    def pull(self) -> None:
        """Make the copy what is there; whoever calls holds the lock of the folder. A damaged release is not copied."""
        self._copy.mkdir(mode=0o700, parents=True, exist_ok=True)
        pointer, self._pointer = self._read(CURRENT)
        moves, self._history = self._read(history.HISTORY)
        entries = self._objects.entries()
        parts = {name: name.partition("/") for name in entries}
        sealed = {folder: entries[name] for name, (folder, _, file) in parts.items() if file == SUMS}
        for folder in folders(self._copy):
            if not self._is_copied(folder):
                self._drop(folder)
        for release_id in sealed.keys() - {folder.name for folder in folders(self._copy)}:
            self._fetch(release_id, [name for name in entries if name.startswith(f"{release_id}/")])
        if moves != self._moves_copied():
            write_whole(self._copy / history.HISTORY, moves)
        self.pointed_at = pointer.decode() or None
        there = {folder.name for folder in folders(self._copy)}
        link(self._copy, self.pointed_at if self.pointed_at in there else None)
        self._date(sealed, entries.get(CURRENT))

    def send(self, folder: Path, release_id: str) -> None:
        """Send a release, in place of one of its name that was damaged."""
        names = [file.relative_to(folder).as_posix() for file in sorted(folder.rglob("*")) if file.is_file()]
        former = self._objects.entries(release_id).keys() - {f"{release_id}/{name}" for name in names}
        self._objects.send(folder, release_id, [name for name in names if name != SUMS])
        self._objects.send(folder, release_id, [SUMS])
        self._objects.remove(sorted(former))

    def send_history(self) -> None:
        """Send the history as the copy holds it.

        Raises:
            OutcomesError: place_changed, when somebody else has written it since the copy was made.
        """
        self._history = self._write(history.HISTORY, (self._copy / history.HISTORY).read_bytes(), self._history)

    def point_at(self, release_id: str) -> None:
        """Let a release that was sent be current.

        Raises:
            OutcomesError: place_changed, when somebody else has moved the pointer since the copy was made.
        """
        self._pointer = self._write(CURRENT, release_id.encode(), self._pointer)

    def remove(self, release_id: str) -> None:
        """Remove a release, first what says that it is whole; if it is current, the pointer before."""
        if release_id == self.pointed_at:
            self._objects.remove([CURRENT])
            self._pointer = None
        names = sorted(self._objects.entries(release_id), key=lambda name: not name.endswith(f"/{SUMS}"))
        self._objects.remove(names[:1])
        self._objects.remove(names[1:])

    def _read(self, name: str) -> tuple[bytes, Version | None]:
        try:
            return self._objects.read_version(name)
        except FileNotFoundError:
            return b"", None

    def _write(self, name: str, content: bytes, since: Version | None) -> Version:
        written = self._objects.write_if(name, content, since)
        if written is None:
            raise OutcomesError("place_changed", f"{self._remote.url}/{name}")
        return written

    def _fetch(self, release_id: str, names: list[str]) -> None:
        """Fetch a release; one that broke off goes on with the files that are missing."""
        unfinished = self._copy / _FETCHED
        for name in names:
            self._objects.fetched(name, unfinished / name)
        try:
            verify(unfinished / release_id)
        except OutcomesError as damage:  # or it was removed or replaced while it was fetched
            _log.warning("a release in the object store cannot be used: %s", damage.where)
        else:
            (unfinished / release_id).rename(self._copy / release_id)
        shutil.rmtree(unfinished)

    def _drop(self, folder: Path) -> None:
        shutil.rmtree(self._copy / _DROPPED, ignore_errors=True)
        folder.rename(self._copy / _DROPPED)
        shutil.rmtree(self._copy / _DROPPED)

    def _is_copied(self, folder: Path) -> bool:
        try:
            return (folder / SUMS).read_bytes() == self._objects.read(f"{folder.name}/{SUMS}")
        except FileNotFoundError:
            return False

    def _moves_copied(self) -> bytes:
        file = self._copy / history.HISTORY
        return file.read_bytes() if file.exists() else b""

    def _date(self, sealed: Mapping[str, Entry], pointer: Entry | None) -> None:
        """Let the copy of each release be as old as its last publication, by which the oldest are removed."""
        published = {move.after: datetime.fromisoformat(move.time).timestamp() for move in history.moves(self._copy)}
        for folder in folders(self._copy):
            written = max(sealed[folder.name].written, published.get(folder.name, 0.0))
            os.utime(folder, (written, written))
        if pointer and (self._copy / CURRENT).is_symlink():
            os.utime(self._copy / CURRENT, (pointer.written, pointer.written), follow_symlinks=False)


def origin_of(settings: Settings) -> Origin | None:
    """Where the releases of an installation are, if in an object store."""
    return Origin(Remote(settings.releases_url, settings.releases)) if settings.releases_url else None


def refresh(settings: Settings) -> None:
    """Make the copy of the releases what is in the object store, if they are there.

    Nobody waits for a process of this machine that publishes: until it has, the copy is what it was.

    Raises:
        OutcomesError: place_unreachable; release_damaged, when the current one is.
    """
    origin = origin_of(settings)
    if origin is None:
        return
    lock = settings.releases / LOCK
    if current(settings.releases) and lock.exists() and is_held(lock):
        return
    with one_at_a_time(lock):
        origin.pull()
        if origin.pointed_at and current(settings.releases) is None:
            raise OutcomesError("release_damaged", f"{origin.pointed_at} in {settings.releases_url}")
