"""The dated extract: what a source makes of its files, and all that the engine reads.

It is a relation `dated_<table>` for each contract table that the source can fill. Its columns are the contract's, but

- keys are the source's own keys; the key of the row itself may be left out (but of patients),
- a day is a date, under the name that `dated_name` gives it: `day` is `date`, `start_day` is `start_date`,
- patients may have `birth_date`, or `birth_year`, in the place of `age_years`, and `index_period` only where the dates
  are shifted, so that they do not tell it,
- a `birth_date` before our era is one of which only the last two digits of the year are known: it is of the hundred
  years before day 0.

Columns that a source does not have are left out. Cells may have any type; the engine delivers them as text, to be
screened and judged like any other delivery.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from outcomes.contract import Column, Table
from outcomes.intake.manifest import Method
from outcomes.sql.files import SqlFile

ORIGINS = "dated_origins"
"""A relation (patient_id, date) that a source may make: day 0 of patients without an index fusion, who are then
delivered and counted outside the cohort. Without it they are left out and counted by the import."""

_OF_BIRTH = {"birth_date": "date", "birth_year": "bigint"}


_REASONS = {
    "no_patient": "no key of a patient",
    "unknown_patient": "of a patient who is not among the patients",
    "no_index_fusion": "a patient without an index fusion",
    "index_period_not_over": "a patient whose index period ends after the data cut; comes with a later month",
    "patient_left_out": "of a patient who is left out",
    "no_date": "no date, or none that tells a day",
    "after_data_cut": "after the patient's data cut",
    "repeated": "the same patient, or the same row with the same key, once more",
    "not_coded": "no code of a system that the contract knows",
    "left_out_by_where": "left out by where",
    "merged": "a further row of a patient, made one with the others",
    "never_read": "fields that the data dictionary marks as identifiers, or that are of such a kind; never read",
    "not_filled": "a row that is of something else: none of the columns that filled names is filled",
    "not_held": "of a visit without date and answers",
    "replaced": "the record of a patient that another has replaced; what refers to it is that one's",
    "not_done": "planned, not done, or entered in error",
    "refuted": "a diagnosis that was refuted, or entered in error",
    "elsewhere": "an image of another kind, or of another part of the body",
    "no_resource": "a line that is no FHIR resource in JSON",
    "superseded": "an older version of a resource, or one that was deleted",
    "message": "a message of the server: what the export lacks may stand there; read it",
    "modified": "a modifierExtension or implicitRules that nobody here knows, which may turn the meaning round",
    "misshapen": "an element twice that FHIR has once, or answers nested too deep",
    "stripped": "what identifies a person, or may; dropped by --strip-identifiers",
    "unreadable": "a cell that cannot be read as stated; the row is delivered without it",
}


@dataclass(frozen=True)
class LeftOut:
    """Rows of a contract table, or cells of one of its columns, that an import did not deliver, and why."""

    table: str
    reason: str
    rows: int
    column: str | None = None

    @property
    def why(self) -> str:
        """The reason in words."""
        return _REASONS[self.reason]


@dataclass(frozen=True)
class NotMapped:
    """What of a source means nothing to an import: a column of a file, or a word of a contract table's column.

    A dry run shows a word only when it is one that many patients share. Without a word, but with rows, it is as many
    words of the column as `words` says, and without a column as many columns.
    """

    place: str
    column: str
    word: str | None = None
    rows: int = 0
    patients: int = 0
    words: int = 1

    @property
    def is_column(self) -> bool:
        """Whether it is a whole column of a file."""
        return self.word is None and not self.rows


_MOST_WORDS = 1000

_COUNTED = """
select
    spot, case when nth <= {most} then word end as told,
    sum(row_count), max(patient_count), count(*)
from (
    select
        *, row_number() over (order by row_count desc, spot, word) as nth
    from (
        select spot, word, count(*) as row_count, count(distinct patient_id) as patient_count
        from ({rows})
        group by spot, word
    )
)
group by spot, told
order by 3 desc, 1, 2
"""


def words_not_mapped(con: duckdb.DuckDBPyConnection, place: str, rows: str) -> list[NotMapped]:
    """The words of rows by how often they stand there; of each column those beyond the thousandth together.

    Args:
        con: where the rows are.
        place: where they stand.
        rows: a select of spot, the column, and of word and patient_id.
    """
    counts = con.execute(_COUNTED.format(most=_MOST_WORDS, rows=rows)).fetchall()
    return [NotMapped(place, spot, word, int(rows), patients, words) for spot, word, rows, patients, words in counts]


def _nothing(con: duckdb.DuckDBPyConnection) -> list[Any]:
    return []


@dataclass(frozen=True)
class Source:
    """How a foreign format becomes a dated extract.

    Attributes:
        method: how what the engine delivers is de-identified; under safe_harbor `index_period` is a year.
        load: makes the relations that `files` need, and dated relations that need no SQL file; it gets a connection and
            a private folder that is removed after the import. Views over files are read as a stream.
        files: SQL files of dated relations and of what they rest on; they may need `index_days` (patient_id,
            code_system, index_date) unless they are the dated procedures or origins.
        is_shifted: the dates are shifted, so they tell neither `index_period` nor whether a code was valid: the dated
            patients have an `index_period` and a `data_cut_date` of their own.
        last_period: the month to deliver when none is named.
        left_out: what the reader itself did not hand on.
        not_mapped: what it does not understand, for a dry run.
        drugs: the site's own list of drugs (`intake/sources/drugs.py`).
    """

    method: Method
    load: Callable[[duckdb.DuckDBPyConnection, Path], None]
    files: Sequence[SqlFile] = ()
    is_shifted: bool = False
    last_period: Callable[[duckdb.DuckDBPyConnection], str] | None = None
    left_out: Callable[[duckdb.DuckDBPyConnection], list[LeftOut]] = _nothing
    not_mapped: Callable[[duckdb.DuckDBPyConnection], list[NotMapped]] = _nothing
    drugs: Path | None = None


def dated_relation(table: Table) -> str:
    """The name of a table's dated relation."""
    return f"dated_{table.name}"


def dated_name(column: Column) -> str:
    """The name of a contract column in the dated extract."""
    if not column.is_day:
        return column.name
    return "date" if column.name == "day" else f"{column.name.removesuffix('_day')}_date"


def dated_columns(table: Table) -> dict[str, str]:
    """The columns that a table's dated relation may have, each with the SQL type in which the engine reads it."""
    columns = {
        dated_name(column): "date" if column.is_day else "varchar"
        for column in table.columns
        if column.name != "deleted"
    }
    return columns | _OF_BIRTH if table.name == "patients" else columns


def event_date(table: Table) -> str:
    """The date without which a row of the table cannot be delivered."""
    return next(dated_name(column) for column in table.columns if column.is_day)


def completed(con: duckdb.DuckDBPyConnection, table: Table) -> str:
    """A select of all columns that a dated relation may have, in their types; those that it has not are null."""
    there = con.table(f"main.{dated_relation(table)}").columns
    cells = ", ".join(
        f"cast({name if name in there else 'null'} as {kind}) as {name}" for name, kind in dated_columns(table).items()
    )
    return f"select {cells} from main.{dated_relation(table)}"
