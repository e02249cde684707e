"""What is made while a release is built is on disk, and goes with the file."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from outcomes.settings import Settings
from outcomes.sql.engine import connect, on_disk

ROWS = 1_000_000


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with connect(Settings(home=tmp_path)) as con:
        con.execute(f"create view numbers as select range as number from range({ROWS})")
        yield con


def in_memory(con: duckdb.DuckDBPyConnection) -> int:
    """Bytes of tables that only memory holds."""
    query = "select sum(memory_usage_bytes) from duckdb_memory() where tag = 'IN_MEMORY_TABLE'"
    ((size,),) = con.execute(query).fetchall()
    return int(size)


def test_what_is_made_takes_no_memory(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    before = in_memory(con)
    with on_disk(con, tmp_path / "work.duckdb", ["numbers"]):
        con.execute("create table doubled as select 2 * number as number from numbers")
        assert con.execute("select count(*), max(number) from doubled").fetchall() == [(ROWS, 2 * (ROWS - 1))]
        assert in_memory(con) == before


def test_the_file_goes_also_when_the_work_fails(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    def fail() -> None:
        with on_disk(con, tmp_path / "work.duckdb", ["numbers"]):
            con.execute("create table doubled as select 2 * number as number from numbers")
            con.execute("select error('no more')")

    with pytest.raises(duckdb.InvalidInputException):
        fail()
    assert list(tmp_path.glob("work.duckdb*")) == []
    assert con.execute("select count(*) from numbers").fetchall() == [(ROWS,)]
    with pytest.raises(duckdb.CatalogException):
        con.execute("from doubled")
