"""What the labels are made of: one patient's records, and the result of a label.

Days count from the index fusion (day 0). Records are ordered by day, then table, then id, which is the order in which
every "first" is decided.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

Row = dict[str, Any]
Evidence = frozenset[tuple[str, str]]

KEYS = {
    "encounters": "encounter_id",
    "procedures": "procedure_id",
    "diagnoses": "diagnosis_id",
    "follow_ups": "follow_up_id",
    "imaging": "imaging_id",
    "treatments": "treatment_id",
}
DAYS = {"encounters": "start_day", "treatments": "start_day"}

JOINTS = ("C0-1", "C1-2", "C2-3", "C3-4", "C4-5", "C5-6", "C6-7", "C7-T1", "T1-2")


@dataclass(frozen=True, order=True)
class Record:
    """A dated record of the patient."""

    day: int
    table: str
    id: str
    row: Row = field(compare=False, repr=False)

    def __getitem__(self, column: str) -> Any:
        return self.row.get(column)

    @property
    def joints(self) -> frozenset[int]:
        """The joints on which a procedure was done; empty when the record names none."""
        return joints(self["levels"])

    @property
    def joint(self) -> int | None:
        """The joint of an image's finding."""
        return JOINTS.index(self["level"]) if self["level"] else None


@dataclass(frozen=True)
class Result:
    """One label of one patient, with the records that it rests on as (table, id)."""

    status: str
    reason: str | None
    onset_day: int | None
    value: float | None
    value_name: str | None
    kind: str | None
    evidence: Evidence


def records(tables: dict[str, list[Row]], table: str) -> tuple[Record, ...]:
    """The records of one table, in order."""
    day, key = DAYS.get(table, "day"), KEYS[table]
    return tuple(sorted(Record(row[day], table, row[key], row) for row in tables.get(table, [])))


def until(found: tuple[Record, ...], cut: int | None) -> tuple[Record, ...]:
    """The records as they were known on the day of the cut (G1): none later, and no end that lies later."""
    if cut is None:
        return found
    return tuple(
        replace(record, row=record.row | {"end_day": None}) if (record["end_day"] or cut) > cut else record
        for record in found
        if record.day <= cut
    )


def joints(levels: str | None) -> frozenset[int]:
    """Positions of the joints named in `C5-6;C6-7`, counted from the skull."""
    return frozenset(JOINTS.index(joint) for joint in levels.split(";")) if levels else frozenset()


def cite(*cited: Record) -> Evidence:
    """The records as evidence."""
    return frozenset((record.table, record.id) for record in cited)


def first(candidates: Iterable[Record]) -> Record | None:
    """The earliest record, ties by table and id."""
    return min(candidates, default=None)


def at_least(value: float | None, limit: float) -> bool:
    """Is the value known and not below the limit?"""
    return value is not None and value >= limit


def at_most(value: float | None, limit: float) -> bool:
    """Is the value known and not above the limit?"""
    return value is not None and value <= limit


def yes(
    onset_day: int,
    evidence: Evidence,
    value: float | None = None,
    value_name: str | None = None,
    kind: str | None = None,
) -> Result:
    """The event was found."""
    return Result("yes", None, onset_day, value, value_name, kind, evidence)
