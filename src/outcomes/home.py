"""The folder that holds all data: that it is there before anything runs, and that no one else can look into it."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from outcomes.errors import OutcomesError
from outcomes.settings import Settings

_OTHERS_MAY_READ = stat.S_IRWXG | stat.S_IRWXO
_OTHERS_MAY_ENTER = stat.S_IXGRP | stat.S_IXOTH


def check_home(settings: Settings) -> None:
    """See that the home is one: a folder into which something was delivered, taken in or published, unless that is in
    an object store.

    A folder on a disk that is not mounted is missing, or it is empty; neither may pass for "nothing to do".

    Raises:
        OutcomesError: home_missing.
    """
    home = settings.home
    if not home.is_dir():
        raise OutcomesError("home_missing", f"{home} is {'no folder' if home.exists() else 'not there'}")
    data = (settings.landing, settings.lake, settings.releases)
    urls = (settings.landing_url, settings.lake_url, settings.quarantine_url, settings.releases_url)
    if not any(urls) and not any(folder.is_dir() for folder in data):
        raise OutcomesError("home_missing", f"{home} holds neither landing nor lake nor releases")


def check_writable(settings: Settings) -> None:
    """See that the pipeline may write to the folders that it writes.

    Raises:
        OutcomesError: not_writable.
    """
    for folder in (settings.locks, settings.scratch, settings.lake, settings.quarantine, settings.releases):
        written = next(each for each in (folder, *folder.parents) if each.is_dir())
        if not os.access(written, os.W_OK | os.X_OK):
            raise OutcomesError("not_writable", str(written))


@contextmanager
def private_files() -> Iterator[None]:
    """Let all that is made meanwhile be for this user alone: files 0600, folders 0700, whatever the umask was."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


def open_to_others(settings: Settings) -> list[Path]:
    """What below the home another user of the machine could read, list or change, by path; a link is not followed.

    Nothing is open within a folder that others may not enter, the home itself included.
    """
    return sorted(_open_to_others(settings.home))


def _open_to_others(path: Path) -> Iterator[Path]:
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return
    if mode & _OTHERS_MAY_READ & ~_OTHERS_MAY_ENTER:
        yield path
    if stat.S_ISDIR(mode) and mode & _OTHERS_MAY_ENTER:
        for each in path.iterdir():
            yield from _open_to_others(each)
