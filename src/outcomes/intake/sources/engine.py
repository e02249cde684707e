"""The engine of all imports: a dated extract becomes a submission.

It finds the index fusion by the cohort's own relations, turns dates into days since, draws random keys, and counts
whatever it leaves out. No date is written anywhere but into what the database spills to the private scratch folder.
"""

import datetime
import errno
import re
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from outcomes.contract import TABLES, Column, Table
from outcomes.errors import OutcomesError
from outcomes.home import private_files
from outcomes.intake.checking import check_submission
from outcomes.intake.landing import is_site_id, site_is_known
from outcomes.intake.manifest import Manifest, write_manifest
from outcomes.intake.sources.crosswalk import Crosswalk
from outcomes.intake.sources.dated import (
    ORIGINS,
    LeftOut,
    Source,
    completed,
    dated_columns,
    dated_name,
    dated_relation,
    event_date,
)
from outcomes.intake.sources.drugs import PACKAGES, read_drugs
from outcomes.intake.sources.files import readable
from outcomes.intake.sources.index_fusion import make_index_days
from outcomes.locks import held, is_held, one_at_a_time
from outcomes.periods import is_month, last_day
from outcomes.settings import Settings
from outcomes.shared_locks import landing_turn, look_into_landing
from outcomes.sql.engine import connect
from outcomes.sql.files import SqlFile, in_order, with_needs

_SCRATCH = "import-"
_SECONDS_UNTIL_HELD = 60
"""More than lies between making a folder and holding it."""

_OLDEST_AGE = 90
_LONGEST_LIFE = 120
"""As screening has it: a greater number is no age but a placeholder."""

_KEYS = {"patient_id": "patient", "encounter_id": "encounter", "surgeon_id": "surgeon"}
"""Columns of keys that the crosswalk draws, with its word for what they identify."""

_FLOATING = re.compile(r"\d{16,}[.]0+|\d[.\d]*[eE][+]\d+")
"""A great number as tools write one of floating point: 9007199254740992.0, 9.007e+17."""

_PATIENTS_LEFT_OUT = ("no_index_fusion", "index_period_not_over")

_SOURCE_PATIENTS = """
create table source_patients as
select patient_id, count(*) as row_count
from ({dated})
group by patient_id
"""

# Of several rows of one patient the first counts, by all their cells. The cut counts from the last day of the index
# period: a common date would give back the day of surgery. Where dates are shifted it is the patient's own.
_INDEX_PATIENTS = """
create table index_patients as
with first_rows as (
    select source_patients.*, index_days.index_date
    from ({dated}) as source_patients
    inner join index_days on source_patients.patient_id = index_days.patient_id
    where index_days.index_date is not null
    qualify row_number() over (partition by source_patients.patient_id order by {columns}) = 1
),

dated as (
    select
        * exclude (index_period),
        {index_period} as index_period,
        {period_end} as period_end,
        least(data_cut_date, {data_cut}) as cut_date
    from first_rows
)

select *, date_diff('day', period_end, cut_date) as data_cut_day
from dated
"""

_PATIENTS = """
create table patients as
with in_days as (
    select
        *,
        case
            when last_contact_date is not null
                then least(date_diff('day', index_date, last_contact_date), data_cut_day)
        end as last_contact_day,
        case
            when coalesce(date_diff('day', index_date, death_date) <= data_cut_day, true)
                then date_diff('day', index_date, death_date)
        end as death_day,
        coalesce(
            case
                when birth_date <= index_date
                    then date_sub('year', birth_date, index_date) % if(year(birth_date) < 1, 100, 1000)
            end,
            year(index_date) - birth_year,
            cast(floor(cast(regexp_extract(age_years, '^([0-9]{{1,3}})(?:[.][0-9]*)?$', 1) as double)) as bigint)
        ) as years
    from index_patients
),

aged as (
    select
        * exclude (age_years),
        case
            when years < 0 or years > {longest} then null
            when years + coalesce(floor(greatest(data_cut_day, last_contact_day, death_day) / 365.25), 0) >= {oldest}
                then {oldest}
            else years
        end as age_years
    from in_days
)

select {columns}
from aged
inner join patient_keys on aged.patient_id = patient_keys.source_key
"""

