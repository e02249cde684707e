"""Thresholds, code lists and reference tables, as data and as relations."""

import csv
import datetime
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from outcomes.errors import OutcomesError
from outcomes.sql.files import line_of, read_yaml
from outcomes.sql.shipped import shipped

_CODE_LIST_COLUMNS = {
    "list": "varchar",
    "version": "integer",
    "system": "varchar",
    "code": "varchar",
    "is_prefix": "boolean",
    "seventh_characters": "varchar",
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


def _boolean(cell: str) -> bool:
    return ("false", "true").index(cell) == 1


_READ_AS: dict[str, Callable[[str], object]] = {
    "integer": int,
    "bigint": int,
    "boolean": _boolean,
    "date": datetime.date.fromisoformat,
}


@cache
def thresholds() -> dict[str, Any]:
    """The project's conventions by name (`sql/definitions/thresholds.yaml`)."""
    return read_thresholds(shipped("sql", "definitions", "thresholds.yaml"))


def read_thresholds(path: Path) -> dict[str, Any]:
    """The conventions of a file, by name.

    Raises:
        OutcomesError: definition_malformed; names the file and the line.
    """
    values = read_yaml(path)
    if not isinstance(values, dict):
        raise OutcomesError("definition_malformed", f"{path.name}, line 1: not names with their values")
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            line = line_of(path.read_text(encoding="utf-8"), [name])
            raise OutcomesError("definition_malformed", f"{path.name}, line {line}: {name} is no number or text")
    return values


@cache
def reference_names() -> tuple[str, ...]:
    """The reference tables there are (`sql/reference/`)."""
    return tuple(sorted(path.stem for path in shipped("sql", "reference").glob("*.csv")))


@cache
def code_list_names() -> tuple[str, ...]:
    """The code lists there are (`sql/codelists/`)."""
    return tuple(sorted(path.stem for path in shipped("sql", "codelists").glob("*.csv")))


@cache
def reference_rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a reference table, as text.

    Raises:
        OutcomesError: definition_malformed; names the file and the line.
    """
    return read_rows(shipped("sql", "reference", f"{name}.csv"))


@cache
def code_list_rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a code list, as text.

    Raises:
        OutcomesError: definition_malformed; names the file and the line.
    """
    return read_rows(shipped("sql", "codelists", f"{name}.csv"), _CODE_LIST_COLUMNS)


def read_rows(path: Path, types: Mapping[str, str] | None = None) -> tuple[dict[str, str], ...]:
    """The rows of a CSV file, as text.

    Args:
        path: the file.
        types: the SQL type of each column that it may have; any column and any text when not given.

    Raises:
        OutcomesError: definition_malformed; names the file and the line.
    """
    rows = []
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        if types and (unknown := set(reader.fieldnames or ()) - types.keys()):
            raise OutcomesError("definition_malformed", f"{path.name}, line 1: unknown column {min(unknown)}")
        for row in reader:
            wrong = _wrong_cell(row, types or {})
            if wrong:
                raise OutcomesError("definition_malformed", f"{path.name}, line {reader.line_num}: {wrong}")
            rows.append(row)
    return tuple(rows)


def _wrong_cell(row: Mapping[str | None, str | None], types: Mapping[str, str]) -> str | None:
    """What is wrong with a row, if anything: DictReader keeps cells too many under None, and gives None for those
    that lack."""
    if None in row or None in row.values():
        return "not as many cells as columns"
    for name, cell in row.items():
        try:
            if cell and name:
                _READ_AS.get(types.get(name, ""), str)(cell)
        except ValueError:
            return f"{name} is no {types[str(name)]}"
    return None


def columns_of_references() -> dict[str, list[str]]:
    """The columns of each relation that `load_references` makes."""
    return {
        "thresholds": list(thresholds()),
        "code_lists": list(_CODE_LIST_COLUMNS),
        "eq5d_values": ["profile", "eq5d_index"],
        **{name: list(reference_rows(name)[0]) for name in reference_names()},
    }


def load_references(
    con: duckdb.DuckDBPyConnection,
    eq5d_value_set: Path | None = None,
    changed_thresholds: Mapping[str, Any] | None = None,
) -> None:
    """Make the relations `thresholds` (one row), `code_lists`, `eq5d_values` and one per reference table.

    Codes lose their dots, as the codes of a submission do on load.

    Args:
        con: the connection to make them on.
        eq5d_value_set: a country's EQ-5D-5L value set, a CSV with the columns profile (five digits) and index; without
            it `eq5d_values` is empty.
        changed_thresholds: conventions that stand instead of those declared, by name.

    Raises:
        OutcomesError: value_set_malformed, definition_malformed.
    """
    values = {**thresholds(), **(changed_thresholds or {})}
    columns = ", ".join(f"${name} as {name}" for name in values)
    con.execute(f"create or replace table thresholds as select {columns}", values)
    for name, rows in _shipped_tables().items():
        con.register("shipped_rows", rows)
        con.execute(f"create or replace table {name} as from shipped_rows")
        con.unregister("shipped_rows")
    _load_value_set(con, eq5d_value_set)


@cache
def _shipped_tables() -> dict[str, pa.Table]:
    """The code lists in one, and each reference table; read once, since a dashboard labels one patient after another.

    Raises:
        OutcomesError: definition_malformed.
    """
    with duckdb.connect() as con:
        con.execute("create table code_lists (" + ", ".join(map(" ".join, _CODE_LIST_COLUMNS.items())) + ")")
        for name in code_list_names():
            code_list_rows(name)  # names the line of what DuckDB could not read
            con.execute(
                "insert into code_lists by name from read_csv($path, header = true, all_varchar = true)",
                {"path": str(shipped("sql", "codelists", f"{name}.csv"))},
            )
        tables = {"code_lists": con.sql("select * replace (replace(code, '.', '') as code) from code_lists")}
        for name in reference_names():
            path = str(shipped("sql", "reference", f"{name}.csv"))
            tables[name] = con.sql("from read_csv($path, header = true)", params={"path": path})
        return {name: rows.to_arrow_table() for name, rows in tables.items()}


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
