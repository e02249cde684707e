"""DuckDB, the default engine: connections with the settings' limits, and relations made from SQL files."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from pathlib import Path

import duckdb

from outcomes.settings import Settings
from outcomes.sql.files import SqlFile


def connect(settings: Settings, scratch: Path | None = None) -> duckdb.DuckDBPyConnection:
    """An in-memory connection that spills to disk beside the data and never loads an extension.

    Args:
        settings: paths and limits.
        scratch: the folder to spill to, that of the settings by default.
    """
    con = _begin(settings.threads, settings.memory_limit, scratch or settings.scratch)
    # After two seconds it would draw a bar on the standard output, where results are.
    con.execute("set enable_progress_bar = false")
    return con


def _begin(threads: int, memory_limit: str, scratch: Path) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(
        config={
            "threads": threads,
            "memory_limit": memory_limit,
            "temp_directory": str(scratch),
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
        }
    )


@contextmanager
def workspace(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """As `connect`, for work that is done again and again: to begin a database costs as much as small work itself.

    All workspaces of a process share one database and its limits; each has relations of its own.
    """
    with _database(os.getpid(), settings.threads, settings.memory_limit, settings.scratch).cursor() as con:
        name = f"workspace_{next(_NUMBERS)}"
        con.execute(f"attach ':memory:' as {name}; use {name}")
        try:
            yield con
        finally:
            con.execute(f"use memory; detach {name}")


_NUMBERS = count()


@lru_cache(maxsize=4)
def _database(process: int, threads: int, memory_limit: str, scratch: Path) -> duckdb.DuckDBPyConnection:
    """The database of a process; a fork would have one whose threads are gone."""
    return _begin(threads, memory_limit, scratch)


def connect_read_only(database: Path) -> duckdb.DuckDBPyConnection:
    """A connection that can read this one file and nothing else, and writes nowhere.

    It spills nothing to disk either: by default that would go beside the file, which is part of a release.
    """
    return duckdb.connect(
        str(database),
        read_only=True,
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "enable_external_access": False,
            "temp_directory": "",
            "lock_configuration": True,
        },
    )


def materialize(con: duckdb.DuckDBPyConnection, files: Iterable[SqlFile]) -> None:
    """Make each file's relation a table of its name, in the order given."""
    for file in files:
        con.execute(f'create or replace table "{file.name}" as {file.select}')
