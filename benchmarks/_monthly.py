"""A lake of any size that grew month by month, written as its committed submissions would have left it."""

import datetime
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
from deltalake import write_deltalake

from outcomes.contract import TABLES, Table
from outcomes.lake import SUBMISSIONS
from outcomes.lake.digest import context_of, digest_of
from outcomes.lake.store import with_digest
from outcomes.lake.views import JUDGEMENT_ID
from outcomes.periods import months_until
from outcomes.settings import Settings
from outcomes.synthetic.profiles import site_profiles
from outcomes.synthetic.registry import draw_tables

_KEYS = {"patient_id", *(table.key for table in TABLES.values())}
_PATIENTS_DRAWN = 5000

# Months of equal size, in the order in which things happened: a record comes with the patient's row of that time.
_MOMENT = (
    "date_diff('day', date '2000-01-01', cast(rpad(patient.index_period, 10, '-06-15') as date)) + coalesce({day}, 0)"
)
_DATED = """
create table dated_{table} as
select rows_drawn.*, $periods[1 + len(list_filter($ends, lambda ending: ending < {moment}))] as period
from drawn_{table} as rows_drawn
inner join drawn_patients as patient using (site_id, patient_id)
"""
_PATIENTS = """
create table dated_patients as
with cuts as (
    select site_id, patient_id, period, greatest(max(max(day)) over (
        partition by site_id, patient_id order by period
    ), 0) as cut_day
    from ({records})
    group by site_id, patient_id, period
)

select
    drawn_patients.* replace (
        cuts.cut_day as data_cut_day,
        least(last_contact_day, cuts.cut_day) as last_contact_day,
        case when death_day <= cuts.cut_day then death_day end as death_day
    ),
    cuts.period
from drawn_patients inner join cuts using (site_id, patient_id)
"""


def draw_months(con: duckdb.DuckDBPyConnection, *, sites: int, months: int, until: str) -> None:
    """Make `dated_<table>` of each contract table: an invented registry's rows with the month that delivers each."""
    parts = list(draw_tables(seed=1, profiles=site_profiles(sites), patients=_PATIENTS_DRAWN, until=until))
    for table in TABLES.values():
        drawn = [
            tables[table.name].append_column("site_id", pa.repeat(profile.site_id, tables[table.name].num_rows))
            for profile, tables in parts
            if table.name in tables
        ]
        con.register("drawn", pa.concat_tables(drawn))
        con.execute(f"create table drawn_{table.name} as from drawn")
        con.unregister("drawn")
    moments = {table.name: _MOMENT.format(day=_day(table)) for table in _of_records()}
    each = (
        f"select {moment} as moment from drawn_{name} inner join drawn_patients as patient using (site_id, patient_id)"
        for name, moment in moments.items()
    )
    shares = [number / months for number in range(1, months)]
    ((ends,),) = con.execute(f"select quantile_disc(moment, {shares}) from ({' union all '.join(each)})").fetchall()
    for name, moment in moments.items():
        statement = _DATED.format(table=name, moment=moment)
        con.execute(statement, {"periods": months_until(until, months), "ends": ends})
    records = (
        f"select site_id, patient_id, period, {_day(table)} as day from dated_{table.name}" for table in _of_records()
    )
    con.execute(_PATIENTS.format(records=" union all ".join(records)))


def write_months(con: duckdb.DuckDBPyConnection, settings: Settings, *, patients: int, after: str, to: str) -> int:
    """Write the months after one to another into the lake, each patient as often as makes about `patients`; rows."""
    copies = -(-patients // _PATIENTS_DRAWN)
    written = 0
    con.execute("create or replace temp table counts (site_id varchar, period varchar, source_table varchar, "
                "row_count bigint, digest varchar, context varchar)")  # fmt: skip
    for table in TABLES.values():
        for copy in range(0, copies, 20):
            rows = _rows(con, table, range(copy, min(copy + 20, copies)), after, to)
            written += rows.num_rows
            if rows.num_rows:
                write_deltalake(
                    settings.lake / table.name, rows, partition_by=["site_id", "period"], mode="append",
                    schema_mode="merge",
                )  # fmt: skip
            con.register("written", rows)
            con.execute(
                f"insert into counts select site_id, period, '{table.name}', count(*), {digest_of(table, 'written')}, "
                f"{context_of(table, 'written')} from written group by all"
            )
            con.unregister("written")
    write_deltalake(settings.lake / "submissions", with_digest(_records(con)), mode="append", schema_mode="merge")
    return written


def _rows(con: duckdb.DuckDBPyConnection, table: Table, copies: range, after: str, to: str) -> pa.Table:
    columns = ", ".join(
        f"case when {name} is not null then substr(md5(concat({name}, copy)), 1, 14) end as {name}"
        if name in _KEYS
        else name
        for name in table.schema.names
    )
    submission = "concat(site_id, '-', period)"
    con.execute(
        f"""
        create or replace temp table chosen as
        select
            site_id, period, {submission} as submission_id, cast(null as varchar) as flags, {columns},
            {submission} as {JUDGEMENT_ID}
        from dated_{table.name} cross join range($first, $last) as copies(copy)
        where period > $after and period <= $to
        """,
        {"first": copies.start, "last": copies.stop, "after": after, "to": to},
    )
    return con.sql("from chosen").to_arrow_table()


def _records(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The records that commit what was written: one for each site and month."""
    digests = "cast(sum(cast(digest as hugeint)) as varchar), cast(sum(cast(context as hugeint)) as varchar)"
    counts = con.execute(
        f"select site_id, period, source_table, sum(row_count), {digests} from counts group by all order by all"
    ).fetchall()
    tables: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for site_id, period, source_table, rows, digest, context in counts:
        none = {"rows_quarantined": 0, "rows_pending": 0}
        row_counts = {"rows_in": int(rows), "rows_accepted": int(rows), **none}
        tables[site_id, period].append(
            {"source_table": source_table, **row_counts, "digest": digest, "context": context}
        )
    records = [
        {
            **dict.fromkeys(("submission_id", "judgement_id"), f"{site_id}-{period}"),
            **{"site_id": site_id, "period": period, "attempt": 1, "kind": "incremental", "is_synthetic": True},
            "recorded_at": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
            **{"outcome": "accepted", "tables": listed},
        }
        for (site_id, period), listed in tables.items()
    ]
    return pa.Table.from_pylist(records, schema=SUBMISSIONS)


def _of_records() -> Iterator[Table]:
    return (table for table in TABLES.values() if table.name != "patients")


def _day(table: Table) -> str:
    return "start_day" if "start_day" in table.schema.names else "day"
