"""The labels of the current release as cohorts of the OMOP CDM 5.4: tables `cohort` and `cohort_definition`.

A cohort has a row per patient, so it is for those who may see single patients: it is made of the row-level marts and
never of protected ones. A release holds neither persons nor dates. Both come from the site's key file where it states
them; else subjects get random numbers, kept there, and day 0 is `EPOCH`.

Source: OHDSI, OMOP Common Data Model 5.4, tables COHORT and COHORT_DEFINITION;
https://ohdsi.github.io/CommonDataModel/cdm54.html.
"""

import datetime
import random
import zlib
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import csv, parquet

from outcomes.errors import OutcomesError
from outcomes.home import private_files
from outcomes.release.open import Release, current_release
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import label_definitions
from outcomes.whole_files import write_whole

EPOCH = datetime.date(1970, 1, 1)
"""The date that stands for day 0 where no date of surgery is known: dates then tell days since and nothing else."""

_SUBJECTS = pa.schema(
    [("site_id", pa.string()), ("patient_id", pa.string()), ("subject_id", pa.int64()), ("index_date", pa.date32())]
)
"""The key file; without a column index_date no date is known."""

_LARGEST = 2**31 - 1
"""Of the numbers that are drawn: the CDM's integers have 32 bits. A site whose persons have greater ones has 64."""

_WHOLE_COHORT = 1
_ANSWERS = {"yes": 1, "no": 2}
"""The last digit of a cohort's number."""

_COHORT = f"""
with spans as (
    select site_id, patient_id, {_WHOLE_COHORT} as cohort_definition_id, 0 as first_day, observed_days as last_day
    from episodes

    union all
    select
        labels.site_id, labels.patient_id, definitions.cohort_definition_id,
        case labels.status when 'yes' then coalesce(labels.onset_day, 0) else 0 end as first_day,
        episodes.observed_days as last_day
    from labels
    inner join episodes using (site_id, patient_id)
    inner join definitions using (label, status)
),

dated as (
    select site_id, patient_id, subject_id, case when $is_dated then index_date else $epoch end as index_date
    from subjects
    where index_date is not null or not $is_dated
)

select
    cast(spans.cohort_definition_id as integer) as cohort_definition_id,
    dated.subject_id,
    cast(dated.index_date + spans.first_day * interval 1 day as date) as cohort_start_date,
    cast(dated.index_date + greatest(spans.first_day, spans.last_day, 0) * interval 1 day as date) as cohort_end_date
from spans
inner join dated using (site_id, patient_id)
order by all
"""

_COUNTS = """
select count(*), count(*) filter (where subjects.index_date is null)
from episodes
inner join subjects using (site_id, patient_id)
"""

# Of the lines that cannot be read the first.
_WRONG = """
select min(line)
from (
    select
        line,
        site_id = '' or patient_id = ''
        or not regexp_full_match(subject_id, '0*[1-9][0-9]{0,17}')
        or (index_date != '' and not regexp_full_match(index_date, '[0-9]{4}-[0-9]{2}-[0-9]{2}'))
        or (index_date != '' and try_cast(index_date as date) is null)
        or count(*) over (partition by site_id, patient_id) > 1
        or count(*) over (partition by try_cast(subject_id as bigint)) > 1 as is_wrong
    from key_file
)
where is_wrong
"""

_KNOWN = """
select
    site_id, patient_id, cast(subject_id as bigint) as subject_id, cast(nullif(index_date, '') as date) as index_date
from key_file
"""

_NEW = "select site_id, patient_id from episodes anti join known using (site_id, patient_id) order by all"


@dataclass(frozen=True)
class Exported:
    """What an export wrote.

    Attributes:
        folder: where the two tables are.
        rows: of `cohort`.
        definitions: rows of `cohort_definition`.
        subjects: patients.
        is_dated: whether the dates are real ones.
        without_date: patients left out, as the key file states dates and not theirs.
    """

    folder: Path
    rows: int
    definitions: int
    subjects: int
    is_dated: bool
    without_date: int


