"""The engine that the settings name."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec

import duckdb

from outcomes.errors import OutcomesError
from outcomes.settings import Settings
from outcomes.sql.engine import Engine, materialize
from outcomes.sql.files import SqlFile

_PACKAGES = {"sail": ("pysail", "pyspark"), "spark": ("pyspark",)}
"""What each engine but DuckDB needs."""

OpenEngine = Callable[[duckdb.DuckDBPyConnection], AbstractContextManager[Engine]]
"""Opens an engine for the relations of a connection."""


@dataclass(frozen=True)
class _DuckDb:
    con: duckdb.DuckDBPyConnection

    def materialize(self, file: SqlFile, *, is_read: bool = True) -> None:
        materialize(self.con, [file])

    def drop(self, name: str) -> None:
        self.con.execute(f'drop table "{name}"')


@contextmanager
def duckdb_itself(con: duckdb.DuckDBPyConnection) -> Iterator[Engine]:
    """The default engine: the connection's own."""
    yield _DuckDb(con)


def engine_of(settings: Settings | None) -> OpenEngine:
    """The engine that the settings name; DuckDB without any.

    Raises:
        OutcomesError: engine_missing.
    """
    if settings is None or settings.engine == "duckdb":
        return duckdb_itself
    if not all(map(find_spec, _PACKAGES[settings.engine])):
        raise OutcomesError("engine_missing", settings.engine)
    from outcomes.sql.spark import spark  # noqa: PLC0415 - its packages are an extra

    return partial(spark, settings.engine, settings.scratch)
