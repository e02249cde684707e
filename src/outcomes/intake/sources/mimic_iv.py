"""MIMIC-IV, hospital tables → a submission of the contract.

Read are patients, admissions, procedures_icd and diagnoses_icd (`.csv` or `.csv.gz`), and of them the columns named
here; other columns are never loaded. What each contract column means for MIMIC-IV stands in the SQL files of
`sql/sources/mimic_iv/`.

Source: Johnson et al., MIMIC-IV, PhysioNet; https://mimic.mit.edu/docs/iv/modules/hosp/.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import csv

from outcomes.errors import OutcomesError
from outcomes.home import private_files
from outcomes.intake.landing import is_site_id, site_is_known
from outcomes.intake.manifest import Manifest, write_manifest
from outcomes.intake.sources.crosswalk import Crosswalk
from outcomes.periods import is_month, last_day
from outcomes.settings import Settings
from outcomes.sql import files as sqlfiles
from outcomes.sql.engine import connect, materialize
from outcomes.sql.shipped import shipped

_KEY, _TEXT, _WHOLE, _DATE, _YEARS = "key", "text", "whole number", "date", "range of years"


_COLUMNS = {
    "patients": {
        "subject_id": _KEY,
        "gender": _TEXT,
        "anchor_age": _WHOLE,
        "anchor_year": _WHOLE,
        "anchor_year_group": _YEARS,
        "dod": _DATE,
    },
    "admissions": {
        "subject_id": _KEY,
        "hadm_id": _KEY,
        "admittime": _DATE,
        "dischtime": _DATE,
        "deathtime": _DATE,
        "admission_type": _TEXT,
    },
    "procedures_icd": {
        "subject_id": _KEY,
        "hadm_id": _KEY,
        "seq_num": _WHOLE,
        "chartdate": _DATE,
        "icd_code": _TEXT,
        "icd_version": _WHOLE,
    },
    "diagnoses_icd": {"subject_id": _KEY, "hadm_id": _KEY, "seq_num": _WHOLE, "icd_code": _TEXT, "icd_version": _WHOLE},
}
"""The columns that are read, with the meaning of their text."""

_MAY_BE_EMPTY = {"dod", "dischtime", "deathtime"}

_RELATIONS = {
    "patients": "mimic_patients",
    "admissions": "mimic_admissions",
    "procedures_icd": "mimic_procedures",
    "diagnoses_icd": "mimic_diagnoses",
}

_DATE_FORMATS = ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d", "%m/%d/%Y %H:%M", "%m/%d/%Y"]
"""As PhysioNet publishes them, and as a spreadsheet leaves them."""

_CONVERSIONS = {
    _KEY: "nullif(trim({column}), '')",
    _TEXT: "nullif(trim({column}), '')",
    _WHOLE: "try_cast(regexp_extract(trim({column}), '^[0-9]+$') as bigint)",
    _DATE: f"cast(try_strptime(trim({{column}}), {_DATE_FORMATS}) as date)",
    _YEARS: "nullif(regexp_extract(trim({column}), '^[0-9]{{4}} - [0-9]{{4}}$'), '')",
}

_BROKEN_REFERENCES = {
    "patients.subject_id is repeated": (
        "from (select subject_id from mimic_patients group by subject_id having count(*) > 1)"
    ),
    "admissions.hadm_id is repeated": (
        "from (select hadm_id from mimic_admissions group by hadm_id having count(*) > 1)"
    ),
    "admissions.subject_id is not in patients": (
        "from mimic_admissions where subject_id not in (select subject_id from mimic_patients)"
    ),
    **{
        f"{name}.hadm_id is not an admission of the subject": (
            f"from {_RELATIONS[name]} as coded anti join mimic_admissions as stay "
            "on coded.hadm_id = stay.hadm_id and coded.subject_id = stay.subject_id"
        )
        for name in ("procedures_icd", "diagnoses_icd")
    },
}

_DELIVERED = ("patients", "encounters", "procedures", "diagnoses")
"""The contract tables that MIMIC-IV can fill, one SQL file each."""


@dataclass(frozen=True)
class Import:
    """What an import wrote.

    Attributes:
        folder: the submission, in the landing folder.
        manifest: its manifest.
        crosswalk: the file of keys, which stays with the site.
        patients_left_out: patients of the source without an admission, so without a day 0.
    """

    folder: Path
    manifest: Manifest
    crosswalk: Path
    patients_left_out: int


@private_files()
def import_mimic_iv(settings: Settings, source: Path, site_id: str, period: str | None = None) -> Import:
    """Turn a folder of MIMIC-IV hospital tables into the submission `landing/<site_id>/<period>`.

    It is a `full` submission under `expert_determination` (dates shifted per patient), cut at the end of the period.

    Args:
        settings: paths and thresholds.
        source: the folder with the CSV files.
        site_id: the site that delivers.
        period: `YYYY-MM`; by default December of the last calendar year that the source names.

    Raises:
        OutcomesError: source_malformed, site_unknown, sites_malformed, period_malformed, or
            folder_not_empty when that site and period have landed already.
    """
    if not (is_site_id(site_id) and site_is_known(settings, site_id)):
        raise OutcomesError("site_unknown", "--site")
    if period is not None and not is_month(period):
        raise OutcomesError("period_malformed", "--period")
    with connect(settings) as con:
        _load(con, source)
        crosswalk = Crosswalk(settings.crosswalks / f"{site_id}.csv")
        _register_keys(con, crosswalk)
        _register_fusion_codes(con)
        materialize(con, sqlfiles.in_order(sqlfiles.load(shipped("sql", "sources", "mimic_iv"))))
        folder = settings.landing / site_id / (period or _last_period(con))
        if folder.exists():
            raise OutcomesError("folder_not_empty", f"{site_id}/{folder.name} in the landing folder")
        crosswalk.save()
        manifest = _deliver(con, folder, settings.scratch)
        left_out = _count(con, "from mimic_patients") - _count(con, "from patients")
    return Import(folder, manifest, crosswalk.path, left_out)


def _load(con: duckdb.DuckDBPyConnection, source: Path) -> None:
    """Make each source table a typed relation `mimic_…`.

    Raises:
        OutcomesError: source_malformed, with the file, the column and the number of rows.
    """
    for name, columns in _COLUMNS.items():
        con.register("delivered", _read(source, name))
        conversions = {column: _CONVERSIONS[kind].format(column=column) for column, kind in columns.items()}
        for column, conversion in conversions.items():
            filled = f"{column} is not null" if column in _MAY_BE_EMPTY else "true"
            unread = f"from delivered where {conversion} is null and {filled}"
            _refuse_any(con, unread, f"{name}.{column} is no {columns[column]}")
        converted = ", ".join(f"{conversion} as {column}" for column, conversion in conversions.items())
        con.execute(f"create table {_RELATIONS[name]} as select {converted} from delivered")
        con.unregister("delivered")
    for broken, rows in _BROKEN_REFERENCES.items():
        _refuse_any(con, rows, broken)


def _read(source: Path, name: str) -> pa.Table:
    """The named columns of one source file, as strings."""
    path = next((path for path in (source / f"{name}.csv", source / f"{name}.csv.gz") if path.is_file()), None)
    if path is None:
        raise OutcomesError("source_malformed", f"no {name}.csv or {name}.csv.gz in the folder")
    columns = list(_COLUMNS[name])
    try:
        with csv.open_csv(path) as reader:
            header = reader.schema.names
        for column in columns:
            if header.count(column) != 1:
                raise OutcomesError("source_malformed", f"{path.name}: {header.count(column)} columns {column}")
        return csv.read_csv(
            path,
            convert_options=csv.ConvertOptions(
                include_columns=columns,
                column_types=dict.fromkeys(columns, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except (pa.ArrowException, OSError, UnicodeDecodeError):
        raise OutcomesError("source_malformed", f"{path.name}: not CSV in UTF-8") from None


def _refuse_any(con: duckdb.DuckDBPyConnection, rows: str, what: str) -> None:
    if count := _count(con, rows):
        raise OutcomesError("source_malformed", f"{what}: {count} rows")


def _count(con: duckdb.DuckDBPyConnection, rows: str) -> int:
    return int(con.execute(f"select count(*) {rows}").fetchall()[0][0])


def _register_keys(con: duckdb.DuckDBPyConnection, crosswalk: Crosswalk) -> None:
    """Make the relations `patient_keys` and `encounter_keys`."""
    for kind, source_column, relation in (
        ("patient", "subject_id", "mimic_patients"),
        ("encounter", "hadm_id", "mimic_admissions"),
    ):
        source_keys = [key for (key,) in con.execute(f"select {source_column} from {relation}").fetchall()]
        con.register(f"{kind}_keys", crosswalk.table(kind, source_keys, (source_column, f"{kind}_id")))


def _register_fusion_codes(con: duckdb.DuckDBPyConnection) -> None:
    """Make the relation `cervical_fusion` from the code list."""
    con.execute(
        "create table cervical_fusion as "
        "select system, replace(code, '.', '') as code, cast(is_prefix as boolean) as is_prefix "
        "from read_csv(?, all_varchar = true)",
        [str(shipped("sql", "codelists", "cervical_fusion.csv"))],
    )


def _last_period(con: duckdb.DuckDBPyConnection) -> str:
    """December of the last calendar year that the source can speak of."""
    years = con.execute(
        "select greatest((select max(right(anchor_year_group, 4)) from mimic_patients), "
        "(select max(index_period) from patients))"
    ).fetchall()
    return f"{years[0][0]}-12"


def _deliver(con: duckdb.DuckDBPyConnection, folder: Path, workspace: Path) -> Manifest:
    """Write the submission beside the landing folder and move it there whole."""
    workspace.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace) as temporary:
        unfinished = Path(temporary) / folder.parent.name / folder.name
        unfinished.mkdir(parents=True)
        for name in (name for name in _DELIVERED if _count(con, f"from {name}")):
            csv.write_csv(con.sql(f"from {name}").to_arrow_table(), unfinished / f"{name}.csv")
        manifest = write_manifest(
            unfinished,
            site_id=folder.parent.name,
            period=folder.name,
            kind="full",
            deidentification_method="expert_determination",
            data_cut=last_day(folder.name),
        )
        folder.parent.mkdir(parents=True, exist_ok=True)
        unfinished.rename(folder)
    return manifest
