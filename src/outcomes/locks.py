"""One process at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Wait until no other process holds this lock file; it goes with its process, so a crash leaves none held."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with lock.open("w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            if _is_in_place(lock, held):
                yield
                return


@contextmanager
def unless_held(lock: Path) -> Iterator[bool]:
    """Hold this lock file, unless a process does already; gives whether it is held by this one now."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield _is_in_place(lock, held)


def remove_unheld(lock: Path) -> bool:
    """Remove a lock file, unless a process holds it; who waits for it takes a new one. Whether it was removed."""
    with lock.open("r+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        if not _is_in_place(lock, held):
            return False
        lock.unlink()
        return True


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold a folder, once nobody else does, so that `is_held` tells that it is in use; a crash leaves none held."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a process holds a lock file or a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _is_in_place(lock: Path, held: IO[str]) -> bool:
    """Whether the file held is still the one of this name: `remove_unheld` may have taken it away before we had it."""
    try:
        return os.path.samestat(lock.stat(), os.fstat(held.fileno()))
    except FileNotFoundError:
        return False
