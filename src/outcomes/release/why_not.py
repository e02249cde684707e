"""Which criteria of a label a patient meets: the labelling step, run on that patient's records alone.

This shows single records, as `explain` does.
"""

from dataclasses import dataclass

import duckdb

from outcomes.contract import TABLES
from outcomes.labelling.build import run
from outcomes.release.explain import attach_as_released
from outcomes.release.open import current_release
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import Criterion, label_definition
from outcomes.sql.engine import connect


@dataclass(frozen=True)
class SourceRecord:
    """A record of the contract by its table and key."""

    source_table: str
    record_id: str


@dataclass(frozen=True)
class JudgedCriterion:
    """A criterion and the records that match it, those that contradict it where it demands absence.

    `records` is empty where what matches is no single record.
    """

    says: str
    holds: bool
    records: tuple[SourceRecord, ...]


@dataclass(frozen=True)
class Way:
    """One of several ways to a yes: all of its criteria must hold."""

    name: str
    criteria: tuple[JudgedCriterion, ...]

    @property
    def holds(self) -> bool:
        """Whether all of its criteria hold."""
        return all(criterion.holds for criterion in self.criteria)


@dataclass(frozen=True)
class WhyNot:
    """A label's answer for a patient and its criteria: all of `criteria`, and where there are `ways` all of one.

    `status` is None for a patient outside the cohort, and `reason` says why; there are no criteria then.
    """

    release_id: str
    label: str
    title: str
    status: str | None
    reason: str | None
    criteria: tuple[JudgedCriterion, ...] = ()
    ways: tuple[Way, ...] = ()

    @property
    def all_hold(self) -> bool:
        """Whether all that a yes needs holds."""
        return all(each.holds for each in self.criteria) and (not self.ways or any(way.holds for way in self.ways))


def why_not(settings: Settings, site_id: str, patient_id: str, label: str) -> WhyNot:
    """Judge each criterion of a label on the patient's records as the current release saw them.

    Raises:
        OutcomesError: label_unknown, no_release, or patient_unknown when no accepted submission of the release names
            the patient.
    """
    definition = label_definition(label)
    release = current_release(settings)
    with connect(settings) as con:
        attach_as_released(con, settings, release, site_id, patient_id)
        _keep_patient(con, site_id, patient_id)
        run(con)
        answer = con.execute("select status, reason from labels where label = $label", {"label": label}).fetchone()
        if answer is None:
            left = con.execute("select reason from cohort").fetchone()
            return WhyNot(release.id, label, definition.title, None, left[0] if left else None)
        status, reason = answer
        return WhyNot(
            release_id=release.id,
            label=label,
            title=definition.title,
            status=status,
            reason=reason,
            criteria=tuple(_judged(con, each) for each in definition.criteria),
            ways=tuple(
                Way(name, tuple(_judged(con, each) for each in criteria)) for name, criteria in definition.ways.items()
            ),
        )


def _keep_patient(con: duckdb.DuckDBPyConnection, site_id: str, patient_id: str) -> None:
    """Put the patient's rows in the place of each contract view; `submissions` still tells what the site delivers."""
    for name in TABLES:
        con.execute(
            f"create table rows_kept as from {name} where site_id = $site_id and patient_id = $patient_id",
            {"site_id": site_id, "patient_id": patient_id},
        )
        con.execute(f"drop view {name}")
        con.execute(f"alter table rows_kept rename to {name}")


def _judged(con: duckdb.DuckDBPyConnection, criterion: Criterion) -> JudgedCriterion:
    matches = con.execute(
        f"select distinct source_table, record_id from ({criterion.select}) order by source_table, record_id"
    ).fetchall()
    records = tuple(SourceRecord(table, record) for table, record in matches if record is not None)
    return JudgedCriterion(criterion.says, bool(matches) != criterion.is_absent, records)
