"""What the submissions of a site give away together, once one more is accepted: an age over 89, a common date.

A submission is screened by itself first (`screening`). Here it stands beside what the site's other periods have in
force, as whoever gets a release will have it.
"""

from collections.abc import Iterable, Mapping, Sequence

import duckdb
import pyarrow as pa

from outcomes.contract import TABLES, Table
from outcomes.errors import OutcomesError, SubmissionRefused
from outcomes.intake.inference import (
    FEWEST_PATIENTS,
    FEWEST_WITH_EVENTS,
    ages_reaching_90,
    events_on_a_common_date,
    patients_of_a_common_cut,
)
from outcomes.intake.validation import Judgement
from outcomes.sql.quoting import literal

TELLING = {
    table.name: tuple(
        column.name
        for column in table.columns
        if column.is_day or column.name in {table.key, "patient_id", "age_years", "index_period"}
    )
    for table in TABLES.values()
}
"""By table, the columns that tell of ages and dates, and its key."""

_YOUNGEST = 60
"""Who is younger at surgery does not turn 90 within the thirty years that a day may lie from it."""


def screen_together(con: duckdb.DuckDBPyConnection, judgements: Sequence[Judgement], period: str) -> None:
    """Refuse a submission whose accepted rows give away, beside those of the site's other periods, what may not be.

    Args:
        con: to which `Lake.attach_beside` has attached the columns `TELLING` of those rows.
        judgements: of the submission's tables.
        period: the month of the submission; a row of it stands for those of earlier months with the same key, and one
            of a later month for it. What this month's rows stood for so far counts again where they are gone.

    Raises:
        SubmissionRefused: age_over_89 or data_cut_common.
        OutcomesError: lake_damaged.
    """
    if not con.execute("from beside_submissions where status = 'accepted' limit 1").fetchall():
        return
    accepted = {one.table.name: one.accepted for one in judgements}
    for table in TABLES.values():
        con.register(f"own_{table.name}", accepted.get(table.name, table.schema.empty_table()))
        con.execute(f"create or replace view together_{table.name} as {_together(table, period)}")
    try:
        _screen_ages(con, period)
        _screen_dates(con, accepted)
    except duckdb.IOException:
        raise OutcomesError("lake_damaged", "the site's other periods") from None


def _screen_ages(con: duckdb.DuckDBPyConnection, period: str) -> None:
    """Of the patients whom the month names or has named so far, whoever turns 90 by a day of any period."""
    if not ages_reaching_90(_oldest_and_latest(con)):
        return
    named = " union all ".join(
        f"select patient_id from own_{name} "
        f"union all select patient_id from written_{name} where period = {literal(period)}"
        for name in TABLES
    )
    days = " union all ".join(
        f"select patient_id, greatest({', '.join(_days_of(table))}) as day from together_{table.name}"
        for table in TABLES.values()
    )
    patients = _as_text(
        con,
        f"""
        with old as (
            select patient_id, age_years, index_period
            from together_patients semi join ({named}) using (patient_id)
            where age_years between {_YOUNGEST} and 89
        )

        select old.*, max(days.day) as last_contact_day, null as data_cut_day, null as death_day
        from old inner join ({days}) as days using (patient_id)
        group by all
        """,
    )
    if count := ages_reaching_90(patients):
        raise SubmissionRefused("age_over_89", f"patients.age_years: reaches_90_over_submissions, {_rows(count)}")


def _oldest_and_latest(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """Of each patient the greatest age and the latest day that any row has ever said, in force or not.

    Which rows are in force takes several times as long to find out, and hardly ever does it matter.
    """
    ages = _ever(TABLES["patients"], "age_years as age", f"age_years between {_YOUNGEST} and 89")
    days = " union all ".join(_ever(one, f"greatest({', '.join(_days_of(one))}) as day") for one in TABLES.values())
    return _as_text(
        con,
        f"""
        with oldest as (select patient_id, max(age) as age_years from ({ages}) group by patient_id)

        select age_years, null as index_period, max(day) as last_contact_day, null as data_cut_day, null as death_day
        from oldest inner join ({days}) using (patient_id)
        group by patient_id, age_years
        """,
    )


def _ever(table: Table, cell: str, condition: str = "true") -> str:
    return " union all ".join(
        f"select patient_id, {cell} from {rows}_{table.name} where {condition}" for rows in ("own", "written")
    )


def _screen_dates(con: duckdb.DuckDBPyConnection, accepted: Mapping[str, pa.Table]) -> None:
    """Of tables of too few patients to be judged by themselves, those that one date fits over all periods."""
    few = [TABLES[name] for name, rows in accepted.items() if 0 < len(rows["patient_id"].unique()) < _fewest(name)]
    if not few:
        return
    patients = _as_text(con, "from together_patients")
    events = {table.name: _as_text(con, f"from together_{table.name}") for table in few if table.name != "patients"}
    fitting = events_on_a_common_date(patients, events)
    if TABLES["patients"] in few:
        fitting |= {("patients", column): count for column, count in patients_of_a_common_cut(patients).items()}
    if fitting:
        told = (f"{table}.{column}: one_date_fits, {_rows(count)}" for (table, column), count in fitting.items())
        raise SubmissionRefused("data_cut_common", f"{'; '.join(told)} of all submissions together")


def _together(table: Table, period: str) -> str:
    """SQL: what tells of ages and dates in the rows of a table, own and beside, of each key that of the latest month.

    What the submission withdraws is gone.
    """
    columns, later = ", ".join(TELLING[table.name]), f"period > {literal(period)}"
    return (
        f"select {columns} from own_{table.name} "
        f"anti join (from beside_{table.name} where {later}) using ({table.key}) where not coalesce(deleted, false) "
        f"union all select {columns} from beside_{table.name} where {later} "
        f"union all select {columns} from (from beside_{table.name} where not {later}) "
        f"anti join own_{table.name} using ({table.key})"
    )


def _fewest(name: str) -> int:
    return FEWEST_PATIENTS if name == "patients" else FEWEST_WITH_EVENTS


def _days_of(table: Table) -> Iterable[str]:
    return (column.name for column in table.columns if column.is_day)


def _as_text(con: duckdb.DuckDBPyConnection, select: str) -> pa.Table:
    """Rows as they are delivered: every cell a string or null."""
    return con.sql(f"select cast(columns(*) as varchar) from ({select})").to_arrow_table()


def _rows(count: int) -> str:
    return f"{count} row{'s' if count > 1 else ''}"
