"""The marts as `sql/marts/` declares them: one file for each, from which its exact and its protected table derive.

A column is declared once: its type (text unless stated), what it means, and

- `unit` of a number, or that it has none (`unit: none`);
- `enum`, its closed list, or the name of one: `labels`, `measures`, `tables`, `refusals`, or a column of a reference
  table (`visit_windows.visit_window`);
- `protection`, of each number that is published protected: how (see `PROTECTIONS`);
- `only: exact` or `only: protected`, when it stands in one of the two;
- `may_be_null`, where neither the text (which says what null means) nor protection tells it;
- `protected`, what the text of the protected table adds, or which text or closed list replaces the other.

Every protected mart ends with the same column `state`, which no file declares.

A column that the contract declares is described there, its closed list stands in `expectations/`; the file leaves it
empty.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import BeforeValidator, Field, model_validator

from outcomes.contract import TABLES, ColumnType
from outcomes.errors import MISTAKES, WITHDRAWAL_REASONS, OutcomesError
from outcomes.sql.catalog.declaration import Declaration, Text
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.catalog.measures import measure_definitions
from outcomes.sql.catalog.texts import with_thresholds
from outcomes.sql.files import read_yaml
from outcomes.sql.reference import reference_rows
from outcomes.sql.shipped import shipped

Kind = Literal["exact", "protected"]
Type = Literal["text", "integer", "number", "boolean"]

NOT_OF_PATIENTS = "not_of_patients"
PROTECTIONS = {
    "audited": "it enters the linear programs of the audit",
    "derived": "it is a function of what is shown",
    NOT_OF_PATIENTS: "it tells nothing of patients",
    "curve": "days of a curve lie so far apart that no small change is told, and shares come in steps of 5 patients",
    "steps": "no few patients are lost between two steps that are shown, and each is told to the nearest 10",
    "tens": "it is told to the nearest 10, and never less than 20",
    "person_time": "it is told to the nearest 5 person-years, beside counts that are shown",
    "mean_risk": "a mean risk to four digits, times the rounded patients",
    "tenths": "neighbouring tenths are taken together until each has enough patients of either answer, then rounded",
    "model": "each level has enough patients of either answer, and figures are told to two or three digits",
    "quartiles": "each quarter holds enough patients, and scores are rounded",
    "words": "a word from the exact counts of cells that are shown, which the audit takes as known to the patient",
    "rows": "no small count of rows, nor what others tell of it; to the nearest 10, all rows of a table to 20",
}
"""How a column may be protected: in the audit, by what is shown anyway, or by a rule of its own. Who says which test
holds each: docs/privacy.md."""

NO_UNIT = "none"
"""Stated of a number without a unit, so that none is forgotten."""

_SQL_TYPES: dict[Type, tuple[str, ...]] = {
    "text": ("VARCHAR", "ENUM"),
    "integer": ("BIGINT", "INTEGER"),
    "number": ("DOUBLE",),
    "boolean": ("BOOLEAN",),
}
_ARROW_TYPES: dict[Type, pa.DataType] = {
    "text": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "boolean": pa.bool_(),
}
_OF_THE_CONTRACT: dict[ColumnType, Type] = {
    ColumnType.TEXT: "text",
    ColumnType.INTEGER: "integer",
    ColumnType.DECIMAL: "number",
    ColumnType.BOOLEAN: "boolean",
}


@dataclass(frozen=True)
class Column:
    """One column of a mart; `enum` is empty when any value may stand there."""

    name: str
    type: Type
    description: str
    unit: str = ""
    enum: tuple[str, ...] = ()
    may_be_null: bool = False
    protection: tuple[str, ...] = ()

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers, so that it has a unit or says that it has none."""
        return self.type in ("integer", "number")

    @property
    def is_count_of_patients(self) -> bool:
        """Whether it counts patients of the data."""
        return self.type == "integer" and self.unit == "patients" and NOT_OF_PATIENTS not in self.protection

    @property
    def comment(self) -> str:
        """The description with its unit, in one line."""
        return self.description if self.unit in ("", NO_UNIT) else f"{self.description} ({self.unit})"


STATE = Column(
    "state",
    "text",
    "what the row tells: zero, nobody has the outcome; suppressed, to protect patients; missing, nobody could "
    "have been counted; ended, too few are still at risk; shown, none of these",
    enum=("shown", "zero", "suppressed", "missing", "ended"),
)
"""The last column of every protected mart."""


