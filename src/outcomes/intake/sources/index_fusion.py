"""Find the index fusion of each patient of a source by the very relations that find the fusions of episodes.

Those count days from the index fusion, which is not known yet. So all days are counted from one common day here, and
the dates between which it lies are that day.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from outcomes.contract import TABLES, Column
from outcomes.intake.rules import closed_lists
from outcomes.intake.sources.dated import completed, dated_relation
from outcomes.intake.typed import in_type
from outcomes.sql.engine import materialize
from outcomes.sql.files import SqlFile, load
from outcomes.sql.reference import load_references
from outcomes.sql.shipped import shipped

CODED = tuple(table for table in TABLES.values() if "code_system" in table.schema.names)
"""The tables of coded records."""

_NO_ORIGINS = "select cast(null as varchar) as patient_id, cast(null as date) as date limit 0"

_ROWS_OF_CODES = """
create or replace table procedures as
select
    '' as site_id, dated.patient_id, cast(row_number() over () as varchar) as procedure_id, dated.encounter_id,
    date_diff('day', first_day.date, dated.date) as day,
    codes.code_system, codes.code, dated.modifier, dated.units, dated.levels, dated.approach
from ({dated}) as dated
cross join first_day
inner join main.source_codes as codes
    on dated.code_system = codes.delivered_system and dated.code = codes.delivered_code
where
    dated.patient_id is not null
    and dated.date is not null
    and (codes.code_system, codes.code) in (select (code_system, code) from code_matches where list = 'cervical_fusion')
"""

_INDEX_DATES = """
create table index_dates as
select distinct procedures.site_id, procedures.patient_id, {date} as earliest, {date} as latest
from procedures
cross join first_day
"""


def make_index_days(con: duckdb.DuckDBPyConnection, origins: str | None, *, is_shifted: bool) -> None:
    """Make the relation `index_days` (patient_id, code_system, index_date) from the dated procedures.

    Args:
        con: where the dated procedures are.
        origins: the relation of other origins (patient_id, date), if any.
        is_shifted: whether dates tell nothing of the calendar, so that a code counts whenever it was valid.
    """
    with _codes_to_match(con, [dated_relation(TABLES["procedures"])]) as relations:
        _keep_fusions(con, relations["code_matches"])
        con.execute("create table first_day as select date '1970-01-01' as date")
        con.execute(f"create view origins as {f'from main.{origins}' if origins else _NO_ORIGINS}")
        con.execute(_ROWS_OF_CODES.format(dated=completed(con, TABLES["procedures"])))
        con.execute(_INDEX_DATES.format(date="cast(null as date)" if is_shifted else "first_day.date"))
        materialize(con, [relations["coded_records"], relations["fusions"], *load(shipped("sql", "sources", "engine"))])
        con.execute("create table main.index_days as from index_days")


def _keep_fusions(con: duckdb.DuckDBPyConnection, code_matches: SqlFile) -> None:
    """Make `code_matches` of the codes of fusions alone: a hospital has many codes, and each is tried with each list.

    Of those codes all lists count, since a code is valid as long as any of them says.
    """
    con.execute("create table all_lists as from code_lists; delete from code_lists where list <> 'cervical_fusion'")
    materialize(con, [code_matches])
    con.execute(
        "delete from procedures where (code_system, code) not in (select (code_system, code) from code_matches); "
        "create or replace table code_lists as from all_lists"
    )
    materialize(con, [code_matches])


def known_codes(con: duckdb.DuckDBPyConnection, relations: Iterable[str]) -> pa.Table:
    """The codes of relations that a code list reads, as they are written there: code_system, code."""
    with _codes_to_match(con, relations) as of_episodes:
        materialize(con, [of_episodes["code_matches"]])
        return con.sql(
            "select distinct codes.delivered_system as code_system, codes.delivered_code as code "
            "from main.source_codes as codes semi join code_matches using (code_system, code)"
        ).to_arrow_table()


@contextmanager
def _codes_to_match(con: duckdb.DuckDBPyConnection, relations: Iterable[str]) -> Iterator[dict[str, SqlFile]]:
    """A schema of its own in which `code_matches` can be made of all codes of relations; gives the files of episodes.

    `main.source_codes` has each code as delivered and as it is read.
    """
    con.register("source_codes", _codes_read(con, relations))
    con.execute("create schema cohort; use cohort")
    load_references(con)
    con.execute("create table procedures as from main.source_codes")
    for table in CODED[1:]:
        columns = ", ".join(f"{column.name} {column.type.sql}" for column in table.columns)
        con.execute(f"create table {table.name} (site_id varchar, {columns})")
    yield {file.name: file for file in load(shipped("sql", "relations", "episodes"))}
    con.execute("use main; drop schema cohort cascade")
    con.unregister("source_codes")


def _codes_read(con: duckdb.DuckDBPyConnection, relations: Iterable[str]) -> pa.Table:
    """The codes of relations, each once: delivered_system and delivered_code, and code_system and code as read."""
    delivered = con.sql(
        " union ".join(
            f"select distinct code_system as delivered_system, code as delivered_code from main.{relation} "
            "where code_system is not null and code is not null"
            for relation in relations
        )
    ).to_arrow_table()
    for name, column in (("code_system", "delivered_system"), ("code", "delivered_code")):
        words = closed_lists(CODED[0].name).get(name, {})
        cells = delivered[column].cast(pa.string())
        delivered = delivered.append_column(name, in_type(_declared(name), words, cells))
    return delivered


def _declared(name: str) -> Column:
    return next(column for column in CODED[0].columns if column.name == name)
