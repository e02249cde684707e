"""The codebook: what each column of each published table means, from the headers of `sql/marts/`.

A column that the contract declares is described there, its closed list stands in `expectations/`; a header leaves it
empty. A number states its unit, or that it has none (`unit: none`). A closed list stands in the header (`enum`), or
there is named where else it stands: `labels`, `measures`, `tables`, `refusals`, or a column of a reference table
(`enum: visit_windows.visit_window`).
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb

from outcomes.contract import TABLES, ColumnType
from outcomes.errors import MISTAKES
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.catalog.measures import measure_definitions
from outcomes.sql.files import SqlFile, load
from outcomes.sql.reference import reference_rows
from outcomes.sql.shipped import shipped

_FIELD_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "integer",
    "INTEGER": "integer",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
}
"""Types of the marts, and what Frictionless calls them; a mart has no other."""

NO_UNIT = "none"
"""Stated of a number without a unit, so that none is forgotten."""

_PACKAGE_PROFILES = "https://datapackage.org/profiles/2.0"


@dataclass(frozen=True)
class Field:
    """One column of a mart; `closed_list` is empty when any value may stand there."""

    name: str
    description: str
    unit: str = ""
    closed_list: tuple[str, ...] = ()

    @property
    def comment(self) -> str:
        """The description with its unit, in one line."""
        return self.description if self.unit in ("", NO_UNIT) else f"{self.description} ({self.unit})"


@dataclass(frozen=True)
class Mart:
    """One published table as its SQL file declares it."""

    file: SqlFile
    title: str
    grain: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]

    @property
    def name(self) -> str:
        """The table's name."""
        return self.file.name

    @property
    def comment(self) -> str:
        """Title and grain in one line."""
        return f"{self.title}: {self.grain}"


@cache
def research_marts() -> tuple[Mart, ...]:
    """The row-level marts, by name."""
    return tuple(_mart(file) for file in load(shipped("sql", "marts")))


@cache
def protected_marts() -> tuple[Mart, ...]:
    """The marts that may be shown, by name."""
    return tuple(_mart(file) for file in load(shipped("sql", "marts", "protected")))


def comment_on(con: duckdb.DuckDBPyConnection, database: str, marts: tuple[Mart, ...]) -> None:
    """Write the codebook into an attached database, as comments on its tables and columns."""
    for mart in marts:
        con.execute(f'comment on table {database}."{mart.name}" is {_quoted(mart.comment)}')
        for field in mart.fields:
            con.execute(f'comment on column {database}."{mart.name}"."{field.name}" is {_quoted(field.comment)}')


def data_package(con: duckdb.DuckDBPyConnection, database: str, release_id: str, files: dict[str, str]) -> str:
    """The research marts as a Frictionless Data Package 2.0 (https://datapackage.org), in JSON.

    Args:
        con: a connection on which `database` is attached.
        database: the attached database that holds the marts.
        release_id: names the package.
        files: sha256 of each mart's Parquet file, by its path in the release.
    """

    def place(mart: Mart) -> dict[str, Any]:
        path = parquet_path(mart)
        return {
            "path": path,
            "format": "parquet",
            "mediatype": "application/vnd.apache.parquet",
            "hash": f"sha256:{files[path]}",
        }

    resources = [_resource(con, database, mart, place(mart)) for mart in research_marts()]
    return _package(f"outcomes-{release_id}", "Outcomes after cervical fusion", release_id, resources)


def protected_package(con: duckdb.DuckDBPyConnection, database: str, release_id: str, file: str) -> str:
    """The protected marts as a Data Package of their own, as they may go where the research marts may not.

    Args:
        con: a connection on which `database` is attached.
        database: the attached database that holds the marts.
        release_id: names the package.
        file: the database's file within the release; it has no hash, as DuckDB never writes the same bytes twice.
    """

    def place(mart: Mart) -> dict[str, Any]:
        dialect = {"$schema": f"{_PACKAGE_PROFILES}/tabledialect.json", "table": mart.name}
        return {"path": file, "format": "duckdb", "dialect": dialect}

    resources = [_resource(con, database, mart, place(mart)) for mart in protected_marts()]
    title = "Outcomes after cervical fusion: tables that may be shown"
    return _package(f"outcomes-{release_id}-dashboard", title, release_id, resources)