@dataclass(frozen=True)
class Mart:
    """One published table: a relation's columns in the order of its key."""

    name: str
    title: str
    grain: str
    key: tuple[str, ...]
    relation: str
    columns: tuple[Column, ...]

    @property
    def comment(self) -> str:
        """Title and grain in one line."""
        return f"{self.title}: {self.grain}"

    @property
    def order(self) -> str:
        """The key in SQL, which orders the rows; all sites, all periods and everybody are null and come last."""
        return ", ".join(f'"{name}"' for name in self.key)

    @property
    def select(self) -> str:
        """The exact table as a query on its relation, which may keep texts as an enumeration."""
        return f"{self._columns_of_relation} order by {self.order}"

    def select_where(self, condition: str) -> str:
        """As `select`, of the rows that meet a condition in SQL."""
        return f"{self._columns_of_relation} where {condition} order by {self.order}"

    @property
    def _columns_of_relation(self) -> str:
        columns = (
            f'cast("{column.name}" as varchar) as "{column.name}"' if column.type == "text" else f'"{column.name}"'
            for column in self.columns
        )
        return f'select {", ".join(columns)} from "{self.relation}"'

    def require_types(self, found: Mapping[str, str]) -> None:
        """Compare the declared types with those that a table has.

        Args:
            found: its SQL types by column.

        Raises:
            OutcomesError: definition_malformed; a column is missing or of another type.
        """
        for column in self.columns:
            sql_type = found.get(column.name, "missing")
            if not sql_type.startswith(_SQL_TYPES[column.type]):
                where = f"{self.name}.yaml: columns.{column.name}: declared as {column.type}, found {sql_type}"
                raise OutcomesError("definition_malformed", where)


@cache
def research_marts() -> tuple[Mart, ...]:
    """The exact marts, by name."""
    return _marts("exact")


@cache
def protected_marts() -> tuple[Mart, ...]:
    """The marts that may be shown, by name."""
    return _marts("protected")


@cache
def mart_schema(name: str, kind: Kind = "exact") -> pa.Schema:
    """The columns of a mart with their Arrow types, as whoever makes its relation fills them."""
    (mart,) = (mart for mart in (research_marts if kind == "exact" else protected_marts)() if mart.name == name)
    return pa.schema([(column.name, _ARROW_TYPES[column.type]) for column in mart.columns])


def parse_mart(name: str, given: Any, kind: Kind) -> Mart | None:
    """The exact or the protected mart of a declaration; None where there is none.

    Args:
        name: of the file, and so of the mart.
        given: the file's content.
        kind: which of the two.

    Raises:
        OutcomesError: definition_malformed; names the file and the field that is wrong.
    """
    return _Declaration.read(with_thresholds(given), f"{name}.yaml").mart(name, kind)


@cache
def named_lists() -> dict[str, tuple[str, ...]]:
    """The closed lists that a column may name: labels, measures, tables, why a submission is refused or withdrawn."""
    return {
        "labels": tuple(label.name for label in label_definitions()),
        "measures": tuple(measure.id for measure in measure_definitions()),
        "tables": tuple(TABLES),
        "refusals": (
            *(code for code, mistake in MISTAKES.items() if 10 <= mistake.exit_status < 40),
            *WITHDRAWAL_REASONS,
        ),
    }


def _closed_list(stated: Any) -> Any:
    """The list that is stated, or the one that is named."""
    if not isinstance(stated, str):
        return stated
    if stated in named_lists():
        return named_lists()[stated]
    table, _, column = stated.partition(".")
    return tuple(row[column] for row in reference_rows(table))


_Enum = Annotated[tuple[str, ...], BeforeValidator(_closed_list)]


def _protections(stated: Any) -> Any:
    words = [stated] if isinstance(stated, str) else stated
    if unknown := {*words} - {*PROTECTIONS}:
        msg = f"no protection is called {', '.join(sorted(unknown))}"
        raise ValueError(msg)
    return words


_Protection = Annotated[tuple[str, ...], BeforeValidator(_protections)]


class _Change(Declaration):
    description: str | None = None
    enum: _Enum | None = None


