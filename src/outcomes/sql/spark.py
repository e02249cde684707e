"""The relations of `sql/` on Spark, or on Sail, which speaks Spark's protocol and needs no Java.

Relations pass between DuckDB and the engine as Parquet files in one folder, which both must see: so none has to fit
into the memory of either. What type a column has is DuckDB's to say, so that what either engine makes is the same.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal

import duckdb
from pyspark.sql import SparkSession

from outcomes.sql.columns import relations_named
from outcomes.sql.engine import Engine, materialize
from outcomes.sql.files import SqlFile
from outcomes.sql.quoting import literal
from outcomes.sql.transpile import spark_select, spark_type

Types = Mapping[str, str]
"""DuckDB's type of each column of a relation."""


@contextmanager
def spark(kind: Literal["sail", "spark"], scratch: Path, con: duckdb.DuckDBPyConnection) -> Iterator[Engine]:
    """A session of Spark or Sail for the relations of a connection.

    Args:
        kind: `sail` runs in this process; of `spark` the environment says where it is, as Spark itself reads it
            (`SPARK_REMOTE`, or `spark-defaults.conf`), and without it runs on this machine, which needs Java.
        scratch: where the folder lies through which relations pass.
        con: the connection.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="engine-") as folder, _SESSIONS[kind]() as session:
        yield _Spark(con, session, Path(folder).absolute())


@contextmanager
def _sail() -> Iterator[SparkSession]:
    # Each start and end of a session would be a line on standard error.
    os.environ.setdefault("RUST_LOG", "error")
    from pysail.spark import SparkConnectServer  # noqa: PLC0415 - it reads the environment when it is imported

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    try:
        _, port = server.listening_address
        session = SparkSession.builder.remote(f"sc://127.0.0.1:{port}").create()
        try:
            yield session
        finally:
            session.stop()
    finally:
        server.stop()


@contextmanager
def _spark() -> Iterator[SparkSession]:
    # The views of another session are not seen, those of one that runs beside it neither.
    yield SparkSession.builder.getOrCreate().newSession()


_SESSIONS: Mapping[str, Callable[[], AbstractContextManager[SparkSession]]] = {"sail": _sail, "spark": _spark}


class _Spark:
    """The engine's half of a connection's relations: each is a view over its files in the folder."""

    def __init__(self, con: duckdb.DuckDBPyConnection, session: SparkSession, folder: Path) -> None:
        self._con = con
        self._session = session
        self._folder = folder
        self._types: dict[str, Types] = {}
        """Of the relations that the engine holds."""

    def materialize(self, file: SqlFile, *, is_read: bool = True) -> None:
        read = self._read_by(file)
        for name in read:
            if name not in self._types:
                self._take(name)
        if file.is_view:
            materialize(self._con, [file])
        else:
            # Empty at first: DuckDB says what types its columns have.
            self._con.execute(f'create or replace table "{file.name}" as {file.select} limit 0')
        self._types[file.name] = types = self._types_of(file.name)
        lists = {column for name in read for column, kind in self._types[name].items() if kind.endswith("[]")}
        cells = ", ".join(f"cast({column} as {spark_type(kind)}) as {column}" for column, kind in types.items())
        rows = self._session.sql(f"select {cells} from ({spark_select(file.select, lists)})")
        if file.is_view:
            rows.createOrReplaceTempView(file.name)
            return
        place = self._folder / file.name
        rows.write.mode("overwrite").parquet(str(place))
        self._session.read.schema(rows.schema).parquet(str(place)).createOrReplaceTempView(file.name)
        # Of no rows there may be no file.
        if is_read and any(place.glob("*.parquet")):
            self._con.execute(f'insert into "{file.name}" from read_parquet({literal(place / "*.parquet")})')

    def drop(self, name: str) -> None:
        self._con.execute(f'drop table "{name}"')
        self._session.catalog.dropTempView(name)
        shutil.rmtree(self._folder / name, ignore_errors=True)
        del self._types[name]

    def _take(self, name: str) -> None:
        """Hand a relation of the connection over to the engine."""
        self._types[name] = types = self._types_of(name)
        cells = ", ".join(f'cast("{column}" as {_handed_over(kind)}) as "{column}"' for column, kind in types.items())
        place = self._folder / f"{name}.parquet"
        self._con.execute(f'copy (select {cells} from "{name}") to {literal(place)}')
        self._session.read.parquet(str(place)).createOrReplaceTempView(name)

    def _read_by(self, file: SqlFile) -> list[str]:
        """The relations of the connection that a file reads."""
        tables = "select table_name from information_schema.tables where table_catalog in (current_database(), 'temp')"
        there = {name for (name,) in self._con.execute(tables).fetchall()}
        return sorted((relations_named(file.select) & there) - {file.name})

    def _types_of(self, name: str) -> Types:
        return {column: kind for column, kind, *_ in self._con.execute(f'describe "{name}"').fetchall()}


def _handed_over(duckdb_type: str) -> str:
    """As what Parquet holds a column of a type that only DuckDB has."""
    if duckdb_type.startswith("ENUM"):
        return "varchar"
    return "decimal(38, 0)" if duckdb_type == "HUGEINT" else duckdb_type