def parquet_path(mart: Mart) -> str:
    """Where a mart's Parquet twin stands in the release."""
    return f"parquet/{mart.name}.parquet"


def _package(name: str, title: str, release_id: str, resources: list[dict[str, Any]]) -> str:
    package = {
        "$schema": f"{_PACKAGE_PROFILES}/datapackage.json",
        "name": name,
        "title": title,
        "version": release_id,
        "resources": resources,
    }
    return json.dumps(package, indent=2, ensure_ascii=False) + "\n"


def _resource(con: duckdb.DuckDBPyConnection, database: str, mart: Mart, place: dict[str, Any]) -> dict[str, Any]:
    table = f'{database}."{mart.name}"'
    types = {name: _FIELD_TYPES[sql_type] for name, sql_type, *_ in con.execute(f"describe {table}").fetchall()}
    key = _key_without_nulls(con, table, mart)
    schema: dict[str, Any] = {
        "$schema": f"{_PACKAGE_PROFILES}/tableschema.json",
        "fields": [_field(field, types[field.name], field.name in key) for field in mart.fields],
    }
    return {
        "$schema": f"{_PACKAGE_PROFILES}/dataresource.json",
        "name": mart.name,
        "type": "table",
        "title": mart.title,
        "description": mart.grain,
        **place,
        "schema": schema | ({"primaryKey": key} if key else {}),
    }


def _key_without_nulls(con: duckdb.DuckDBPyConnection, table: str, mart: Mart) -> list[str]:
    """The key, or nothing where a part of it may be null (as in a row for all sites): a primary key may not."""
    missing = " or ".join(f'"{name}" is null' for name in mart.key)
    return [] if con.execute(f"select 1 from {table} where {missing} limit 1").fetchone() else list(mart.key)


def _field(field: Field, field_type: str, is_required: bool) -> dict[str, Any]:
    constraints: dict[str, Any] = {"required": True} if is_required else {}
    if field.closed_list:
        constraints["enum"] = list(field.closed_list)
    described = {"name": field.name, "type": field_type, "description": field.description}
    return (
        described | ({"unit": field.unit} if field.unit else {}) | ({"constraints": constraints} if constraints else {})
    )


def _mart(file: SqlFile) -> Mart:
    header = file.header
    table = header.get("contract_table", "")
    fields = tuple(_header_field(name, about, table) for name, about in header["columns"].items())
    return Mart(file, header["title"], header["grain"], tuple(header["key"]), fields)


def _header_field(name: str, about: str | dict[str, Any] | None, contract_table: str) -> Field:
    if about is None:
        column = next(column for column in TABLES[contract_table].columns if column.name == name)
        no_unit = NO_UNIT if column.type in (ColumnType.INTEGER, ColumnType.DECIMAL) else ""
        return Field(name, column.description, column.unit or no_unit, _closed_lists(contract_table).get(name, ()))
    if isinstance(about, str):
        return Field(name, about)
    return Field(name, about["description"], about.get("unit", ""), _closed_list(about.get("enum", ())))


def _closed_list(stated: str | list[str] | tuple[()]) -> tuple[str, ...]:
    """The list that a header states, or the one that it names."""
    if not isinstance(stated, str):
        return tuple(stated)
    if stated in named_lists():
        return named_lists()[stated]
    table, _, column = stated.partition(".")
    return tuple(row[column] for row in reference_rows(table))


@cache
def named_lists() -> dict[str, tuple[str, ...]]:
    """The closed lists that a header may name: labels, measures, contract tables, and why a submission is refused."""
    return {
        "labels": tuple(label.name for label in label_definitions()),
        "measures": tuple(measure.id for measure in measure_definitions()),
        "tables": tuple(TABLES),
        "refusals": tuple(code for code, mistake in MISTAKES.items() if 10 <= mistake.exit_status < 40),
    }


@cache
def _closed_lists(contract_table: str) -> dict[str, tuple[str, ...]]:
    suite = json.loads(shipped("expectations", f"{contract_table}.json").read_text(encoding="utf-8"))
    return {
        rule["kwargs"]["column"]: tuple(rule["kwargs"]["value_set"])
        for rule in suite["expectations"]
        if rule["type"] == "expect_column_values_to_be_in_set"
    }


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
