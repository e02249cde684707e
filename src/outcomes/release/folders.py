"""The folder of all releases: which are there, and which is current."""

import os
from pathlib import Path

CURRENT = "current"
LOCK = ".lock"


def current(releases: Path) -> Path | None:
    """The folder of the current release, by its own name; None when nothing has been released."""
    pointer = releases / CURRENT
    return pointer.resolve() if pointer.is_dir() else None


def folders(releases: Path) -> list[Path]:
    """The folders of the releases that are kept, by name."""
    return sorted(path for path in releases.glob("[!.]*") if path.is_dir() and not path.is_symlink())


def link(releases: Path, release_id: str | None) -> None:
    """Let `current` be a link to a release of the folder, or be none, in one step."""
    if release_id is None:
        (releases / CURRENT).unlink(missing_ok=True)
    else:
        pointer = releases / f".{CURRENT}"
        pointer.unlink(missing_ok=True)
        pointer.symlink_to(release_id)
        pointer.replace(releases / CURRENT)
    sync_folder(releases)


def sync_folder(folder: Path) -> None:
    """Write the names in a folder through to the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
