"""MIMIC-IV, hospital tables → a dated extract.

Read are patients, admissions, procedures_icd and diagnoses_icd (`.csv` or `.csv.gz`), and of them the columns named
here; other columns are never loaded. What each contract column means for MIMIC-IV stands in the SQL files of
`sql/sources/mimic_iv/`.

Source: Johnson et al., MIMIC-IV, PhysioNet; https://mimic.mit.edu/docs/iv/modules/hosp/.
"""

from functools import partial
from pathlib import Path

import duckdb

from outcomes.errors import OutcomesError
from outcomes.intake.sources.dated import Source
from outcomes.intake.sources.engine import Import, count, import_extract
from outcomes.intake.sources.files import Opened, open_file
from outcomes.settings import Settings
from outcomes.sql import files as sqlfiles
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


def mimic_iv_source(folder: Path) -> Source:
    """MIMIC-IV, under `expert_determination`: its dates are shifted per patient."""
    return Source(
        "expert_determination",
        partial(_load, folder),
        sqlfiles.load(shipped("sql", "sources", "mimic_iv")),
        is_shifted=True,
        last_period=_last_period,
    )


def import_mimic_iv(settings: Settings, source: Path, site_id: str, period: str | None = None) -> Import:
    """Turn a folder of MIMIC-IV hospital tables into the submission `landing/<site_id>/<period>`.

    Args:
        settings: paths and thresholds.
        source: the folder with the CSV files.
        site_id: the site that delivers.
        period: `YYYY-MM`; by default December of the last calendar year that the source names.

    Raises:
        OutcomesError: as `import_extract`.
    """
    return import_extract(settings, mimic_iv_source(source), site_id, period)


def _load(source: Path, con: duckdb.DuckDBPyConnection, scratch: Path) -> None:
    """Make each source table a typed relation `mimic_…`.

    Raises:
        OutcomesError: source_malformed, with the file, the column and the number of rows.
    """
    for name, columns in _COLUMNS.items():
        file = _open(con, source, name, scratch)
        read = {column: _column(file, column) for column in columns}
        conversions = {column: _CONVERSIONS[kind].format(column=read[column]) for column, kind in columns.items()}
        for column, conversion in conversions.items():
            filled = f"{read[column]} is not null" if column in _MAY_BE_EMPTY else "true"
            unread = f"from {file.relation} where {conversion} is null and {filled}"
            _refuse_any(con, unread, f"{name}.{column} is no {columns[column]}")
        converted = ", ".join(f"{conversion} as {column}" for column, conversion in conversions.items())
        con.execute(f"create table {_RELATIONS[name]} as select {converted} from {file.relation}")
    for broken, rows in _BROKEN_REFERENCES.items():
        _refuse_any(con, rows, broken)


def _open(con: duckdb.DuckDBPyConnection, source: Path, name: str, scratch: Path) -> Opened:
    path = next((path for path in (source / f"{name}.csv", source / f"{name}.csv.gz") if path.is_file()), None)
    if path is None:
        raise OutcomesError("source_malformed", f"no {name}.csv or {name}.csv.gz in the folder")
    return open_file(con, path, f"delivered_{name}", scratch)


def _column(file: Opened, name: str) -> str:
    column = file.column(name)
    if column is None:
        raise OutcomesError("source_malformed", f"{file.name}: 0 columns {name}")
    return column


def _refuse_any(con: duckdb.DuckDBPyConnection, rows: str, what: str) -> None:
    if rows_broken := count(con, rows):
        raise OutcomesError("source_malformed", f"{what}: {rows_broken} rows")


def _last_period(con: duckdb.DuckDBPyConnection) -> str:
    """December of the last calendar year that the source can speak of."""
    years = con.execute(
        "select greatest((select max(right(anchor_year_group, 4)) from mimic_patients), "
        "(select max(index_period) from dated_patients))"
    ).fetchall()
    return f"{years[0][0]}-12"