# The rows of those few who are delivered. In their order the reasons say which one counts.
_JUDGED = """
create table judged_{table} as
select
    dated.*, index_patients.index_date, index_patients.data_cut_day,
    case
        when dated.{date} is null then 'no_date'
        when date_diff('day', index_patients.index_date, dated.{date}) > index_patients.data_cut_day
            then 'after_data_cut'
        {others}
    end as reason
from ({dated}) as dated
inner join index_patients on dated.patient_id = index_patients.patient_id
"""

# Of all others, which are most of the rows of a hospital, nothing is kept but their number.
_OF_OTHERS = """
select
    case
        when dated.patient_id is null then 'no_patient'
        when source_patients.patient_id is null then 'unknown_patient'
        {undated}
        else 'patient_left_out'
    end as reason,
    count(*)
from ({dated}) as dated
left join index_patients on dated.patient_id = index_patients.patient_id
left join source_patients on dated.patient_id = source_patients.patient_id
where index_patients.patient_id is null
group by reason
"""

_UNDATED = "when dated.date is null then 'no_date'"
"""Of procedures: it may be why their patients are left out."""

# Without a key of its own, a row that is the same as another may well be another: an add-on charged twice.
_SELECTED = """
create table selected_{table} as
select * exclude (reason)
from judged_{table}
where reason is null and {key} is null
union all
select distinct * exclude (reason)
from judged_{table}
where reason is null and {key} is not null
"""

_NUMBERED = """
create table {table} as
with numbered as (
    select
        *, row_number() over (partition by patient_id order by {columns}) as place
    from selected_{table}
)

select {delivered}
from numbered
{joins}
"""


@dataclass(frozen=True)
class Import:
    """What an import wrote.

    Attributes:
        folder: the submission, in the landing folder.
        manifest: its manifest.
        crosswalk: the file of keys, which stays with the site.
        left_out: rows and cells of the source that were not delivered, by table and reason.
    """

    folder: Path
    manifest: Manifest
    crosswalk: Path
    left_out: tuple[LeftOut, ...]

    @property
    def patients_left_out(self) -> int:
        """Patients of the source without a day 0, or whose index period is not over."""
        return _patients_left_out(self.left_out, *_PATIENTS_LEFT_OUT)


@private_files()
def import_extract(settings: Settings, source: Source, site_id: str, period: str | None = None) -> Import:
    """Turn what a source reads into the submission `landing/<site_id>/<period>`: `full`, cut at the end of the period.

    What intake would refuse, as text that looks like an identifier, does not land.

    Args:
        settings: paths and thresholds.
        source: makes the dated extract.
        site_id: the site that delivers.
        period: `YYYY-MM`; by default the last month of the source, where it has one.

    Raises:
        OutcomesError: source_malformed, site_unknown, sites_malformed, period_malformed, or
            folder_not_empty when that site and period have landed already.
        SubmissionRefused: intake would refuse the submission.
    """
    check_place(settings, source, site_id, period)
    with one_at_a_time(settings.locks / f"{site_id}.crosswalk"), scratch_folder(settings) as scratch:
        crosswalk = Crosswalk(settings.crosswalks / f"{site_id}.csv")
        with connect(settings, scratch) as con:
            period, left_out = make_tables(con, source, crosswalk, period, scratch)
            folder = settings.landing / site_id / period
            look_into_landing(settings, site_id)
            _check_new(folder)
            crosswalk.save()
            made = scratch / "made" / site_id / period
            manifest = deliver(con, source, made, scratch, left_out)
        # The tables are gone from memory by now: the check needs as much again.
        if refusal := check_submission(settings, made).refusal:
            raise refusal
        with landing_turn(settings, site_id):
            _check_new(folder)
            folder.parent.mkdir(parents=True, exist_ok=True)
            _move(made, folder)
        return Import(folder, manifest, crosswalk.path, tuple(left_out))


def _check_new(folder: Path) -> None:
    if folder.exists():
        raise OutcomesError("folder_not_empty", f"{folder.parent.name}/{folder.name} in the landing folder")


def check_place(settings: Settings, source: Source, site_id: str, period: str | None) -> None:
    """See that a site may deliver what a source reads for a period.

    Raises:
        OutcomesError: site_unknown, sites_malformed or period_malformed.
    """
    if not (is_site_id(site_id) and site_is_known(settings, site_id)):
        raise OutcomesError("site_unknown", "--site")
    if period is not None and not is_month(period):
        raise OutcomesError("period_malformed", "--period")
    # Until its end nothing would have happened to anybody. Shifted dates may lie anywhere.
    if period is not None and not source.is_shifted and period > f"{datetime.datetime.now(datetime.UTC):%Y-%m}":
        raise OutcomesError("period_malformed", "--period lies in the future")


