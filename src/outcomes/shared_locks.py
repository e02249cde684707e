"""Locks that all machines share which use one object store; without one they are those of this machine.

An object is the lock. Whoever creates it, or writes it on the condition that nobody else has, holds it, and writes it
anew every few seconds. One that nobody has written for a minute was held by a process that is gone; the minute is
counted by whoever waits, so that no two clocks need agree.
"""

import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from outcomes.errors import OutcomesError
from outcomes.locks import one_at_a_time, unless_held
from outcomes.places import Objects, Remote, Version, lake_place
from outcomes.settings import Settings
from outcomes.working_copy import WorkingCopy, landing_copy, quarantine_copy

_SECONDS_UNTIL_GONE = 60.0
_SECONDS_BETWEEN_SIGNS = 15.0
_SECONDS_BETWEEN_LOOKS = 0.5
_FREE = b"free"


@contextmanager
def lake_lock(settings: Settings) -> Iterator[None]:
    """The lock of whoever writes to the lake.

    Raises:
        OutcomesError: place_unreachable; place_changed as `lease`.
    """
    place = lake_place(settings)
    with _lock(settings.lake_lock, f"locks/{settings.lake_lock.name}", place if isinstance(place, Remote) else None):
        yield


@contextmanager
def site_lock(settings: Settings, site_id: str) -> Iterator[None]:
    """One judgement of a site at a time, since each rests on what the site's other periods hold.

    Where landing or quarantine is in an object store, its working copy is what is there when the lock is taken, and
    what has changed is sent before it is given back, whatever becomes of what is done within.

    Raises:
        OutcomesError: as `lake_lock`, and as `send`.
    """
    with _lock(settings.locks / site_id, *_shared_lock(settings, site_id)):
        for copy in _copies(settings):
            copy.finish(site_id)
            copy.fetch(site_id)
        try:
            yield
        finally:
            send(settings, site_id)


def landing_turn(settings: Settings, site_id: str) -> AbstractContextManager[None]:
    """The `site_lock` of whoever writes a delivery, where landing is in an object store: it has to be sent.

    A folder needs none: a delivery comes into it in one step.
    """
    return site_lock(settings, site_id) if settings.landing_url else nullcontext()


def send(settings: Settings, site_id: str) -> None:
    """Send what has changed of a site in landing and quarantine; whoever calls holds the site's lock.

    Raises:
        OutcomesError: place_unreachable; place_changed, when somebody else has written the same files meanwhile.
    """
    for copy in _copies(settings):
        copy.send(site_id)


def look_into_landing(settings: Settings, site_id: str | None = None) -> None:
    """Make the working copy of landing what is there, of one site or all, where landing is in an object store.

    Of a site whose lock a process of this machine holds it stays as it is: that process works in it.

    Raises:
        OutcomesError: place_unreachable.
    """
    _look(settings, landing_copy(settings), site_id)


def look_into_quarantine(settings: Settings, site_id: str | None = None) -> None:
    """As `look_into_landing`, of quarantine."""
    _look(settings, quarantine_copy(settings), site_id)


def _look(settings: Settings, copy: WorkingCopy | None, site_id: str | None) -> None:
    if copy is None:
        return
    for site in copy.sites_behind(site_id):
        with unless_held(settings.locks / site) as is_free:
            if is_free:
                copy.fetch(site)


def _copies(settings: Settings) -> list[WorkingCopy]:
    return [copy for copy in (landing_copy(settings), quarantine_copy(settings)) if copy]


def _shared_lock(settings: Settings, site_id: str) -> tuple[str, Remote | None]:
    """The object that is a site's lock, and its place: by the deliveries, since who imports may have no lake."""
    for url, folder in ((settings.landing_url, settings.landing), (settings.quarantine_url, settings.quarantine)):
        if url:
            return f".locks/{site_id}", Remote(url, folder)
    place = lake_place(settings)
    return f"locks/{site_id}", place if isinstance(place, Remote) else None


@contextmanager
def _lock(lock: Path, name: str, remote: Remote | None) -> Iterator[None]:
    # The machine's own comes first: its processes need not ask the store whose turn among them it is.
    with one_at_a_time(lock), lease(remote, name) if remote else nullcontext():
        yield


@contextmanager
def lease(remote: Remote, name: str) -> Iterator[None]:
    """Wait until no process of any machine holds this lock, and hold it.

    Args:
        remote: the place in the object store.
        name: of the object that is the lock.

    Raises:
        OutcomesError: place_unreachable; place_changed when this process was taken for gone meanwhile, for instance
            because its machine slept: another one may have written since.
    """
    held = _Held(Objects(remote), name)
    held.take()
    renewal = threading.Thread(target=held.renew, daemon=True)
    renewal.start()
    try:
        yield
    finally:
        held.ended.set()
        renewal.join()
        held.give_back()
    if held.version is None:
        raise OutcomesError("place_changed", f"{remote.url}/{name}")


class _Held:
    """A lock, and which writing of it was ours; None before it was taken, and once it was lost."""

    def __init__(self, objects: Objects, name: str) -> None:
        self._objects = objects
        self._name = name
        self.version: Version | None = None
        self.ended = threading.Event()

    def take(self) -> None:
        seen, since = None, 0.0
        while True:
            content, version = self._now()
            if version != seen:
                seen, since = version, time.monotonic()
            if content in (None, _FREE) or time.monotonic() - since > _SECONDS_UNTIL_GONE:
                self.version = self._write(version)
                if self.version is not None:
                    return
            time.sleep(_SECONDS_BETWEEN_LOOKS)

    def renew(self) -> None:
        while self.version is not None and not self.ended.wait(_SECONDS_BETWEEN_SIGNS):
            try:
                self.version = self._write(self.version)
            except OutcomesError:
                continue  # the store may be there again before anybody takes this process for gone

    def give_back(self) -> None:
        if self.version is not None:
            try:
                self.version = self._objects.write_if(self._name, _FREE, self.version)
            except OutcomesError:
                return  # it is free for others after a while

    def _now(self) -> tuple[bytes | None, Version | None]:
        try:
            return self._objects.read_version(self._name)
        except FileNotFoundError:
            return None, None

    def _write(self, version: Version | None) -> Version | None:
        """Each writing is another, since stores tell them apart by what they hold."""
        return self._objects.write_if(self._name, uuid.uuid4().hex.encode(), version)
