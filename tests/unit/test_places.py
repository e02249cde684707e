"""Folders in which other processes write while they are read."""

import datetime
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from outcomes.intake.expected import new_deliveries
from outcomes.intake.landing import deliveries
from outcomes.intake.manifest import delivered_files
from outcomes.places import Folder
from outcomes.settings import Settings
from outcomes.synthetic import synthesize

Begin = Callable[[], None]


@pytest.fixture
def others_write(monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Once called, whoever lists a folder finds a file of another process that is gone when it is looked at."""
    scandir, listdir = os.scandir, os.listdir

    class Listing:
        def __init__(self, folder: Any) -> None:
            unfinished = Path(folder) / "unfinished.csv"
            unfinished.touch()
            with scandir(folder) as entries:
                self._entries = list(entries)
            unfinished.unlink()

        def __enter__(self) -> "Listing":
            return self

        def __exit__(self, *_: object) -> None: ...

        def __iter__(self) -> Iterator[os.DirEntry[str]]:
            return iter(self._entries)

    def begin() -> None:
        monkeypatch.setattr(os, "scandir", Listing)
        monkeypatch.setattr(os, "listdir", lambda folder: [*listdir(folder), "unfinished.csv"])

    return begin


def test_what_is_gone_is_no_file_of_a_folder(tmp_path: Path, others_write: Begin) -> None:
    (tmp_path / "kept").touch()
    others_write()
    assert list(Folder(tmp_path).entries()) == ["kept"]


def test_what_is_gone_fails_no_look_at_deliveries(tmp_path: Path, others_write: Begin) -> None:
    settings = Settings(home=tmp_path)
    synthesize(settings, patients=20, sites=1, months=0)
    first, *_ = landed = deliveries(settings)
    delivered = delivered_files(first.folder)
    others_write()
    assert delivered_files(first.folder) == delivered
    assert new_deliveries(settings, landed, datetime.date(2026, 1, 1), lambda _: None)