@contextmanager
def scratch_folder(settings: Settings) -> Iterator[Path]:
    """A private folder for what an import writes on its way; of a home that was not there nothing stays but results.

    It is removed, and so are those of imports that were killed: they hold copies of a hospital's files.
    """
    made = [folder for folder in (settings.scratch, settings.home) if not folder.exists()]
    settings.scratch.mkdir(parents=True, exist_ok=True)
    try:
        for left in settings.scratch.glob(f"{_SCRATCH}*"):
            if time.time() - left.stat().st_mtime > _SECONDS_UNTIL_HELD and not is_held(left):
                shutil.rmtree(left, ignore_errors=True)
        with tempfile.TemporaryDirectory(dir=settings.scratch, prefix=_SCRATCH) as temporary, held(Path(temporary)):
            yield Path(temporary)
    finally:
        for folder in made:
            with suppress(OSError):  # it holds something
                folder.rmdir()


def make_tables(
    con: duckdb.DuckDBPyConnection, source: Source, crosswalk: Crosswalk, period: str | None, scratch: Path
) -> tuple[str, list[LeftOut]]:
    """Make the contract tables of a source, named as the contract names them.

    Args:
        con: a connection for this import alone.
        source: makes the dated extract.
        crosswalk: the keys of the site; new ones are drawn and not yet saved.
        period: the month, `YYYY-MM`; None for the source's own last one.
        scratch: a private folder.

    Returns:
        The month, and what was left out.

    Raises:
        OutcomesError: source_malformed, or period_malformed when there is none.
    """
    # Rows get a total order where they are numbered; without that of the files, they are read as a stream.
    con.execute("set preserve_insertion_order = false")
    with readable():
        source.load(con, scratch)
        _make_dated(con, source)
        if source.drugs:
            read_drugs(con, source.drugs)
        period = period or _last_period(con, source)
        left_out = _select_patients(con, source, period)
        tables = delivered_tables(con)
        for table in tables[1:]:
            left_out += _select_rows(con, table)
        left_out += source.left_out(con)
    _register_keys(con, crosswalk, tables[1:])
    columns = ", ".join(_patient_column(column) for column in tables[0].columns if column.name != "deleted")
    con.execute(_PATIENTS.format(columns=columns, oldest=_OLDEST_AGE, longest=_LONGEST_LIFE))
    for table in tables[1:]:
        _number_rows(con, table)
    return period, _added_up(left_out)


def _added_up(left_out: Iterable[LeftOut]) -> list[LeftOut]:
    """One count of each table, column and reason, of those that have rows."""
    rows: dict[tuple[str, str, str | None], int] = {}
    for one in left_out:
        key = (one.table, one.reason, one.column)
        rows[key] = rows.get(key, 0) + one.rows
    return [LeftOut(table, reason, number, column) for (table, reason, column), number in rows.items() if number]


def _last_period(con: duckdb.DuckDBPyConnection, source: Source) -> str:
    if source.last_period is None:
        raise OutcomesError("period_malformed", "--period is not given")
    return source.last_period(con)


def _patients_left_out(left_out: Iterable[LeftOut], *reasons: str) -> int:
    return sum(one.rows for one in left_out if one.table == "patients" and one.reason in reasons)