class _DeclaredColumn(Declaration):
    description: Text
    type: Type = "text"
    unit: str = ""
    enum: _Enum = ()
    only: Kind | None = None
    protected: str | _Change | None = None
    may_be_null: bool | None = None
    protection: _Protection = ()

    @model_validator(mode="after")
    def _unit_of_a_number(self) -> "_DeclaredColumn":
        if (self.type in ("integer", "number")) != bool(self.unit):
            msg = "a number states its unit, or none; nothing else does"
            raise ValueError(msg)
        return self

    def column(self, name: str, kind: Kind, is_key: bool) -> Column:
        column = Column(name, self.type, self.description, self.unit, self.enum)
        if kind == "protected":
            column = replace(column, protection=self.protection)
        if kind == "protected" and isinstance(self.protected, str):
            column = replace(column, description=f"{self.description}; {self.protected}")
        elif kind == "protected" and isinstance(self.protected, _Change):
            column = replace(column, **self.protected.model_dump(exclude_none=True))
        # What is hidden is a number with a unit; all else that may be null says so.
        is_hidden = kind == "protected" and self.unit not in ("", NO_UNIT) and not is_key
        says_so = re.search(r"\bnull\b", column.description) is not None
        return replace(column, may_be_null=is_hidden or says_so if self.may_be_null is None else self.may_be_null)


class _Difference(Declaration):
    title: Text | None = None
    rationale: Text | None = None
    grain: Text | None = None


class _Declaration(Declaration):
    title: Text
    grain: Annotated[str, Field(pattern="^one row")]
    key: Annotated[tuple[str, ...], Field(min_length=1)]
    columns: Annotated[dict[str, _DeclaredColumn], Field(min_length=1)]
    rationale: Text | None = None
    citation: Text | None = None
    contract_table: str | None = None
    relation: Text | None = None
    published: frozenset[Kind] = frozenset({"exact"})
    protected: _Difference = _Difference()

    @model_validator(mode="before")
    @classmethod
    def _columns_in_full(cls, given: Any) -> Any:
        if not isinstance(given, dict) or not isinstance(given.get("columns"), dict):
            return given
        table = given.get("contract_table")
        key = given.get("key", ())
        columns = {name: _in_full(name, about, table, key) for name, about in given["columns"].items()}
        return given | {"columns": columns}

    @model_validator(mode="after")
    def _key_is_there(self) -> "_Declaration":
        if missing := [name for name in self.key if name not in self.columns]:
            msg = f"key: no columns {missing}"
            raise ValueError(msg)
        return self

    def mart(self, name: str, kind: Kind) -> Mart | None:
        if kind not in self.published:
            return None
        changed = self.protected if kind == "protected" else _Difference()
        declared = {key: each for key, each in self.columns.items() if each.only in (None, kind)}
        columns = tuple(each.column(key, kind, key in self.key) for key, each in declared.items())
        columns += (STATE,) if kind == "protected" else ()
        names = {column.name for column in columns}
        return Mart(
            name=name,
            title=changed.title or self.title,
            grain=changed.grain or self.grain,
            key=tuple(each for each in self.key if each in names),
            relation=self.relation or name,
            columns=columns,
        )


def _in_full(name: str, about: Any, contract_table: str | None, key: Sequence[str]) -> Any:
    """A column's declaration: a text stands for its description, nothing for what the contract says."""
    if isinstance(about, str):
        return {"description": about}
    declared = {column.name: column for column in TABLES[contract_table].columns} if contract_table in TABLES else {}
    if about is not None or name not in declared:
        return about
    column = declared[name]
    column_type = _OF_THE_CONTRACT[column.type]
    return {
        "type": column_type,
        "description": column.description,
        "unit": column.unit or (NO_UNIT if column_type in ("integer", "number") else ""),
        "enum": _closed_lists(str(contract_table)).get(name, ()),
        "may_be_null": name not in key,
    }


@cache
def _closed_lists(contract_table: str) -> dict[str, tuple[str, ...]]:
    suite = json.loads(shipped("expectations", f"{contract_table}.json").read_text(encoding="utf-8"))
    return {
        rule["kwargs"]["column"]: tuple(rule["kwargs"]["value_set"])
        for rule in suite["expectations"]
        if rule["type"] == "expect_column_values_to_be_in_set"
    }


def _marts(kind: Kind) -> tuple[Mart, ...]:
    files = sorted(shipped("sql", "marts").glob("*.yaml"))
    found = (parse_mart(path.stem, read_yaml(path), kind) for path in files)
    return tuple(mart for mart in found if mart is not None)
