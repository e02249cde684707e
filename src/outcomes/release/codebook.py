"""The codebook: what each column of each published table means, as comments in its database and as a data package."""

import json
from typing import Any

import duckdb

from outcomes.sql.catalog.marts import Column, Mart, protected_marts, research_marts
from outcomes.sql.quoting import literal

_PACKAGE_PROFILES = "https://datapackage.org/profiles/2.0"


def comment_on(con: duckdb.DuckDBPyConnection, database: str, marts: tuple[Mart, ...]) -> None:
    """Write the codebook into an attached database, as comments on its tables and columns."""
    con.begin()  # each statement by itself would wait for the disk
    for mart in marts:
        con.execute(f'comment on table {database}."{mart.name}" is {literal(mart.comment)}')
        for column in mart.columns:
            con.execute(f'comment on column {database}."{mart.name}"."{column.name}" is {literal(column.comment)}')
    con.commit()


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
    key = _key_without_nulls(con, table, mart)
    schema: dict[str, Any] = {
        "$schema": f"{_PACKAGE_PROFILES}/tableschema.json",
        "fields": [_field(column, column.name in key) for column in mart.columns],
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


def _field(column: Column, is_required: bool) -> dict[str, Any]:
    constraints: dict[str, Any] = {"required": True} if is_required else {}
    if column.enum:
        constraints["enum"] = list(column.enum)
    field_type = "string" if column.type == "text" else column.type
    described = {"name": column.name, "type": field_type, "description": column.description}
    return (
        described
        | ({"unit": column.unit} if column.unit else {})
        | ({"constraints": constraints} if constraints else {})
    )
