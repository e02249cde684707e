"""Connections to DuckDB with the settings' limits, and what an engine is that makes relations from SQL files."""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Protocol

import duckdb

from outcomes.errors import OutcomesError
from outcomes.settings import Settings
from outcomes.sql.files import SqlFile
from outcomes.sql.quoting import literal


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
def on_disk(con: duckdb.DuckDBPyConnection, database: Path, tables: Iterable[str]) -> Iterator[None]:
    """Read tables of a connection once, and make on disk what is made of them meanwhile; afterwards it is gone.

    On disk relations are small, and only what is being read is in memory, where those of a million patients have no
    room.

    Args:
        con: the connection; meanwhile it sees these tables, and no other of its own.
        database: the file to write; it must not be there.
        tables: the tables or views.
    """
    con.execute(f"attach {literal(database)} as work")
    try:
        for name in tables:
            con.execute(f'create table work."{name}" as from "{name}"')
        con.execute("use work")
        yield
    finally:
        con.execute("use memory; detach work")
        database.unlink()


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


def described(settings: Settings) -> str:
    """What makes a release: DuckDB with its version, and the engine beside it if there is one."""
    beside = "" if settings.engine == "duckdb" else f" with {settings.engine}"
    return f"duckdb {duckdb.__version__}{beside}"


def connect_read_only(database: Path) -> duckdb.DuckDBPyConnection:
    """A connection that can read this one file and nothing else, and writes nowhere.

    It spills nothing to disk either: by default that would go beside the file, which is part of a release.

    Raises:
        OutcomesError: release_damaged; DuckDB cannot open the file, as one that a later version of it wrote.
    """
    try:
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
    except duckdb.Error:
        where = f"{database.parent.name}: {database.name} cannot be opened"
        raise OutcomesError("release_damaged", where) from None


def materialize(con: duckdb.DuckDBPyConnection, files: Iterable[SqlFile]) -> None:
    """Make each file's relation, in the order given: a table of its name, or a view where its header says so."""
    for file in files:
        kind = "view" if file.is_view else "table"
        con.execute(f'create or replace {kind} "{file.name}" as {file.select}')


class Engine(Protocol):
    """Makes relations of SQL files out of those that a DuckDB connection holds, and leaves them there."""

    def materialize(self, file: SqlFile, *, is_read: bool = True) -> None:
        """Make the file's relation.

        Args:
            file: the file; what it reads is on the connection, or was made before.
            is_read: whether anything reads it that is no such file. If not, its rows may stay with the engine.
        """

    def drop(self, name: str) -> None:
        """Drop a table that was made."""
