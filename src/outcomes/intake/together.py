"""What the submissions of a site give away together, once one more is accepted: an age over 89, a common date.

A submission is screened by itself first (`screening`). Here it stands beside what the site's other periods have in
force, as whoever gets a release will have it.
"""

from collections.abc import Iterable, Sequence

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

_YOUNGEST = 60
"""Who is younger at surgery does not turn 90 within the thirty years that a day may lie from it."""

_EVENTS = tuple(table for table in TABLES.values() if table is not TABLES["patients"])


def screen_together(con: duckdb.DuckDBPyConnection, judgements: Sequence[Judgement]) -> None:
    """Refuse a submission whose accepted rows give away, beside those of the site's other periods, what may not be.

    Args:
        con: to which `Lake.attach_beside` has attached those rows.
        judgements: of the submission's tables.

    Raises:
        SubmissionRefused: age_over_89 or data_cut_common.
        OutcomesError: lake_damaged.
    """
    if not con.execute("from beside_submissions where status = 'accepted' limit 1").fetchall():
        return
    accepted = {one.table.name: one.accepted for one in judgements}
    for table in TABLES.values():
        con.register(f"own_{table.name}", accepted.get(table.name, table.schema.empty_table()))
        # A row that comes again, or is withdrawn, takes the place of the former.
        columns = _told_by(table)
        con.execute(
            f"create or replace temp view together_{table.name} as "
            f"select {columns} from own_{table.name} where not coalesce(deleted, false) union all "
            f"select {columns} from beside_{table.name} anti join own_{table.name} using ({table.key})"
        )
    try:
        _screen_ages(con)
        _screen_dates(con, [table for table in TABLES.values() if table.name in accepted])
    except duckdb.IOException:
        raise OutcomesError("lake_damaged", "the site's other periods") from None


def _told_by(table: Table) -> str:
    """The columns of a table that tell of ages and dates."""
    return ", ".join(
        column.name
        for column in table.columns
        if column.is_day or column.name in {"patient_id", "age_years", "index_period"}
    )


def _screen_ages(con: duckdb.DuckDBPyConnection) -> None:
    """Of the patients whom the submission names, whoever turns 90 by a day of any period."""
    named = " union all ".join(f"select patient_id from own_{name}" for name in TABLES)
    con.execute(
        "create or replace temp table may_turn_90 as from together_patients "
        f"semi join ({named}) using (patient_id) where age_years between {_YOUNGEST} and 89"
    )
    days = {
        table.name: _as_text(
            con,
            f"select patient_id, {', '.join(f'max({day}) as {day}' for day in _days_of(table))} "
            f"from together_{table.name} semi join may_turn_90 using (patient_id) group by patient_id",
        )
        for table in _EVENTS
    }
    if count := ages_reaching_90(_as_text(con, "from may_turn_90"), None, days):
        raise SubmissionRefused("age_over_89", f"patients.age_years: reaches_90_over_submissions, {_rows(count)}")


def _screen_dates(con: duckdb.DuckDBPyConnection, delivered: Sequence[Table]) -> None:
    """Of tables of too few patients to be judged by themselves, those that one date fits over all periods."""
    few = [table for table in delivered if 0 < _patients(con, table) < _fewest(table)]
    if not few:
        return
    patients = _as_text(con, "from together_patients")
    events = {table.name: _as_text(con, f"from together_{table.name}") for table in few if table in _EVENTS}
    fitting = events_on_a_common_date(patients, events)
    if TABLES["patients"] in few:
        fitting |= {("patients", column): count for column, count in patients_of_a_common_cut(patients).items()}
    if fitting:
        told = (f"{table}.{column}: one_date_fits, {_rows(count)}" for (table, column), count in fitting.items())
        raise SubmissionRefused("data_cut_common", f"{'; '.join(told)} of all submissions together")


def _fewest(table: Table) -> int:
    return FEWEST_WITH_EVENTS if table in _EVENTS else FEWEST_PATIENTS


def _patients(con: duckdb.DuckDBPyConnection, table: Table) -> int:
    (found,) = con.execute(f"select count(distinct patient_id) from own_{table.name}").fetchall()
    return int(found[0])


def _days_of(table: Table) -> Iterable[str]:
    return (column.name for column in table.columns if column.is_day)


def _as_text(con: duckdb.DuckDBPyConnection, select: str) -> pa.Table:
    """Rows as they are delivered: every cell a string or null."""
    return con.sql(f"select cast(columns(*) as varchar) from ({select})").to_arrow_table()


def _rows(count: int) -> str:
    return f"{count} row{'s' if count > 1 else ''}"
