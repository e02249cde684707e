"""The labels of the current release as cohorts of the OMOP CDM 5.4: tables `cohort` and `cohort_definition`.

A cohort has a row per patient, so it is for those who may see single patients: it is made of the row-level marts and
never of protected ones. A release holds neither persons nor dates. Both come from the site's key file where it states
them; else subjects get random numbers, kept there, and day 0 is `EPOCH`.

Source: OHDSI, OMOP Common Data Model 5.4, tables COHORT and COHORT_DEFINITION;
https://ohdsi.github.io/CommonDataModel/cdm54.html.
"""

import csv
import datetime
import os
import secrets
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from outcomes.errors import OutcomesError
from outcomes.home import private_files
from outcomes.release.open import Release, current_release
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import label_definitions

EPOCH = datetime.date(1970, 1, 1)
"""The date that stands for day 0 where no date of surgery is known: dates then tell days since and nothing else."""

_KEY_COLUMNS = ("site_id", "patient_id", "subject_id", "index_date")
_LARGEST = 2**31 - 1
"""The CDM's integers have 32 bits."""

_WHOLE_COHORT = 1
_ANSWERS = {"yes": 1, "no": 2}
"""The last digit of a cohort's number."""

_COHORT = """
with spans as (
    select site_id, patient_id, {whole} as cohort_definition_id, 0 as first_day, observed_days as last_day
    from episodes

    union all
    select
        labels.site_id, labels.patient_id, definitions.cohort_definition_id,
        case labels.status when 'yes' then coalesce(labels.onset_day, 0) else 0 end as first_day,
        episodes.observed_days as last_day
    from labels
    inner join episodes using (site_id, patient_id)
    inner join definitions using (label, status)
)

select
    cast(spans.cohort_definition_id as integer) as cohort_definition_id,
    cast(subjects.subject_id as integer) as subject_id,
    cast(subjects.index_date + spans.first_day * interval 1 day as date) as cohort_start_date,
    cast(subjects.index_date + greatest(spans.first_day, spans.last_day, 0) * interval 1 day as date)
        as cohort_end_date
from spans
inner join subjects using (site_id, patient_id)
order by all
"""


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


@dataclass(frozen=True)
class _Subject:
    number: int
    index_date: datetime.date | None = None


_Subjects = dict[tuple[str, str], _Subject]


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
    known = _read_keys(keys) if keys.is_file() else {}
    with release.connect() as con:
        episodes = con.execute("select site_id, patient_id from episodes order by all").fetchall()
        subjects = _with_new(known, episodes)
        is_dated = any(subject.index_date for subject in subjects.values())
        definitions = _definitions(release)
        cohort = _cohort(con, subjects, definitions, is_dated=is_dated)
    if subjects.keys() != known.keys():
        _save(keys, subjects)
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in (("cohort", cohort), ("cohort_definition", definitions.drop_columns(["label", "status"]))):
        _write(folder / name, table, as_parquet=as_parquet)
    here = [subjects[key] for key in episodes]
    without = sum(subject.index_date is None for subject in here) if is_dated else 0
    return Exported(folder, cohort.num_rows, definitions.num_rows, len(here) - without, is_dated, without)


def _cohort(con: duckdb.DuckDBPyConnection, subjects: _Subjects, definitions: pa.Table, *, is_dated: bool) -> pa.Table:
    rows = [
        {
            "site_id": site_id,
            "patient_id": patient_id,
            "subject_id": subject.number,
            "index_date": subject.index_date if is_dated else EPOCH,
        }
        for (site_id, patient_id), subject in subjects.items()
        if subject.index_date or not is_dated
    ]
    texts = ((name, pa.string()) for name in ("site_id", "patient_id"))
    schema = pa.schema([*texts, ("subject_id", pa.int64()), ("index_date", pa.date32())])
    con.register("subjects", pa.Table.from_pylist(rows, schema))
    con.register("definitions", definitions)
    return con.execute(_COHORT.format(whole=_WHOLE_COHORT)).to_arrow_table()


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


def _with_new(known: _Subjects, patients: Iterable[tuple[str, str]]) -> _Subjects:
    """The subjects, with numbers for those who have none; drawn, so that no number tells an order."""
    subjects = dict(known)
    taken = {subject.number for subject in known.values()}
    for patient in patients:
        if patient not in subjects:
            while (number := secrets.randbelow(_LARGEST) + 1) in taken:
                pass
            taken.add(number)
            subjects[patient] = _Subject(number)
    return subjects


def _read_keys(path: Path) -> _Subjects:
    """The subjects of a key file.

    Raises:
        OutcomesError: subjects_malformed; names the line.
    """
    subjects: _Subjects = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines)
            if not set(_KEY_COLUMNS[:3]) <= set(reader.fieldnames or ()):
                raise OutcomesError("subjects_malformed", f"{path.name}, line 1")
            for row in reader:
                subject = _subject(row)
                patient = (row["site_id"], row["patient_id"])
                if subject is None or patient in subjects:
                    raise OutcomesError("subjects_malformed", f"{path.name}, line {reader.line_num}")
                subjects[patient] = subject
    except (UnicodeDecodeError, csv.Error):
        raise OutcomesError("subjects_malformed", f"{path.name} is no CSV in UTF-8") from None
    if len({subject.number for subject in subjects.values()}) < len(subjects):
        raise OutcomesError("subjects_malformed", f"{path.name}: one subject_id is of several patients")
    return subjects


def _subject(row: dict[str, str]) -> _Subject | None:
    """What a line says; None where it cannot be read."""
    try:
        number = int(row["subject_id"])
        date = datetime.date.fromisoformat(row["index_date"]) if row.get("index_date") else None
    except (ValueError, TypeError):
        return None
    return _Subject(number, date) if 0 < number <= _LARGEST and row["patient_id"] else None


def _save(path: Path, subjects: _Subjects) -> None:
    """Write the key file whole or not at all, readable by its owner alone."""
    unfinished = path.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(_KEY_COLUMNS)
        writer.writerows(
            (*patient, subject.number, subject.index_date or "") for patient, subject in sorted(subjects.items())
        )
    unfinished.replace(path)


def _write(path: Path, table: pa.Table, *, as_parquet: bool) -> None:
    if as_parquet:
        parquet.write_table(table, path.with_suffix(".parquet"))
    else:
        arrow_csv.write_csv(table, path.with_suffix(".csv"))
