"""Files as they are at one moment, and files that are made once for all tests of a run."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from outcomes.settings import Settings


def snapshot(*folders: Path) -> dict[str, bytes]:
    """The content of every file below the folders, by its path there."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for folder in folders
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def copied(settings: Settings, home: Path) -> Settings:
    """The settings with a copy of their home, which a test may change."""
    shutil.copytree(settings.home, home, symlinks=True, dirs_exist_ok=True)
    return settings.model_copy(update={"home": home})


def made_once(temporary: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that is made once for all processes of a test run, by the first that asks for it; nobody may change it.

    Args:
        temporary: the folders of the test run.
        name: of the folder.
        make: fills the folder that it is given.
    """
    base = temporary.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent  # each process has a folder of its own there
    folder, done = base / name, base / f"{name}.made"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            done.touch()
    return folder
