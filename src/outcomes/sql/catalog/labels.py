"""The labels as their files declare them (`sql/definitions/labels/`): the meaning, and the criteria that a yes meets.

A file declares one label, or a family: several labels that one statement decides, whose header says under `common`
what they share and under `labels` what each has for itself; the statement's column `label` tells their rows apart.
Texts and conditions name thresholds in braces; those of a family also the `words` that each of its labels gives, and
`{label}`, its name.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Literal

from pydantic import Field, PositiveInt

from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.sql.catalog.declaration import Declaration, Text
from outcomes.sql.catalog.texts import days_of_period, with_thresholds
from outcomes.sql.files import SqlFile, in_order, load
from outcomes.sql.shipped import shipped

_TABLE_OF_KEY = {table.key: table.name for table in TABLES.values()}
_TOPIC_OF_RELATION = {"red_flags": "flag", "cause_symptoms": "cause"}
"""The column that tells what a row of the relation is about, where it may be about one of several things."""


class Criterion(Declaration):
    """A condition that holds when the relation has a matching row of the patient, or none of an `is_absent` one.

    `where` may also use the columns of the patient's episode. `record` is the column that names a row's source record:
    the key of a contract table, such keys joined by semicolons (its name in the plural), `record_id`, which lies in
    the row's `source_table`, or another `x_id`, which lies in its `x_table`; None when no single record is meant.
    `reads` is the column that decides, of a relation whose rows tell many things.
    """

    says: Text
    relation: Text
    where: Text = "true"
    record: Text | None = None
    reads: Text | None = None
    is_absent: bool = Field(default=False, alias="absent")

    @property
    def select(self) -> str:
        """The matching rows of all episodes: site_id, patient_id, source_table, record_id, topic."""
        joined = "" if self.relation == "episodes" else " inner join episodes using (site_id, patient_id)"
        topic = f"'{self.reads}'" if self.reads else _TOPIC_OF_RELATION.get(self.relation, "cast(null as varchar)")
        return (
            f"select site_id, patient_id, {self._source_record}, {topic} as topic "
            f"from {self.relation}{joined} where {self.where}"
        )

    @property
    def _source_record(self) -> str:
        if self.record is None:
            return "cast(null as varchar) as source_table, cast(null as varchar) as record_id"
        if self.record == "record_id":
            return "source_table, record_id"
        if self.record in _TABLE_OF_KEY:
            return f"'{_TABLE_OF_KEY[self.record]}' as source_table, {self.record} as record_id"
        if self.record.removesuffix("s") in _TABLE_OF_KEY:
            table = _TABLE_OF_KEY[self.record.removesuffix("s")]
            return f"'{table}' as source_table, unnest(string_split({self.record}, ';')) as record_id"
        return f"{self.record.removesuffix('_id')}_table as source_table, {self.record} as record_id"


class LabelDefinition(Declaration):
    """One label; `headline` is its place among the labels shown first.

    A yes meets all `criteria` and, where there are `ways`, all criteria of at least one of them.
    """

    name: str
    title: Text
    category: Text
    guide: Text
    definition: Text
    rationale: Text
    citation: Text
    grain: Text
    version: PositiveInt
    status: Literal["draft", "accepted", "deprecated"]
    headline: PositiveInt | None = None
    columns: dict[str, Text]
    criteria: tuple[Criterion, ...] = ()
    ways: dict[str, tuple[Criterion, ...]] = Field(default_factory=dict)
    file: SqlFile

    @property
    def is_headline(self) -> bool:
        """Whether it is one of the labels shown first."""
        return self.headline is not None

    @property
    def all_criteria(self) -> tuple[Criterion, ...]:
        """The criteria that any yes meets, then those of each way."""
        return (*self.criteria, *(criterion for way in self.ways.values() for criterion in way))

    @property
    def rows(self) -> str:
        """Where its rows are, as it stands after `from`, once its file's relation has been made."""
        return (
            f"(select * from {self.file.name} where label = '{self.name}')" if self.file.is_family else self.file.name
        )


@cache
def label_definitions() -> tuple[LabelDefinition, ...]:
    """All labels, by name.

    Raises:
        OutcomesError: definition_malformed; a header is incomplete or wrong.
    """
    found = (
        read_label(file, name, stated)
        for file in load(shipped("sql", "definitions", "labels"))
        for name, stated in stated_in(file).items()
    )
    return tuple(sorted(found, key=lambda label: label.name))


def label_definition(name: str) -> LabelDefinition:
    """The label of this name.

    Raises:
        OutcomesError: label_unknown.
    """
    for label in label_definitions():
        if label.name == name:
            return label
    raise OutcomesError("label_unknown", name)


def stated_in(file: SqlFile) -> dict[str, dict[str, Any]]:
    """The labels that a file declares, by name, with their fields as they stand in it: nothing is filled in."""
    header = file.header
    if file.is_family:
        return {name: header["common"] | own for name, own in header["labels"].items()}
    return {file.name: {field: value for field, value in header.items() if field != "needs"}}


def read_label(file: SqlFile, name: str, stated: Mapping[str, Any]) -> LabelDefinition:
    """The label that a file states so, with what stands in braces filled in.

    Raises:
        OutcomesError: definition_malformed; the statement is incomplete or wrong.
    """
    known = {"label": name} | days_of_period(name)
    words = known | with_thresholds(stated.get("words", {}), known)
    texts = with_thresholds({field: value for field, value in stated.items() if field != "words"}, words)
    within = ("labels", name) if file.is_family else ()
    return LabelDefinition.read(
        texts | {"name": name, "file": file},
        f"{file.path.name}, {name}",
        lambda field: file.line_of((*within, *field)),
    )


@cache
def relations_in_order() -> tuple[SqlFile, ...]:
    """Every relation of the labelling step, labels included, each after those that it needs."""
    files = [*load(shipped("sql", "relations", "episodes")), *load(shipped("sql", "definitions", "labels"))]
    return tuple(in_order(files))
