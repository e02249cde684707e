"""The criteria of a label as its header states them: a sentence each, and the rows of the labelling step that meet it.

A header's `criteria` must all hold; where it names `ways`, so must all of at least one way. Sentences and conditions
name thresholds in braces, and a period of the timeline its days (`sql/reference/pain_periods.csv`).
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.sql.catalog.labels import LabelDefinition, label_definitions, thresholds
from outcomes.sql.shipped import shipped

_TABLE_OF_KEY = {table.key: table.name for table in TABLES.values()}


@dataclass(frozen=True)
class Criterion:
    """A condition that holds when the relation has a matching row of the patient, or none of an `is_absent` one.

    `where` may also use the columns of the patient's episode. `record` is the column that names a row's source record:
    the key of a contract table, such keys joined by semicolons (its name in the plural), or `record_id`, which lies in
    the row's `source_table`; None when no single record is meant.
    """

    says: str
    relation: str
    where: str = "true"
    record: str | None = None
    is_absent: bool = False

    @property
    def select(self) -> str:
        """The matching rows of all episodes: site_id, patient_id, source_table, record_id."""
        joined = "" if self.relation == "episodes" else " inner join episodes using (site_id, patient_id)"
        return f"select site_id, patient_id, {self._source_record} from {self.relation}{joined} where {self.where}"

    @property
    def _source_record(self) -> str:
        if self.record is None:
            return "cast(null as varchar) as source_table, cast(null as varchar) as record_id"
        if self.record == "record_id":
            return "source_table, record_id"
        if self.record in _TABLE_OF_KEY:
            return f"'{_TABLE_OF_KEY[self.record]}' as source_table, {self.record} as record_id"
        table = _TABLE_OF_KEY[self.record.removesuffix("s")]
        return f"'{table}' as source_table, unnest(string_split({self.record}, ';')) as record_id"


@dataclass(frozen=True)
class Criteria:
    """All criteria of a label: the shared ones, and by name the ways of which one must hold too, if there are any."""

    shared: tuple[Criterion, ...]
    ways: Mapping[str, tuple[Criterion, ...]]


def definition_of(label: str) -> LabelDefinition:
    """The definition of the label of this name.

    Raises:
        OutcomesError: label_unknown.
    """
    for definition in label_definitions():
        if definition.name == label:
            return definition
    raise OutcomesError("label_unknown", label)


def criteria_of(definition: LabelDefinition) -> Criteria:
    """The criteria of a label, with the values of its thresholds filled in."""
    header = definition.file.header
    values = thresholds() | _pain_periods().get(definition.name, {})
    return Criteria(
        shared=_criteria(header.get("criteria", []), values),
        ways={name: _criteria(stated, values) for name, stated in header.get("ways", {}).items()},
    )


def _criteria(stated: list[dict[str, Any]], values: dict[str, Any]) -> tuple[Criterion, ...]:
    return tuple(
        Criterion(
            says=each["says"].format_map(values),
            relation=each["relation"],
            where=each.get("where", "true").format_map(values),
            record=each.get("record"),
            is_absent=each.get("absent", False),
        )
        for each in stated
    )


@cache
def _pain_periods() -> dict[str, dict[str, str]]:
    """The days of each period of the timeline, by label."""
    with shipped("sql", "reference", "pain_periods.csv").open(encoding="utf-8", newline="") as lines:
        return {row["label"]: row for row in csv.DictReader(lines)}
