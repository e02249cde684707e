"""Open a release: read-only, and nothing but that release."""

import json
from dataclasses import dataclass
from pathlib import Path

import duckdb

from outcomes.engines.duckdb import connect_read_only
from outcomes.errors import OutcomesError
from outcomes.release import publish
from outcomes.settings import Settings

RESEARCH = "research.duckdb"
DASHBOARD = "dashboard.duckdb"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Release:
    """A published release: its id, its folder and the rows of each research mart."""

    id: str
    folder: Path
    counts: dict[str, int]

    @property
    def research(self) -> Path:
        """The row-level marts."""
        return self.folder / RESEARCH

    @property
    def dashboard(self) -> Path:
        """The protected marts."""
        return self.folder / DASHBOARD


def read_release(folder: Path) -> Release:
    """The release in this folder, as its manifest describes it."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return Release(manifest["release_id"], folder, manifest["rows"])


def current_release(settings: Settings | None = None) -> Release:
    """The release that `current` points at, by its own path: a later publish does not move it.

    Raises:
        OutcomesError: no_release.
    """
    releases = (settings or Settings()).releases
    folder = publish.current(releases)
    if folder is None:
        raise OutcomesError("no_release", str(releases))
    return read_release(folder)


def connect(release: str | None = None, settings: Settings | None = None) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the row-level marts of a release.

    Args:
        release: the id of a release that is still kept; the current one when not given.
        settings: where the data is; from the environment when not given.

    Raises:
        OutcomesError: no_release.
    """
    settings = settings or Settings()
    if release is None:
        return connect_read_only(current_release(settings).research)
    database = settings.releases / Path(release).name / RESEARCH
    if not database.is_file():
        raise OutcomesError("no_release", str(database.parent))
    return connect_read_only(database)
