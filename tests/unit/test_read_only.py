"""A query of a release reads its database, and can neither write nor read anything else."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from outcomes.sql.engine import connect_read_only


@pytest.fixture
def database(tmp_path: Path) -> Path:
    with duckdb.connect(str(tmp_path / "marts.duckdb")) as con:
        con.execute("create table marts as select range as number from range(3)")
    return tmp_path / "marts.duckdb"


REFUSED = """
copy marts to '{0}/out.csv'
copy (select 1) to '{0}/out.parquet' (format parquet)
copy marts to '/dev/stdout'
copy marts from '{0}/in.csv'
export database '{0}/out'
import database '{0}'
attach '{0}/out.duckdb'
attach ':memory:' as more
use memory
install httpfs
force install httpfs
install '{0}/out.duckdb_extension'
load httpfs
load '{0}/out.duckdb_extension'
update extensions
set temp_directory = '{0}'
set global temp_directory = '{0}'
set memory_limit = '1TB'
set threads = 64
reset memory_limit
set lock_configuration = false
set enable_external_access = true
set allowed_directories = ['{0}']
set profiling_output = '{0}/out.json'
pragma enable_profiling
pragma profiling_output = '{0}/out.json'
pragma enable_external_access = true
call enable_logging(storage = 'file', storage_path = '{0}/out')
create table out (i int)
create view out as select 1
create macro out() as 1
create type out as enum ('a')
create or replace table marts as select 1
create schema out
create sequence out
create secret out (type s3)
create persistent secret out (type s3)
insert into marts values (4)
update marts set number = 1
delete from marts
truncate marts
drop table marts
alter table marts add column more int
comment on table marts is 'mine'
from '{0}/in.csv'
from read_csv('{0}/in.csv')
from read_text('{0}/in.csv')
from read_blob('/etc/passwd')
from read_json('{0}/in.csv')
from read_parquet('{0}/*')
from parquet_metadata('{0}/in.csv')
from sniff_csv('{0}/in.csv')
from glob('{0}/*')
from 'https://example.org/in.csv'
from duckdb_secrets()
from a_table_of_python
select getenv('HOME')
prepare mine as copy marts to '{0}/out.csv'
select 1; copy marts to '{0}/out.csv'
from query('copy marts to out')
""".strip().splitlines()

HARMLESS = """
checkpoint
force checkpoint
vacuum analyze
create temp table mine as from marts
set variable mine = 1
explain analyze from marts
select write_log('mine')
pragma database_list
""".strip().splitlines()


def _files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("query", REFUSED)
def test_what_would_write_or_read_elsewhere_is_refused(database: Path, query: str) -> None:
    (database.parent / "in.csv").write_text("a\n1\n")
    before = _files(database.parent)
    a_table_of_python = pa.table({"secret": [1]})
    with connect_read_only(database) as con, pytest.raises(duckdb.Error):
        con.execute(query.format(database.parent)).fetchall()
    assert _files(database.parent) == before
    assert a_table_of_python.num_rows == 1


@pytest.mark.parametrize("query", HARMLESS)
def test_what_is_let_through_leaves_nothing_behind(database: Path, query: str) -> None:
    before = _files(database.parent)
    with connect_read_only(database) as con:
        con.execute(query).fetchall()
    assert _files(database.parent) == before


def test_nothing_is_spilled_beside_the_database(database: Path) -> None:
    with connect_read_only(database) as con:
        assert con.sql("select current_setting('temp_directory')").fetchall() == [("",)]
