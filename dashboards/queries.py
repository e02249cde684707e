"""What the dashboards read: the protected tables of the current release, and nothing else.

A page view reads one release through one cursor, so numbers of two releases never meet on a page.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from threading import Lock
from typing import TypeVar

import duckdb

from outcomes.engines.duckdb import connect_read_only

Record = TypeVar("Record")


@dataclass(frozen=True)
class ReleaseInfo:
    """Which release this is. `data_to` is the latest period (`YYYY-MM`); patients are rounded to 10, None if few."""

    release_id: str
    data_to: str
    site_count: int
    patient_count_rounded: int | None
    suppression_threshold: int
    code_version: str


@dataclass(frozen=True)
class LabelDefinition:
    """What a label means, and which sentence of the patient guide it follows."""

    label: str
    title: str
    category: str
    definition_text: str
    guide: str | None
    version: str
    headline: int | None

    @property
    def is_headline(self) -> bool:
        """Whether it is one of the labels shown first."""
        return self.headline is not None


@dataclass(frozen=True)
class Share:
    """How a label falls among some patients; of a suppressed row every count and share is None.

    `share` is `yes` divided by `assessed`, from 0 to 1, with its 95 % interval; None where nobody was assessed.
    """

    label: str
    site_id: str | None
    index_year: int | None
    yes: int | None
    no: int | None
    not_assessable: int | None
    assessed: int | None
    share: float | None
    share_low: float | None
    share_high: float | None
    is_suppressed: bool


@dataclass(frozen=True)
class Tally:
    """A code and the patients it applies to; `patients` is None when suppressed, `code` too when even that tells."""

    code: str | None
    patients: int | None
    is_suppressed: bool


@dataclass(frozen=True)
class Site:
    """A site of the register."""

    site_id: str
    name: str


@dataclass(frozen=True)
class Submission:
    """One attempt of a site to deliver a period, and whether its rows add up."""

    site_id: str
    period: str
    attempt: int
    kind: str | None
    status: str
    code: str | None
    rows_in: int | None
    rows_accepted: int | None
    rows_quarantined: int | None
    is_conserved: bool
    is_suppressed: bool


@dataclass(frozen=True)
class RuleFailure:
    """How often a submission's rows broke a rule."""

    site_id: str
    period: str
    attempt: int
    source_table: str
    rule: str
    severity: str
    reason: str
    rows_checked: int | None
    rows_failed: int | None
    is_suppressed: bool


_SHARES = """(
    select
        measure as label, site_id, resolution, cast(period as integer) as index_year, numerator as yes,
        patients - numerator as no, excluded as not_assessable, patients as assessed, estimate as share,
        estimate_low as share_low, estimate_high as share_high, state = 'suppressed' as is_suppressed
    from measures
    where resolution in ('all', 'year') and stratum_kind = 'all'
) as shares"""


class Release:
    """The tables of one release, as records."""

    def __init__(self, cursor: duckdb.DuckDBPyConnection) -> None:
        self._cursor = cursor

    def info(self) -> ReleaseInfo:
        """The header of the release."""
        return self._read(ReleaseInfo, "from release_info")[0]

    def definitions(self) -> list[LabelDefinition]:
        """Every label, the headline labels first in their order, then by title."""
        return self._read(LabelDefinition, "from label_definitions order by headline nulls last, title")

    def sites(self) -> list[Site]:
        """Every site by name, never by result."""
        return self._read(Site, "from sites order by lower(name), site_id")

    def overall(self) -> dict[str, Share]:
        """The share of every label over all patients, by label."""
        return {
            share.label: share
            for share in self._read(Share, f"from {_SHARES} where site_id is null and resolution = 'all'")
        }

    def by_year(self, label: str) -> list[Share]:
        """A label's share by year of the index fusion, oldest first."""
        return self._read(
            Share,
            f"from {_SHARES} where label = ? and site_id is null and resolution = 'year' order by index_year",
            label,
        )

    def by_site(self, label: str) -> list[Share]:
        """A label's share by site, in the order of `sites`."""
        return self._read(
            Share,
            f"from {_SHARES} inner join sites using (site_id)"
            " where label = ? and resolution = 'all' order by lower(name), site_id",
            label,
        )

    def kinds(self, label: str) -> list[Tally]:
        """The kinds among those who have the label, most frequent first, suppressed kinds last."""
        return self._tallies(
            "select kind as code, episodes as patients, is_suppressed from label_kinds where label = ?", label
        )

    def reasons(self, label: str) -> list[Tally]:
        """Why patients could not be assessed, most frequent first, suppressed reasons last."""
        return self._tallies(
            "select reason as code, patients, state = 'suppressed' as is_suppressed from measure_exclusions"
            " where measure = ? and state <> 'zero'",
            label,
        )

    def attrition(self) -> list[Tally]:
        """Patients left after each step from delivery to cohort, in the order of the steps."""
        return self._read(
            Tally,
            "from (select step, reason as code, patients_left as patients, is_suppressed from attrition) order by step",
        )

    def submissions(self) -> list[Submission]:
        """Every attempt of every site, latest first."""
        return self._read(Submission, "from submissions order by site_id, period desc, attempt desc")

    def rule_failures(self) -> list[RuleFailure]:
        """The rules that some row broke, latest period first."""
        return self._read(
            RuleFailure,
            "from rule_failures where is_suppressed or rows_failed > 0"
            " order by site_id, period desc, attempt desc, source_table, rule",
        )

    def _tallies(self, select: str, label: str) -> list[Tally]:
        return self._read(Tally, f"from ({select}) order by patients desc nulls last, code", label)

    def _read(self, record: type[Record], source: str, *parameters: str) -> list[Record]:
        columns = ", ".join(field.name for field in fields(record))  # type: ignore[arg-type]
        rows = self._cursor.execute(f"select {columns} {source}", parameters).fetchall()
        return [record(*row) for row in rows]


class Releases:
    """Opens whatever `releases/current` points at, and follows it when it moves."""

    def __init__(self, folder: Path) -> None:
        self._current = folder / "current" / "dashboard.duckdb"
        self._lock = Lock()
        self._path: Path | None = None
        self._connection: duckdb.DuckDBPyConnection | None = None

    def current(self) -> Release | None:
        """The current release on a cursor of its own, or None before the first release."""
        # The versioned path, not the pointer: DuckDB caches an open file by its path.
        path = self._current.resolve()
        if not path.is_file():
            return None
        with self._lock:
            if self._connection is None or path != self._path:
                self._connection, self._path = connect_read_only(path), path
            return Release(self._connection.cursor())
