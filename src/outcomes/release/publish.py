"""Put a release in place: built beside the others, published by one rename, then pointed at by `current`.

A crash at any moment leaves the releases as they were, and at most hidden folders that the next build removes.
"""

import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from outcomes.errors import OutcomesError
from outcomes.locks import one_at_a_time
from outcomes.release import history
from outcomes.release.folders import CURRENT, LOCK, current, folders, link, sync_folder
from outcomes.release.origin import Origin
from outcomes.release.verify import seal, verify
from outcomes.settings import Settings

_UNFINISHED = ".building"
_DAMAGED = ".damaged-"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class OldRelease:
    """A release, or what a crash left of one, that is not needed any more."""

    id: str
    size: int
    """Bytes of its files."""


def publish(  # noqa: PLR0913 - each says another thing of the release or its place
    releases: Path,
    release_id: str,
    write: Callable[[Path], None],
    *,
    kept: int,
    make_current: bool = True,
    origin: Origin | None = None,
) -> Path:
    """Publish a release; one that is there already is left as it is, unless it is damaged: then it is built anew.

    A release that was rolled back is not made current again, nor built: whoever rolled it back did so on purpose.

    Args:
        releases: the folder of all releases.
        release_id: the name of the release's folder.
        write: writes the release's files into the empty folder it is given.
        kept: how many releases stay, the ones last published; the current one always stays.
        make_current: point `current` at this release.
        origin: the releases in the object store of which the folder is a copy; each step is taken there first.

    Returns:
        The release's folder; that of the current release when this one was rolled back.

    Raises:
        OutcomesError: place_unreachable; place_changed when somebody else has published there meanwhile.
    """
    releases.mkdir(parents=True, exist_ok=True)
    folder = releases / release_id
    with _turn(releases, origin):
        _clear_leftovers(releases)
        now = current(releases)
        if make_current and now and is_rolled_back(releases, release_id):
            _log.warning(
                "release %s is that of the lake as it is now, but it was rolled back: `current` stays at %s. "
                "To make it current again: outcomes rollback %s",
                release_id, now.name, release_id,
            )  # fmt: skip
            return now
        if _is_to_be_built(folder):
            _build(releases, folder, write, origin)
        if make_current:
            _point_at(releases, release_id, history.RELEASE, origin=origin)
        for old in _beyond(releases, kept, folder):
            _remove(releases, old, origin)
    return folder


def remove_releases(releases: Path, is_to_go: Callable[[Path], bool], origin: Origin | None = None) -> int:
    """Remove releases, the current one too, and what a crash has left of one; how many were removed.

    Args:
        releases: the folder of all releases.
        is_to_go: tells of a release's folder whether it is to be removed.
        origin: as of `publish`.
    """
    if origin is None and not releases.is_dir():
        return 0
    with _turn(releases, origin):
        _clear_leftovers(releases)
        gone = [folder for folder in folders(releases) if is_to_go(folder)]
        for folder in gone:
            if folder.resolve() == current(releases):
                (releases / CURRENT).unlink()
            _remove(releases, folder, origin)
    return len(gone)


def last_published(releases: Path) -> list[Path]:
    """The kept releases that have been current, the one that is or was so last first."""
    now = current(releases)
    names = [now.name] if now else []
    for move in reversed(history.moves(releases)):
        names += [move.after, move.before] if move.before else [move.after]
    if not (releases / history.HISTORY).exists():  # releases that were published before a history was kept
        names += [folder.name for folder in sorted(folders(releases), key=_time, reverse=True)]
    there = {folder.name: folder for folder in folders(releases)}
    return [there[name] for name in dict.fromkeys(names) if name in there]


def is_rolled_back(releases: Path, release_id: str) -> bool:
    """Whether somebody rolled `current` back from this release, and it has not been made current since."""
    now = current(releases)
    return (now is None or now.name != release_id) and history.was_rolled_back(releases, release_id) is not None


def roll_back(releases: Path, release_id: str, reason: str | None = None, origin: Origin | None = None) -> str | None:
    """Point `current` at another release that is kept, after all its files have been verified.

    Args:
        releases: the folder of all releases.
        release_id: the release that becomes current.
        reason: why; recorded in the history.
        origin: as of `publish`.

    Returns:
        The release that was current.

    Raises:
        OutcomesError: no_release, release_damaged; and of an object store as `publish`.
    """
    if release_id not in {folder.name for folder in folders(releases)}:
        raise OutcomesError("no_release", f"{release_id} in {releases}")
    with _turn(releases, origin):
        verify(releases / release_id)
        before = current(releases)
        _point_at(releases, release_id, history.ROLLBACK, reason, origin)
    return before.name if before else None


