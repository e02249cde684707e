"""Put a release in place: built beside the others, published by one rename, then pointed at by `current`.

A crash at any moment leaves the releases as they were, and at most a hidden folder that the next build removes.
"""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from outcomes.locks import one_at_a_time

CURRENT = "current"
_UNFINISHED = ".building"


def publish(
    releases: Path, release_id: str, write: Callable[[Path], None], *, kept: int, make_current: bool = True
) -> Path:
    """Publish a release; one that is there already is left as it is.

    Args:
        releases: the folder of all releases.
        release_id: the name of the release's folder.
        write: writes the release's files into the empty folder it is given.
        kept: how many releases stay, the ones last published; the current one always stays.
        make_current: point `current` at this release.

    Returns:
        The release's folder.
    """
    releases.mkdir(parents=True, exist_ok=True)
    folder = releases / release_id
    with one_at_a_time(releases / ".lock"):
        unfinished = releases / _UNFINISHED
        _clear(unfinished)
        if not folder.is_dir():
            unfinished.mkdir()
            write(unfinished)
            _sync(unfinished)
            unfinished.rename(folder)
            _sync_folder(releases)
        if make_current:
            _point_at(releases, release_id)
        _remove_old(releases, kept, folder)
    return folder


def current(releases: Path) -> Path | None:
    """The folder of the current release, by its own name; None when nothing has been released."""
    pointer = releases / CURRENT
    return pointer.resolve() if pointer.is_dir() else None


def _point_at(releases: Path, release_id: str) -> None:
    if current(releases) == (releases / release_id).resolve():
        return
    (releases / release_id).touch()  # published last, so it is the last to be removed
    pointer = releases / f".{CURRENT}"
    pointer.unlink(missing_ok=True)
    pointer.symlink_to(release_id)
    pointer.replace(releases / CURRENT)
    _sync_folder(releases)


def _remove_old(releases: Path, kept: int, newest: Path) -> None:
    """Remove the releases beyond the last ones; each goes by one rename first, so that none is ever half there."""
    folders = [path for path in releases.glob("[!.]*") if path.is_dir() and not path.is_symlink()]
    folders.sort(key=lambda folder: (folder == newest, folder.stat().st_mtime_ns, folder.name), reverse=True)
    for folder in folders[kept:]:
        if folder.resolve() != current(releases):
            folder.rename(releases / _UNFINISHED)
            _clear(releases / _UNFINISHED)


def _clear(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _sync(folder: Path) -> None:
    for path in [*folder.rglob("*"), folder]:
        if path.is_dir():
            _sync_folder(path)
        else:
            with path.open("rb") as file:
                os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
