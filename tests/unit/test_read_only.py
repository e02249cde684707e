"""A query of a release reads its database, and can neither write nor read anything else."""

from pathlib import Path

import duckdb
import pytest

from outcomes.sql.engine import connect_read_only


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with duckdb.connect(str(tmp_path / "marts.duckdb")) as con:
        con.execute("create table marts as select range as number from range(3)")
    return tmp_path / "marts.duckdb"


@pytest.mark.parametrize(
    "query",
    [
        *(
            "copy marts to '{}/out.csv'",
            "export database '{}/out'",
            "attach '{}/out.duckdb'",
            "create table out (i int)",
        ),
        *("insert into marts values (4)", "drop table marts", "set temp_directory = '{}'", "set memory_limit = '1TB'"),
        *("set profiling_output = '{}/out.json'", "call enable_logging(storage = 'file', storage_path = '{}/out')"),
        *("create persistent secret out (type s3)", "load httpfs", "from read_csv('{}/in.csv')", "from glob('{}/*')"),
    ],
)
def test_what_would_write_or_read_elsewhere_is_refused(database: Path, query: str) -> None:
    (database.parent / "in.csv").write_text("a\n1\n")
    with connect_read_only(database) as con, pytest.raises(duckdb.Error):
        con.execute(query.format(database.parent)).fetchall()
    assert {path.name for path in database.parent.iterdir()} == {"marts.duckdb", "in.csv"}


def test_nothing_is_spilled_beside_the_database(database: Path) -> None:
    with connect_read_only(database) as con:
        assert con.sql("select current_setting('temp_directory')").fetchall() == [("",)]
