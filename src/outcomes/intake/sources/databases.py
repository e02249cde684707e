"""Tables of a database that SQLAlchemy reaches, copied as text into the import's private folder.

Only the columns asked for leave the database, some thousand rows at a time. Neither the address, which may hold a
password, nor an error of the database, which may quote a row, is ever repeated: errors name the database and the kind
of error alone.
"""

import datetime
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
from pyarrow import parquet

from outcomes.errors import OutcomesError
from outcomes.intake.sources.files import Opened, Place, open_file, place_of_table

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection, Select

_ADDRESS = re.compile(r"[a-z][a-z0-9+_]*://", re.IGNORECASE)
_ROWS_AT_ONCE = 50_000

_VALUES_AT_ONCE = 500
"""Of a condition: some databases take no more than 1,000."""

Only = tuple[str, Sequence[int]]
"""A column and its values: other rows are not read."""


@dataclass(frozen=True)
class Database:
    """A database.

    Attributes:
        address: as SQLAlchemy takes it, `postgresql+psycopg://user@host/name`; it may hold a password.
    """

    address: str = field(repr=False)


def is_address(source: str) -> bool:
    """Whether it is the address of a database, and no path."""
    return bool(_ADDRESS.match(source))


@contextmanager
def connected(database: Database) -> Iterator["Reader"]:
    """A reader of a database's tables.

    Raises:
        OutcomesError: driver_missing or database_failed, of the reading too.
    """
    try:
        from sqlalchemy import create_engine  # noqa: PLC0415 - an extra, which only databases need
        from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError  # noqa: PLC0415
    except ModuleNotFoundError:
        raise OutcomesError("driver_missing", "SQLAlchemy") from None
    url = _url(database)
    name = PurePath(url.database or url.drivername).name
    try:
        engine = create_engine(url, hide_parameters=True)
    except (NoSuchModuleError, ModuleNotFoundError):
        raise OutcomesError("driver_missing", url.drivername) from None
    try:
        with engine.connect() as connection:
            yield Reader(name, connection)
    except (SQLAlchemyError, UnicodeError) as error:
        raise OutcomesError("database_failed", f"{name}: {type(error).__name__}") from None
    finally:
        engine.dispose()


def _url(database: Database) -> "URL":
    from sqlalchemy import make_url  # noqa: PLC0415
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    try:
        url = make_url(database.address)
    except (ArgumentError, ValueError):
        raise OutcomesError("database_failed", "its address cannot be read") from None
    # SQLite would make the file.
    if url.get_backend_name() == "sqlite" and not Path((url.database or "").removeprefix("file:")).is_file():
        raise OutcomesError("database_failed", "there is no such file")
    return url


class Reader:
    """Reads tables of one connection; `connected` gives it."""

    def __init__(self, name: str, connection: "Connection") -> None:
        from sqlalchemy import inspect  # noqa: PLC0415

        self._name = name
        self._connection = connection
        self._inspector = inspect(connection)
        self._places = [
            Place(schema, table)
            for schema in self._inspector.get_schema_names()
            for table in (*self._inspector.get_table_names(schema), *self._inspector.get_view_names(schema))
        ]

    def open(
        self,
        con: duckdb.DuckDBPyConnection,
        tables: Mapping[str, Collection[str]],
        scratch: Path,
        schema: str | None = None,
        only: Only | None = None,
    ) -> dict[str, Opened]:
        """Make tables views of text cells; gives those that are there, in any case.

        Args:
            con: where the views are made.
            tables: their names, each with the columns that are read.
            scratch: a private folder for the copies.
            schema: that of tables of which there are several.
            only: which rows are read.

        Raises:
            OutcomesError: source_malformed when it cannot be told which table is meant, or it has none of the columns.
        """
        opened = {}
        for name, columns in tables.items():
            place = place_of_table(self._name, name, self._places, schema)
            if place:
                copy = scratch / f"{name}.parquet"
                self._copy(place, columns, copy, only)
                opened[name] = open_file(con, copy, f"delivered_{name}", scratch)
        return opened

    def _copy(self, place: Place, columns: Collection[str], copy: Path, only: Only | None) -> None:
        """Write those of the columns that are there as a Parquet file of texts."""
        there = [column["name"] for column in self._inspector.get_columns(place.table, place.schema)]
        read = [name for name in there if name.lower() in columns]
        if not read:
            raise OutcomesError("source_malformed", f"{self._name}: {place.table} has none of its columns")
        cells = pa.schema([(name, pa.string()) for name in read])
        with parquet.ParquetWriter(copy, cells) as writer:
            for query in _queries(place, read, only):
                result = self._connection.execute(query, execution_options={"yield_per": _ROWS_AT_ONCE})
                for rows in result.partitions():
                    texts = [pa.array(map(_text, column), pa.string()) for column in zip(*rows, strict=True)]
                    writer.write_batch(pa.record_batch(texts, schema=cells))


def _queries(place: Place, columns: Sequence[str], only: Only | None) -> Iterator["Select[*tuple[Any, ...]]"]:
    from sqlalchemy import column, select, table  # noqa: PLC0415

    # Columns without a type: a database's texts stay as they are, whatever type it declares.
    rows: Select[*tuple[Any, ...]] = select(*map(column, columns)).select_from(table(place.table, schema=place.schema))
    if only is None:
        yield rows
        return
    name, values = only
    spelled = next((each for each in columns if each.lower() == name), name)
    for start in range(0, len(values), _VALUES_AT_ONCE):
        yield rows.where(column(spelled).in_(values[start : start + _VALUES_AT_ONCE]))


def _text(value: object) -> str | None:
    """A cell in words: a number that is whole without decimals, NaN as nothing."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}"
    if isinstance(value, float) and math.isnan(value):
        return None
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else str(value)
