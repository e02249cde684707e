"""DuckDB, the default engine: connections with the settings' limits, and relations made from SQL files."""

from collections.abc import Iterable
from pathlib import Path

import duckdb

from outcomes.settings import Settings
from outcomes.sql.files import SqlFile


def connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    """An in-memory connection that spills to disk beside the data and never loads an extension."""
    return duckdb.connect(
        config={
            "threads": settings.threads,
            "memory_limit": settings.memory_limit,
            "temp_directory": str(settings.scratch),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )


def connect_read_only(database: Path) -> duckdb.DuckDBPyConnection:
    """A connection that can read this one file and nothing else."""
    return duckdb.connect(
        str(database),
        read_only=True,
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "enable_external_access": False,
            "lock_configuration": True,
        },
    )


def materialize(con: duckdb.DuckDBPyConnection, files: Iterable[SqlFile]) -> None:
    """Make each file's relation a table of its name, in the order given."""
    for file in files:
        con.execute(f'create or replace table "{file.name}" as {file.select}')
