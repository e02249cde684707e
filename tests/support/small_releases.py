"""Releases of a few small files, quickly published, and what may be seen of them at any moment."""

import json
from collections.abc import Callable
from pathlib import Path

import duckdb

from outcomes.errors import OutcomesError
from outcomes.release.folders import current
from outcomes.release.open import DASHBOARD, MANIFEST, RESEARCH
from outcomes.release.publish import publish
from outcomes.release.verify import verify

FILES = (MANIFEST, RESEARCH, DASHBOARD, "parquet/labels.parquet")


def writes(release_id: str) -> Callable[[Path], None]:
    """Writes a release whose every file says the release's id; the databases are no databases."""

    def write(folder: Path) -> None:
        (folder / "parquet").mkdir()
        for name in FILES:
            (folder / name).write_text(release_id)
        (folder / MANIFEST).write_text(json.dumps({"release_id": release_id, "is_synthetic": True, "rows": {}}))

    return write


def writes_databases(release_id: str) -> Callable[[Path], None]:
    """Writes a release whose databases have a table `told` with the release's id."""

    def write(folder: Path) -> None:
        writes(release_id)(folder)
        for name in (RESEARCH, DASHBOARD):
            (folder / name).unlink()
            with duckdb.connect(str(folder / name)) as con:
                con.execute("create table told as select ? as release_id", [release_id])

    return write


def put(releases: Path, release_id: str, kept: int = 5) -> Path:
    """Publish a release of small files."""
    return publish(releases, release_id, writes(release_id), kept=kept)


def is_whole(folder: Path) -> bool:
    """Whether a release is as it was published, and each file of that release and no other."""
    try:
        verify(folder)
    except OutcomesError:
        return False
    return all(folder.name in (folder / name).read_text() for name in FILES)


def current_id(releases: Path) -> str | None:
    """The name of the current release."""
    folder = current(releases)
    return folder.name if folder else None


def cut(file: Path) -> None:
    """Leave the first half of a file."""
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