@private_files()
def export_cohorts(settings: Settings, folder: Path, keys: Path, *, as_parquet: bool = False) -> Exported:
    """Write the cohorts of the current release.

    Args:
        settings: where the releases are.
        folder: where to write; it must be empty or not there.
        keys: a CSV (site_id, patient_id, subject_id, index_date): the number of each patient and, if the site knows it,
            the date of surgery. Patients it lacks get a random number and are added; it is made when it is not there.
        as_parquet: whether to write Parquet and not CSV.

    Raises:
        OutcomesError: no_release, release_damaged, folder_not_empty, subjects_malformed.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutcomesError("folder_not_empty", folder.name)
    release = current_release(settings)
    definitions = _definitions(release)
    with release.connect() as con:
        known = _read_keys(con, keys) if keys.is_file() else _SUBJECTS.empty_table()
        subjects = _with_new(con, known)
        is_dated = known["index_date"].null_count < known.num_rows
        con.register("subjects", subjects)
        con.register("definitions", definitions)
        cohort = con.sql(_COHORT, params={"is_dated": is_dated, "epoch": EPOCH}).to_arrow_table()
        patients, undated = con.execute(_COUNTS).fetchall()[0]
    if subjects.num_rows > known.num_rows:
        _save(keys, subjects)
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in (("cohort", cohort), ("cohort_definition", definitions.drop_columns(["label", "status"]))):
        _write(folder / name, table, as_parquet=as_parquet)
    without = undated if is_dated else 0
    return Exported(folder, cohort.num_rows, definitions.num_rows, patients - without, is_dated, without)


def _definitions(release: Release) -> pa.Table:
    """The rows of `cohort_definition`, with the label and the answer that each is of."""
    of_release = f"Release {release.id}, data to {release.data_to}."
    rows = [
        {
            "cohort_definition_id": _WHOLE_COHORT,
            "cohort_definition_name": "Episodes",
            "cohort_definition_description": f"Patients with an index fusion, while observed. {of_release}",
        }
    ]
    for label in label_definitions():
        version = release.definitions.get(label.name)
        description = f"{label.definition} Label {label.name}, version {version}. {of_release}"
        rows += [
            {
                "cohort_definition_id": cohort_number(label.name, answer),
                "cohort_definition_name": f"{label.title}: {answer}"[:255],
                "cohort_definition_description": description,
                "label": label.name,
                "status": answer,
            }
            for answer in _ANSWERS
            if version
        ]
    numbers = pa.schema([("cohort_definition_id", pa.int32())])
    names = ("cohort_definition_name", "cohort_definition_description", "cohort_definition_syntax", "label", "status")
    made = pa.Table.from_pylist(rows, pa.schema([*numbers, *((name, pa.string()) for name in names)]))
    nothing = pa.array([0] * made.num_rows, pa.int32())
    made = made.add_column(3, "definition_type_concept_id", nothing).add_column(5, "subject_concept_id", nothing)
    return made.add_column(6, "cohort_initiation_date", pa.nulls(made.num_rows, pa.date32()))


def cohort_number(label: str, answer: str) -> int:
    """The cohort_definition_id of a label's answer: of its name, so that it is the same in every release."""
    return zlib.crc32(label.encode()) % (_LARGEST // 10 - 1) * 10 + 10 + _ANSWERS[answer]


def _with_new(con: duckdb.DuckDBPyConnection, known: pa.Table) -> pa.Table:
    """The subjects, with numbers for patients who have none; drawn, so that no number tells an order."""
    con.register("known", known)
    new = con.sql(_NEW).to_arrow_table()
    taken = set(known["subject_id"].to_pylist())
    drawn = random.SystemRandom().sample(range(1, _LARGEST + 1), new.num_rows + len(taken))
    numbers = [number for number in drawn if number not in taken][: new.num_rows]
    columns = [new["site_id"], new["patient_id"], pa.array(numbers, pa.int64()), pa.nulls(new.num_rows, pa.date32())]
    return pa.concat_tables([known, pa.table(columns, schema=_SUBJECTS)])


def _read_keys(con: duckdb.DuckDBPyConnection, path: Path) -> pa.Table:
    """The subjects of a key file.

    Raises:
        OutcomesError: subjects_malformed; names the line.
    """
    texts = csv.ConvertOptions(column_types=dict.fromkeys(_SUBJECTS.names, pa.string()))
    try:
        delivered = csv.read_csv(path, convert_options=texts)
    except pa.ArrowInvalid:
        raise OutcomesError("subjects_malformed", f"{path.name} is no CSV in UTF-8") from None
    nothing = pa.array([""] * delivered.num_rows, pa.string())
    if "index_date" not in delivered.column_names:
        delivered = delivered.append_column("index_date", nothing)
    if not set(_SUBJECTS.names) <= set(delivered.column_names):
        raise OutcomesError("subjects_malformed", f"{path.name}, line 1")
    lines = pa.array(range(2, delivered.num_rows + 2))
    con.register("key_file", delivered.select(_SUBJECTS.names).append_column("line", lines))
    (wrong,) = con.execute(_WRONG).fetchall()[0]
    if wrong is not None:
        raise OutcomesError("subjects_malformed", f"{path.name}, line {wrong}")
    return con.sql(_KNOWN).to_arrow_table().cast(_SUBJECTS)


def _save(path: Path, subjects: pa.Table) -> None:
    """Write the key file."""
    lines = pa.BufferOutputStream()
    in_order = subjects.sort_by([("site_id", "ascending"), ("patient_id", "ascending")])
    csv.write_csv(in_order, lines, csv.WriteOptions(quoting_style="needed"))
    write_whole(path, lines.getvalue().to_pybytes())


def _write(path: Path, table: pa.Table, *, as_parquet: bool) -> None:
    if as_parquet:
        parquet.write_table(table, path.with_suffix(".parquet"))
    else:
        csv.write_csv(table, path.with_suffix(".csv"))
