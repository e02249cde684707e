"""Open a release: read-only, and nothing but that release."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from outcomes.errors import OutcomesError
from outcomes.release.folders import CURRENT, current, folders
from outcomes.release.origin import refresh
from outcomes.release.verify import unless_removed, verify, verify_file
from outcomes.settings import Settings
from outcomes.sql.engine import connect_read_only

RESEARCH = "research.duckdb"
DASHBOARD = "dashboard.duckdb"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Release:
    """A published release: its id, its folder, and what its manifest says of it.

    A file's path is given out after the file has been compared with its sum; OutcomesError: release_damaged, when it
    is not what was published, or no_release when the release has been removed meanwhile.
    """

    id: str
    folder: Path
    manifest: dict[str, Any] = field(repr=False)

    @property
    def counts(self) -> dict[str, int]:
        """Rows of each research mart."""
        return dict(self.manifest["rows"])

    @property
    def data_to(self) -> str:
        """The latest accepted period, YYYY-MM."""
        return str(self.manifest["data_to"])

    @property
    def code_version(self) -> str:
        """Version of the code that built it."""
        return str(self.manifest["code_version"])

    @property
    def definitions(self) -> dict[str, int]:
        """Version of each label's definition."""
        return dict(self.manifest["definitions"])

    @property
    def is_synthetic(self) -> bool:
        """Whether every accepted submission says that its patients are invented; false where the release is silent."""
        return self.manifest.get("is_synthetic") is True

    @property
    def submissions(self) -> list[dict[str, Any]]:
        """Each attempt to deliver a period: submission_id, site_id, period, attempt, status, code, is_synthetic."""
        return list(self.manifest["submissions"])

    @property
    def research(self) -> Path:
        """The row-level marts."""
        return self._verified(RESEARCH)

    @property
    def dashboard(self) -> Path:
        """The protected marts."""
        return self._verified(DASHBOARD)

    def parquet(self, mart: str) -> Path:
        """The Parquet file of a row-level mart."""
        return self._verified(f"parquet/{mart}.parquet")

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A read-only connection to the row-level marts."""
        with unless_removed(self.folder):
            return connect_read_only(self.research)

    @property
    def compared_with(self) -> list[str]:
        """Earlier releases together with which this one was audited, by id, the one published last first."""
        found = self.manifest.get("audit", {}).get("compared_with") or []
        # A release of an earlier version names the one before it alone.
        return [found] if isinstance(found, str) else list(found)

    @property
    def could_not_be_compared_with(self) -> list[str]:
        """Earlier releases that were damaged when this one was built: nobody audited the differences from them."""
        return list(self.manifest.get("audit", {}).get("not_compared_with", []))

    def _verified(self, name: str) -> Path:
        verify_file(self.folder, name)
        return self.folder / name


def read_release(folder: Path) -> Release:
    """The release in this folder, as its manifest describes it.

    Raises:
        OutcomesError: no_release; release_damaged - files are missing or too many, or the manifest has changed.
    """
    with unless_removed(folder):
        verify(folder, [MANIFEST])
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    return Release(manifest["release_id"], folder, manifest)


def current_release(settings: Settings | None = None) -> Release:
    """The release that `current` points at, by its own path: a later publish does not move it.

    Raises:
        OutcomesError: no_release, release_damaged.
    """
    settings = settings or Settings()
    refresh(settings)
    releases = settings.releases
    while folder := current(releases):
        try:
            return read_release(folder)
        except OutcomesError:
            # Another release has been published, and this one removed, between the two steps.
            if folder == current(releases):
                raise
    raise OutcomesError("no_release", settings.releases_url or str(releases))


def open_release(release_id: str | None = None, settings: Settings | None = None) -> Release:
    """A published release; `outcomes.open_release` is this function.

    Args:
        release_id: the id of a release that is still kept; the current one when not given.
        settings: where the data is; from the environment when not given.

    Raises:
        OutcomesError: no_release, release_damaged.
    """
    settings = settings or Settings()
    if release_id in {None, CURRENT}:
        return current_release(settings)
    refresh(settings)
    kept = {folder.name: folder for folder in folders(settings.releases)}
    if release_id not in kept:
        raise OutcomesError("no_release", f"{release_id} in {settings.releases_url or settings.releases}")
    return read_release(kept[release_id].resolve())


def connect(release_id: str | None = None, settings: Settings | None = None) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the row-level marts of a release; `outcomes.connect` is this function.

    Args:
        release_id: the id of a release that is still kept; the current one when not given.
        settings: where the data is; from the environment when not given.

    Raises:
        OutcomesError: no_release, release_damaged.
    """
    while True:
        release = open_release(release_id, settings)
        try:
            return release.connect()
        except OutcomesError as error:
            # The current release may be replaced and removed before it is connected to; then it is another one's turn.
            if error.code != "no_release" or release_id is not None:
                raise


def query(sql: str, settings: Settings, limit: int | None = None) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Columns and rows that a query gives on the row-level marts of the current release, the first `limit` rows.

    Raises:
        OutcomesError: no_release, release_damaged; query_failed, whose message speaks of the query and quotes no value.
    """
    with connect(settings=settings) as con:
        try:
            con.execute(sql)
            if con.description is None:
                raise OutcomesError("query_failed", "it gives no rows: write a select")
            columns = [column[0] for column in con.description]
            return columns, con.fetchall() if limit is None else con.fetchmany(limit)
        except (duckdb.ParserException, duckdb.BinderException, duckdb.CatalogException) as error:
            # These speak of the query's text alone; other messages may quote a value.
            raise OutcomesError("query_failed", str(error).splitlines()[0]) from None
        except duckdb.Error as error:
            raise OutcomesError("query_failed", type(error).__name__) from None
