"""Definitions as data: labels (`sql/definitions/labels/`), thresholds, code lists and reference tables."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import yaml

from outcomes.errors import OutcomesError
from outcomes.sql.files import SqlFile, in_order, load
from outcomes.sql.shipped import shipped

_CODE_LIST_COLUMNS = {
    "list": "varchar",
    "version": "integer",
    "system": "varchar",
    "code": "varchar",
    "is_prefix": "boolean",
    "label": "varchar",
    "valid_from": "date",
    "valid_to": "date",
    "approach": "varchar",
    "is_add_on": "boolean",
    "joints": "bigint",
    "procedure_group": "varchar",
    "needs": "varchar",
    "joint": "varchar",
    "family": "varchar",
    "treatment_class": "varchar",
}


@dataclass(frozen=True)
class LabelDefinition:
    """One label as its SQL file declares it; `headline` is its place among the labels shown first."""

    name: str
    title: str
    category: str
    guide: str
    definition: str
    rationale: str
    citation: str
    version: int
    status: str
    headline: int | None
    file: SqlFile

    @classmethod
    def from_file(cls, file: SqlFile) -> "LabelDefinition":
        """Read the definition from the header of its file."""
        header = file.header
        return cls(
            name=file.name,
            title=header["title"],
            category=header["category"],
            guide=header["guide"].strip(),
            definition=header["definition"].strip(),
            rationale=header["rationale"].strip(),
            citation=header["citation"],
            version=header["version"],
            status=header["status"],
            headline=header.get("headline"),
            file=file,
        )

    @property
    def is_headline(self) -> bool:
        """Whether it is one of the labels shown first."""
        return self.headline is not None


@cache
def label_definitions() -> tuple[LabelDefinition, ...]:
    """All labels, by name."""
    return tuple(LabelDefinition.from_file(file) for file in load(shipped("sql", "definitions", "labels")))


def relations_in_order() -> list[SqlFile]:
    """Every relation of the labelling step, labels included, each after those that it needs."""
    return in_order([*load(shipped("sql", "relations", "episodes")), *(label.file for label in label_definitions())])


@cache
def thresholds() -> dict[str, Any]:
    """The project's conventions by name (`sql/definitions/thresholds.yaml`)."""
    values: dict[str, Any] = yaml.safe_load(
        shipped("sql", "definitions", "thresholds.yaml").read_text(encoding="utf-8")
    )
    return values


def load_definitions(con: duckdb.DuckDBPyConnection, eq5d_value_set: Path | None = None) -> None:
    """Make the relations `thresholds` (one row), `code_lists`, `eq5d_values` and one per reference table.

    Codes lose their dots, as the codes of a submission do on load.

    Args:
        con: the connection to make them on.
        eq5d_value_set: a country's EQ-5D-5L value set, a CSV with the columns profile (five digits) and index; without
            it `eq5d_values` is empty.

    Raises:
        OutcomesError: value_set_malformed.
    """
    columns = ", ".join(f"${name} as {name}" for name in thresholds())
    con.execute(f"create or replace table thresholds as select {columns}", thresholds())
    con.execute("create or replace table code_lists (" + ", ".join(map(" ".join, _CODE_LIST_COLUMNS.items())) + ")")
    for path in sorted(shipped("sql", "codelists").glob("*.csv")):
        con.execute(
            "insert into code_lists by name from read_csv($path, header = true, all_varchar = true)",
            {"path": str(path)},
        )
    con.execute("update code_lists set code = replace(code, '.', '')")
    for path in sorted(shipped("sql", "reference").glob("*.csv")):
        con.execute(f"create or replace table {path.stem} as from read_csv($path, header = true)", {"path": str(path)})
    _load_value_set(con, eq5d_value_set)


def _load_value_set(con: duckdb.DuckDBPyConnection, path: Path | None) -> None:
    con.execute(
        "create or replace table eq5d_values (profile varchar primary key, eq5d_index double not null, "
        "check (regexp_full_match(profile, '[1-5]{5}') and isfinite(eq5d_index)))"
    )
    if path is None:
        return
    try:
        con.execute(
            "insert into eq5d_values select profile, index from read_csv($path, header = true, all_varchar = true)",
            {"path": str(path)},
        )
    except duckdb.Error:
        raise OutcomesError("value_set_malformed", path.name) from None