def deliver(
    con: duckdb.DuckDBPyConnection, source: Source, folder: Path, scratch: Path, left_out: Iterable[LeftOut]
) -> Manifest:
    """Write the contract tables as a submission in the private folder, and move it whole to where it shall be.

    Args:
        con: holds the contract tables, as `make_tables` makes them.
        source: what they were made of.
        folder: where the submission shall be, `<site_id>/<period>`.
        scratch: a private folder.
        left_out: what is not delivered; the manifest states the patients without an index fusion.

    Raises:
        OutcomesError: source_malformed when there is no patient to deliver.
    """
    if not count(con, "from patients"):
        raise OutcomesError("source_malformed", _why_nobody(con))
    unfinished = scratch / folder.parent.name / folder.name
    unfinished.mkdir(parents=True)
    for table in delivered_tables(con):
        if count(con, f"from {table.name}"):
            path = unfinished / f"{table.name}.csv"
            con.execute(f"copy (from {table.name} order by all) to $path (format csv, header)", {"path": str(path)})
    manifest = write_manifest(
        unfinished,
        site_id=folder.parent.name,
        period=folder.name,
        kind="full",
        deidentification_method=source.method,
        data_cut=last_day(folder.name),
        patients_without_index=_patients_left_out(left_out, "no_index_fusion"),
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    _move(unfinished, folder)
    return manifest


def _why_nobody(con: duckdb.DuckDBPyConnection) -> str:
    if not count(con, "from source_patients where patient_id is not null"):
        return "there is no patient: see patient_id of the patients, and where their rows come from"
    if not count(con, f"from {dated_relation(TABLES['procedures'])} semi join source_patients using (patient_id)"):
        return "no procedure is of one of the patients: is patient_id written in the same way in both?"
    return "no patient has an index fusion: see code_system, code and date of the procedures"


def _move(unfinished: Path, folder: Path) -> None:
    """Move a submission whole; the landing folder may lie on another disk than the private one."""
    try:
        unfinished.rename(folder)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        beside = folder.with_name(f".{folder.name}")
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(unfinished, beside)
        beside.rename(folder)


def count(con: duckdb.DuckDBPyConnection, rows: str) -> int:
    """How many rows a `from …` gives."""
    return int(con.execute(f"select count(*) {rows}").fetchall()[0][0])


def delivered_tables(con: duckdb.DuckDBPyConnection) -> list[Table]:
    """The contract tables of which there is a dated relation, patients first."""
    return [table for table in TABLES.values() if _has(con, dated_relation(table))]


def _has(con: duckdb.DuckDBPyConnection, relation: str) -> bool:
    return count(con, f"from duckdb_columns() where table_name = '{relation}'") > 0


def _make_dated(con: duckdb.DuckDBPyConnection, source: Source) -> None:
    """Make the dated relations, and between them `index_days`, which some of them need."""
    files = in_order(source.files)
    first = with_needs([dated_relation(TABLES["procedures"]), ORIGINS], files)
    _make_relations(con, first)
    _check_there(con, "procedures")
    make_index_days(con, ORIGINS if _has(con, ORIGINS) else None, is_shifted=source.is_shifted)
    _make_relations(con, [file for file in files if file not in first])
    _check_there(con, "patients")


def _make_relations(con: duckdb.DuckDBPyConnection, files: Iterable[SqlFile]) -> None:
    """Make the relations of SQL files: the dated ones are views, so that their rows are read as a stream."""
    for file in files:
        kind = "view" if file.name.startswith("dated_") else "table"
        con.execute(f"create {kind} {file.name} as {file.select}")


def _check_there(con: duckdb.DuckDBPyConnection, name: str) -> None:
    if not _has(con, dated_relation(TABLES[name])):
        raise OutcomesError("source_malformed", f"it has no {name}, which every submission needs")


def _select_patients(con: duckdb.DuckDBPyConnection, source: Source, period: str) -> list[LeftOut]:
    """Make `source_patients`, the keys of all patients, and `index_patients`, those who are delivered."""
    dated = completed(con, TABLES["patients"])
    con.execute(_SOURCE_PATIENTS.format(dated=dated))
    is_yearly = source.method == "safe_harbor"
    con.execute(
        _INDEX_PATIENTS.format(
            dated=dated,
            columns=", ".join(f"source_patients.{name}" for name in dated_columns(TABLES["patients"])),
            index_period="index_period"
            if source.is_shifted
            else f"strftime(index_date, '{'%Y' if is_yearly else '%Y-%m'}')",
            period_end="index_date"
            if source.is_shifted
            else "make_date(year(index_date), 12, 31)"
            if is_yearly
            else "last_day(index_date)",
            data_cut="null" if source.is_shifted else f"date '{last_day(period)}'",
        )
    )
    patients, rows, nameless = con.execute(
        "select count(patient_id), coalesce(sum(row_count), 0), "
        "coalesce(sum(row_count) filter (where patient_id is null), 0) from source_patients"
    ).fetchall()[0]
    fused = count(con, "from index_patients")
    con.execute("delete from index_patients where data_cut_day < 0")
    reasons = {
        "no_patient": int(nameless),
        "repeated": int(rows - nameless) - patients,
        "no_index_fusion": patients - fused,
        "index_period_not_over": fused - count(con, "from index_patients"),
    }
    return [LeftOut("patients", reason, number) for reason, number in reasons.items()]


def _select_rows(con: duckdb.DuckDBPyConnection, table: Table) -> list[LeftOut]:
    """Make `selected_<table>`, the rows that are delivered."""
    dated = completed(con, table)
    others = f"when {PACKAGES} then 'not_coded'" if table.name == "treatments" else ""
    undated = _UNDATED if table.name == "procedures" else ""
    # Of a file nobody knows how many rows it has: taken for a few, they and not the patients would be held in memory.
    con.execute("set disabled_optimizers = 'build_side_probe_side'")
    con.execute(_JUDGED.format(table=table.name, date=event_date(table), dated=dated, others=others))
    reasons = Counter(dict(con.execute(_OF_OTHERS.format(dated=dated, undated=undated)).fetchall()))
    con.execute("reset disabled_optimizers")
    reasons.update(dict(con.execute(f"select reason, count(*) from judged_{table.name} group by reason").fetchall()))
    con.execute(_SELECTED.format(table=table.name, key=table.key))
    con.execute(f"drop table judged_{table.name}")
    reasons["repeated"] = reasons.pop(None, 0) - count(con, f"from selected_{table.name}")
    return [LeftOut(table.name, reason, number) for reason, number in sorted(reasons.items())]


def _register_keys(con: duckdb.DuckDBPyConnection, crosswalk: Crosswalk, tables: list[Table]) -> None:
    """Make `patient_keys`, `encounter_keys` and `surgeon_keys` (source_key, key)."""
    for name, kind in _KEYS.items():
        places = [f"selected_{table.name}" for table in tables if name in table.schema.names]
        named = " union ".join(
            f"select {name} from {place}" for place in ["index_patients"] * (kind == "patient") + places
        )
        keys = [key for (key,) in con.execute(f"select {name} from ({named}) where {name} is not null").fetchall()]
        _check_exact(kind, keys)
        con.register(f"{kind}_keys", crosswalk.table(kind, keys, ("source_key", "key")))


def _check_exact(kind: str, keys: Iterable[str]) -> None:
    """See that no key was kept as a floating-point number, in which great numbers that differ become the same.

    Raises:
        OutcomesError: source_malformed.
    """
    if any(_FLOATING.fullmatch(key) and float(key) >= 2**53 for key in keys):
        raise OutcomesError(
            "source_malformed",
            f"keys of {kind}s were rounded, as floating-point numbers; export them as whole numbers or as text",
        )


def _patient_column(column: Column) -> str:
    return "patient_keys.key as patient_id" if column.name == "patient_id" else f"aged.{column.name}"


def _number_rows(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Make the contract table of selected rows: random keys, days since the index fusion."""
    named = {name: kind for name, kind in _KEYS.items() if name in table.schema.names}
    joins = "\n".join(
        f"left join {kind}_keys on numbered.{name} = {kind}_keys.source_key" for name, kind in named.items()
    )
    delivered = ", ".join(_column(table, column) for column in table.columns if column.name != "deleted")
    columns = ", ".join(dated_columns(table))
    con.execute(_NUMBERED.format(table=table.name, columns=columns, delivered=delivered, joins=joins))


def _column(table: Table, column: Column) -> str:
    """A column of a contract table from numbered rows."""
    if column.name == table.key:
        # A key of the row's own that says no more than that: the patient's, the table's first letter, a number. In
        # text it is in the order of the source's keys, which decides where nothing else does.
        own = f"patient_keys.key || printf('-{table.name[0]}%06d', numbered.place)"
        drawn = f"{_KEYS[column.name]}_keys.key, " if column.name in _KEYS else ""
        return f"coalesce({drawn}{own}) as {column.name}"
    if column.name in _KEYS:
        return f"{_KEYS[column.name]}_keys.key as {column.name}"
    if not column.is_day:
        return f"numbered.{column.name}"
    day = f"date_diff('day', numbered.index_date, numbered.{dated_name(column)})"
    if dated_name(column) == event_date(table):
        return f"{day} as {column.name}"
    # An end that lies after the cut is not known yet.
    return f"case when {day} <= numbered.data_cut_day or numbered.data_cut_day is null then {day} end as {column.name}"
