"""The codebook: what each column of each published table means, from the headers of `sql/marts/` and `sql/measures/`.

A column that the contract declares is described there, its closed list stands in `expectations/`; a header leaves it
empty.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import duckdb

from outcomes.contract import TABLES
from outcomes.shipped import shipped
from outcomes.sqlfiles import SqlFile, load

_FIELD_TYPES = {
    "VARCHAR": "string",
    "BIGINT": "integer",
    "INTEGER": "integer",
    "DOUBLE": "number",
    "BOOLEAN": "boolean",
}
"""Types of the marts, and what Frictionless calls them; a mart has no other."""


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
        return f"{self.description} ({self.unit})" if self.unit else self.description


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
    return tuple(_mart(file) for file in load(shipped("sql", "measures")))


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
    package = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": f"outcomes-{release_id}",
        "title": "Outcomes after cervical fusion",
        "version": release_id,
        "resources": [_resource(con, database, mart, files) for mart in research_marts()],
    }
    return json.dumps(package, indent=2, ensure_ascii=False) + "\n"


def parquet_path(mart: Mart) -> str:
    """Where a mart's Parquet twin stands in the release."""
    return f"parquet/{mart.name}.parquet"


def _resource(con: duckdb.DuckDBPyConnection, database: str, mart: Mart, files: dict[str, str]) -> dict[str, Any]:
    described = con.execute(f'describe {database}."{mart.name}"').fetchall()
    types = {name: _FIELD_TYPES[sql_type] for name, sql_type, *_ in described}
    return {
        "$schema": "https://datapackage.org/profiles/2.0/dataresource.json",
        "name": mart.name,
        "type": "table",
        "path": parquet_path(mart),
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "title": mart.title,
        "description": mart.grain,
        "hash": f"sha256:{files[parquet_path(mart)]}",
        "schema": {
            "$schema": "https://datapackage.org/profiles/2.0/tableschema.json",
            "fields": [_field(field, types[field.name], field.name in mart.key) for field in mart.fields],
            "primaryKey": list(mart.key),
        },
    }


def _field(field: Field, field_type: str, is_key: bool) -> dict[str, Any]:
    constraints: dict[str, Any] = {"required": True} if is_key else {}
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
        return Field(name, column.description, column.unit, _closed_lists(contract_table).get(name, ()))
    if isinstance(about, str):
        return Field(name, about)
    return Field(name, about["description"], about.get("unit", ""), tuple(about.get("enum", ())))


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
