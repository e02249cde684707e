"""Whether a release is still what was published: it has the files that SHA256SUMS lists, each with its sum, no others.

Which files there are is looked at whenever a release is opened. The bytes of a file are read for its sum when the file
is about to be used, once in a process for as long as its size and time of change stay the same.
"""

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from outcomes.errors import OutcomesError

SUMS = "SHA256SUMS"
_SUMS_KEPT = 4096


def file_sha256(path: Path) -> str:
    """The sha256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def seal(folder: Path) -> None:
    """List every file of a release with its sum in SHA256SUMS, which is written last."""
    lines = (f"{file_sha256(folder / name)}  {name}\n" for name in sorted(_files(folder)))
    (folder / SUMS).write_text("".join(lines), encoding="utf-8")


def verify(folder: Path, files: Collection[str] | None = None) -> None:
    """Require that a release has its files and no others, and that these files are unchanged.

    Args:
        folder: of the release.
        files: whose bytes are compared with their sums, by name within the folder; all of them when not given.

    Raises:
        OutcomesError: no_release, or release_damaged, which names the file.
    """
    with unless_removed(folder):
        listed = _listed(folder)
        there = _files(folder)
        for name in sorted(listed.keys() - there):
            raise _damaged(folder, f"{name} is missing")
        for name in sorted(there - listed.keys()):
            raise _damaged(folder, f"{name} is not one of its files")
        for name in sorted(listed if files is None else files):
            _require_sum(folder, name, listed)


def verify_file(folder: Path, name: str) -> None:
    """Require that one file of a release is unchanged, whatever became of the others.

    Raises:
        OutcomesError: no_release, release_damaged.
    """
    with unless_removed(folder):
        _require_sum(folder, name, _listed(folder))


@contextmanager
def unless_removed(folder: Path) -> Iterator[None]:
    """Whatever fails while a release is read: when its folder has been removed meanwhile, that is what is said.

    Raises:
        OutcomesError: no_release.
    """
    try:
        yield
    except Exception:
        if folder.is_dir():
            raise
        raise OutcomesError("no_release", folder.name) from None


def _require_sum(folder: Path, name: str, listed: dict[str, str]) -> None:
    if name not in listed:
        raise _damaged(folder, f"{name} is not listed in {SUMS}")
    path = folder / name
    if not path.is_file():
        raise _damaged(folder, f"{name} is missing")
    now = path.stat()
    if _sha256_once(path, now.st_ino, now.st_size, now.st_mtime_ns) != listed[name]:
        raise _damaged(folder, f"{name} has changed")


def _listed(folder: Path) -> dict[str, str]:
    """The sum of each file by its name."""
    path = folder / SUMS
    if not path.is_file():
        raise _damaged(folder, f"{SUMS} is missing")
    try:
        lines = [line.split("  ", 1) for line in path.read_text(encoding="utf-8").splitlines()]
        return {name: digest for digest, name in lines}
    except ValueError:
        raise _damaged(folder, f"{SUMS} cannot be read") from None


def _files(folder: Path) -> set[str]:
    """The names of all that is in a release and is no folder, but for the list itself."""
    paths = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return {path.relative_to(folder).as_posix() for path in paths} - {SUMS}


def _damaged(folder: Path, what: str) -> OutcomesError:
    return OutcomesError("release_damaged", f"{folder.name}: {what}")


@lru_cache(maxsize=_SUMS_KEPT)
def _sha256_once(path: Path, inode: int, size: int, changed: int) -> str:
    return file_sha256(path)