def remove_old(settings: Settings, keep: int, *, dry_run: bool, origin: Origin | None = None) -> list[OldRelease]:
    """Remove the releases beyond the last published ones, and what crashed builds left.

    Args:
        settings: where the releases are.
        keep: how many stay, at least one; the current one always stays.
        dry_run: remove nothing.
        origin: as of `publish`.

    Returns:
        What went, or would go, by name.
    """
    releases = settings.releases
    if origin is None and not releases.is_dir():
        return []
    with _turn(releases, origin):
        leftovers = _leftovers(releases)
        old = [*leftovers, *_beyond(releases, max(keep, 1))]
        listed = [OldRelease(path.name, _size(path)) for path in sorted(old)]
        if not dry_run:
            _clear_leftovers(releases)
            for folder in old:
                if folder not in leftovers:
                    _remove(releases, folder, origin)
    return listed


@contextmanager
def _turn(releases: Path, origin: Origin | None) -> Iterator[None]:
    """Be the only one that changes the releases, of this machine or of all that use the object store."""
    with one_at_a_time(releases / LOCK):
        if origin is None:
            yield
        else:
            with origin.turn():
                yield


def _is_to_be_built(folder: Path) -> bool:
    """Whether the release is not there, or is there but damaged."""
    if not folder.is_dir():
        return True
    try:
        verify(folder)
    except OutcomesError as damage:
        _log.warning("the release was damaged and is built anew: %s", damage.where)
        return True
    return False


def _build(releases: Path, folder: Path, write: Callable[[Path], None], origin: Origin | None) -> None:
    unfinished, damaged = releases / _UNFINISHED, releases / f"{_DAMAGED}{folder.name}"
    try:
        unfinished.mkdir()
        write(unfinished)
        seal(unfinished)
        _sync(unfinished)
        if origin:
            origin.send(unfinished, folder.name)
    except BaseException:
        # The place that it takes is needed for what is kept, above all when the disk is full.
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    if folder.is_dir():  # and damaged: nobody could open it, so nobody misses it between the two renames
        folder.rename(damaged)
    unfinished.rename(folder)
    sync_folder(releases)
    _clear(damaged)


def _point_at(
    releases: Path, release_id: str, action: str, reason: str | None = None, origin: Origin | None = None
) -> None:
    now = current(releases)
    if now == (releases / release_id).resolve():
        return
    # Recorded first: a move that nobody knows of could be undone by the next release.
    history.record(releases, action, now.name if now else None, release_id, reason)
    if origin:
        origin.send_history()
        origin.point_at(release_id)
    (releases / release_id).touch()  # published last, so it is the last to be removed
    link(releases, release_id)


def _beyond(releases: Path, kept: int, newest: Path | None = None) -> list[Path]:
    """The releases beyond the last ones, the current one left out."""
    last = sorted(folders(releases), key=lambda folder: (folder == newest, *_time(folder)), reverse=True)
    return [folder for folder in last[kept:] if folder.resolve() != current(releases)]


def _time(folder: Path) -> tuple[int, str]:
    return folder.stat().st_mtime_ns, folder.name


def _remove(releases: Path, folder: Path, origin: Origin | None) -> None:
    """Remove a release; it goes by one rename first, so that it is never half there."""
    if origin:
        origin.remove(folder.name)
    folder.rename(releases / _UNFINISHED)
    _clear(releases / _UNFINISHED)


def _leftovers(releases: Path) -> list[Path]:
    """What a crash left: half a release, and releases that were damaged and have been built anew."""
    return [
        path
        for path in (releases / _UNFINISHED, *sorted(releases.glob(f"{_DAMAGED}*")))
        if path.exists() and path not in _set_aside(releases)
    ]


def _set_aside(releases: Path) -> dict[Path, Path]:
    """Where the damaged releases belong in whose place a crash left nothing."""
    places = {path: releases / path.name.removeprefix(_DAMAGED) for path in releases.glob(f"{_DAMAGED}*")}
    return {path: place for path, place in places.items() if not place.exists()}


def _clear_leftovers(releases: Path) -> None:
    for path, place in _set_aside(releases).items():
        path.rename(place)
    for path in _leftovers(releases):
        _clear(path)
    (releases / f".{CURRENT}").unlink(missing_ok=True)


def _clear(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _size(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())


def _sync(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())
