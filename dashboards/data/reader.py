"""Reading a release for somebody: protected tables for all, exact ones for the sites of the scope and no other."""

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache, partial
from pathlib import Path
from threading import Lock
from time import monotonic
from types import MappingProxyType
from typing import Any, TypeVar

from dashboards.access.scope import Scope
from outcomes.errors import OutcomesError
from outcomes.release import history
from outcomes.release.open import DASHBOARD, Release, read_release
from outcomes.release.origin import refresh
from outcomes.settings import Settings
from outcomes.sql.catalog.marts import Mart, protected_marts, research_marts
from outcomes.sql.engine import connect_read_only

Record = TypeVar("Record")

SHOWN, SUPPRESSED, ENDED = "shown", "suppressed", "ended"
"""States of a row that pages ask for (`outcomes.sql.catalog.marts.STATE`)."""

_NOTHING_HIDDEN = {"state": f"'{SHOWN}'"}
_RELEASES_OPEN = 3
"""The current release, and those that pages opened earlier still show."""
_ANSWERS_KEPT = 4096
"""Answers kept of each release: a release never changes."""
_SECONDS_AS_REFRESHED = 15.0
"""How long nobody looks into an object store again for another release."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Site:
    site_id: str


class Reader:
    """What a scope may read of one release.

    Every number of the dashboards comes through here. `protected` reads what everybody may see; `own` reads exact
    tables, of one site at a time, and only of a site of the scope.
    """

    def __init__(self, scope: Scope, opened: "_OpenRelease") -> None:
        self.scope = scope
        self.release_id = opened.release_id
        self.published_after = opened.published_after
        """The id of the release before; None of the first."""
        self._opened = opened

    def protected(
        self,
        record: type[Record],
        mart: str,
        where: str = "true",
        *parameters: Any,
        order: str = "",
        derived: Mapping[str, str] = MappingProxyType({}),
    ) -> list[Record]:
        """Rows of a protected mart as records: each field is the column of its name.

        Args:
            record: a dataclass.
            mart: a table of `dashboard.duckdb`.
            where: a condition in SQL, with a question mark for each parameter.
            parameters: their values.
            order: columns to sort by, in SQL.
            derived: in SQL, fields that the mart has no column for.
        """
        return self._opened.protected.records(record, f'"{mart}" where {where}{_sorted(order)}', parameters, derived)

    def own(  # noqa: PLR0913 - a question has these parts
        self,
        record: type[Record],
        mart: str,
        site_id: str,
        where: str = "true",
        *parameters: Any,
        order: str = "",
        derived: Mapping[str, str] = MappingProxyType({}),
    ) -> list[Record]:
        """Exact rows of one site of the scope as records; arguments as for `protected`.

        Args:
            record: a dataclass.
            mart: a table of `research.duckdb` that has a site_id.
            site_id: the site.
            where: a condition in SQL.
            parameters: its values.
            order: columns to sort by, in SQL.
            derived: in SQL, fields that the exact mart has no column for; nothing of one's own site is hidden.

        Raises:
            Denied: the site is not one of the scope's.
        """
        self.scope.require(site_id)
        source = f'"{mart}" where site_id = ? and ({where}){_sorted(order)}'
        return self._opened.exact.records(record, source, (site_id, *parameters), {**_NOTHING_HIDDEN, **derived})


class Releases:
    """Opens releases read-only, the current one and those that open pages still show.

    Args:
        folder: of the releases.
        refresh: makes the folder what is in the object store of which it is a copy; it may raise OutcomesError.
    """

    def __init__(self, folder: Path, refresh: Callable[[], None] | None = None) -> None:
        self.folder = folder
        self._refresh = refresh
        self._refreshed = -_SECONDS_AS_REFRESHED
        self._refreshing = Lock()
        self._opened: OrderedDict[str, _OpenRelease] = OrderedDict()
        self._lock = Lock()
        self._said: set[str] = set()

    @classmethod
    def of(cls, settings: Settings) -> "Releases":
        """The releases of an installation."""
        return cls(settings.releases, partial(refresh, settings) if settings.releases_url else None)

    def current_id(self) -> str | None:
        """The release that `current` points at, or None before the first."""
        self._keep_fresh()
        # The versioned path, not the pointer: DuckDB caches an open file by its path.
        folder = (self.folder / "current").resolve()
        return folder.name if (folder / DASHBOARD).is_file() else None

    def kept(self) -> list[Path]:
        """The folders of all releases that are kept, by name."""
        return sorted(file.parent for file in self.folder.glob(f"[!.]*/{DASHBOARD}") if not file.parent.is_symlink())

    def sound(self) -> list[Release]:
        """The kept releases that are not damaged, by name; a damaged one is never opened, and hinders no other."""
        found = []
        for folder in self.kept():
            try:
                found.append(read_release(folder))
            except OutcomesError as damage:
                self._say(damage)
        return found

    def is_synthetic(self) -> bool | None:
        """Whether every release that can be asked for holds invented patients only; None while there is none."""
        sound = self.sound() if self.current_id() else []
        return all(release.is_synthetic for release in sound) if sound else None

    def sites(self) -> frozenset[str]:
        """Every site of the current release, by id."""
        current = self.current_id()
        opened = self._open(current) if current else None
        return frozenset(one.site_id for one in opened.protected.records(_Site, "sites")) if opened else frozenset()

    def read(self, scope: Scope, release_id: str | None = None) -> Reader | None:
        """A release as a scope may read it.

        Args:
            scope: of who asks.
            release_id: the release that a page already shows; when it is no longer kept, or None, the current one.

        Returns:
            None before the first release that this version can read.
        """
        for wanted in (release_id, self.current_id()):
            opened = self._open(wanted) if wanted else None
            if opened:
                return Reader(scope, opened)
        return None

    def published(self) -> dict[str, str]:
        """When each release was first made current (ISO 8601, UTC), by id, as far back as there is a history."""
        moves = [one for one in history.moves(self.folder) if one.action == history.RELEASE]
        return {one.after: one.time for one in reversed(moves)}

    def before(self, reader: Reader) -> Reader | None:
        """The release that was published before that of a reader, as its scope may read it; None if it is not kept."""
        wanted = reader.published_after
        opened = self._open(wanted) if wanted else None
        return Reader(reader.scope, opened) if opened else None

    def _open(self, release_id: str) -> "_OpenRelease | None":
        # Only a name of these is ever part of a path; a release that was taken away is not shown from memory either.
        kept = {folder.name: folder for folder in self.kept()}
        with self._lock:
            for gone in [name for name, opened in self._opened.items() if not opened.is_of(kept.get(name))]:
                del self._opened[gone]
            if release_id not in kept:
                return None
            try:
                opened = self._opened.pop(release_id, None) or _OpenRelease(read_release(kept[release_id]))
            except OutcomesError as damage:
                self._say(damage)
                return None
            if not opened.is_readable:
                return None
            self._opened[release_id] = opened
            while len(self._opened) > _RELEASES_OPEN:
                self._opened.popitem(last=False)
            return opened

    def _keep_fresh(self) -> None:
        """Fetch what is new in an object store; who asks while another one fetches sees what was there before."""
        if self._refresh is None or not self._refreshing.acquire(blocking=False):
            return
        try:
            if monotonic() - self._refreshed >= _SECONDS_AS_REFRESHED:
                self._refresh()
                self._refreshed = monotonic()
        except OutcomesError as failure:
            self._refreshed = monotonic()
            self._say(failure)
        finally:
            self._refreshing.release()

    def _say(self, damage: OutcomesError) -> None:
        """Log a damage once, not with every page."""
        if str(damage) not in self._said:
            self._said.add(str(damage))
            _log.warning("%s", damage)


class _OpenRelease:
    """The databases of one release; a cursor for each question, so that threads do not wait for each other."""

    def __init__(self, release: Release) -> None:
        self.release_id = release.folder.name
        self.published_after = next(iter(release.compared_with), None)
        self._inode = release.folder.stat().st_ino
        self.protected = _Database(release.dashboard)
        self.exact = _Database(release.research)
        self.is_readable = self.protected.has(protected_marts()) and self.exact.has(research_marts())
        """Whether it has what the pages read; one that an older version made may lack some of it."""

    def is_of(self, folder: Path | None) -> bool:
        """Whether this is what the folder holds now: a release that was damaged has been built anew in its place."""
        return folder is not None and folder.is_dir() and folder.stat().st_ino == self._inode


class _Database:
    """A database of a release, and the answers that it gave: it never changes."""

    def __init__(self, file: Path) -> None:
        self._connection = connect_read_only(file)
        self._answer: Callable[..., Sequence[Any]] = lru_cache(maxsize=_ANSWERS_KEPT)(self._ask)

    def has(self, marts: Iterable[Mart]) -> bool:
        """Whether it has every column of the marts."""
        columns = "select table_name, column_name from duckdb_columns()"
        there = set(self._connection.cursor().execute(columns).fetchall())
        return all((mart.name, column.name) in there for mart in marts for column in mart.columns)

    def records(
        self,
        record: type[Record],
        source: str,
        parameters: tuple[Any, ...] = (),
        derived: Mapping[str, str] = MappingProxyType({}),
    ) -> list[Record]:
        """The rows of a table as records: the list is the caller's own, the records are everybody's who asks."""
        columns = ", ".join(derived.get(field.name, field.name) for field in fields(record))  # type: ignore[arg-type]
        return list(self._answer(record, f"select {columns} from {source}", parameters))

    def _ask(self, record: type[Record], sql: str, parameters: tuple[Any, ...]) -> tuple[Record, ...]:
        return tuple(record(*row) for row in self._connection.cursor().execute(sql, parameters).fetchall())


def _sorted(order: str) -> str:
    return f" order by {order}" if order else ""
