"""The sites of a synthetic registry as a hospital would dump them: record numbers and dates, a file per system.

Nothing of it is de-identified, each file is written otherwise, and codes and scales are the hospital's own. `MAPPING`
says what is what.
"""

import csv
import datetime
import gzip
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from outcomes.contract import TABLES, Table
from outcomes.intake.sources.dated import dated_name
from tests.support.synthetic import Row

_SEX = {"female": "W", "male": "M", "other": "D", "unknown": "U"}
_MISSING = "999"
_ITEMS = [f"ndi_item_{number}" for number in range(1, 11)]

_HEADERS = {
    "patients": {"patient_id": "MRN", "birth_date": "Geburtsdatum", "sex": "Geschlecht", "death_date": "Tod am"},
    "procedures": {"procedure_id": "Eingriff", "patient_id": "mrn", "date": "Beginn", "code": "Kode"},
    "follow_ups": {"patient_id": "Record ID", "date": "visit_dt", "neck_pain_nrs": "comfort_neck"},
}
"""Headers that are not the contract's own names."""

_SPECIAL = {
    "patients": {
        "birth_date": '{ from = "Geburtsdatum", date_format = "%d.%m.%Y" }',
        "last_contact_date": '{ from = "last_contact_date", date_format = "%d.%m.%Y" }',
        "death_date": '{ from = "Tod am", date_format = "%d.%m.%Y" }',
        "sex": '{ from = "geschlecht", values = { W = "female", M = "male", D = "other", U = "unknown" } }',
    },
    "follow_ups": {
        "neck_pain_nrs": '{ from = "comfort_neck", reverse = 10, missing = 999 }',
        **{name: f'{{ from = "{name}", offset = -1, missing = 999 }}' for name in _ITEMS},
    },
}
_FILES = {
    "patients": "stammdaten.csv",
    "encounters": "stays.tsv",
    "procedures": "surgery_*.csv",
    "diagnoses": "diagnoses.csv",
    "follow_ups": "proms.csv.gz",
    "imaging": "imaging.parquet",
    "treatments": "treatments.csv",
}


@dataclass(frozen=True)
class Dump:
    """A dump: its folder, the mapping of it, and the record number of each patient of the registry."""

    folder: Path
    mapping: Path
    record_numbers: dict[str, str]


def write_dump(folder: Path, tables: dict[str, list[Row]], method: str, seed: int = 1) -> Dump:
    """Write a site's rows with dates and record numbers, and the mapping beside the folder."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    numbers = rng.permutation(900_000) + 100_000
    record_numbers = {row["patient_id"]: str(number) for row, number in zip(tables["patients"], numbers, strict=False)}
    index_dates = {row["patient_id"]: _index_date(rng, row["index_period"]) for row in tables["patients"]}
    for name, rows in tables.items():
        dated = [_identified(rng, TABLES[name], row, index_dates, record_numbers) for row in rows]
        _WRITERS[name](folder, name, dated)
    mapping = folder.with_suffix(".toml")
    mapping.write_text("\n\n".join([f'method = "{method}"', *(_block(name) for name in tables)]) + "\n")
    return Dump(folder, mapping, record_numbers)


def _index_date(rng: np.random.Generator, period: str) -> datetime.date:
    year, month = (
        int(part) for part in (period if len(period) > 4 else f"{period}-{rng.integers(1, 13):02d}").split("-")
    )
    return datetime.date(year, month, int(rng.integers(1, 29)))


def _identified(
    rng: np.random.Generator,
    table: Table,
    row: Row,
    index_dates: dict[str, datetime.date],
    record_numbers: dict[str, str],
) -> Row:
    """A row with dates in the place of days, a record number, a date of birth."""
    index_date = index_dates[row["patient_id"]]
    dated: Row = {}
    for column in table.columns:
        value = row[column.name]
        if column.is_day:
            value = None if value is None else index_date + datetime.timedelta(days=int(value))
        dated[dated_name(column)] = value
    dated["patient_id"] = record_numbers[row["patient_id"]]
    if table.name == "patients":
        days = int(row["age_years"] * 365.25 + 1 + rng.integers(0, 360))
        dated["birth_date"] = index_date - datetime.timedelta(days=days)
        dated["sex"] = _SEX[row["sex"]]
    if table.name == "follow_ups":
        if row["neck_pain_nrs"] is not None:
            dated["neck_pain_nrs"] = 10 - row["neck_pain_nrs"]
        dated |= {name: _MISSING if row[name] is None else row[name] + 1 for name in _ITEMS}
    return dated


def _names(name: str) -> list[str]:
    """The columns of a table that a dump has."""
    unknown = {"deleted", "age_years", "index_period", "data_cut_date", "diagnosis_id"}
    names = [dated_name(column) for column in TABLES[name].columns]
    return [one for one in names if one not in unknown] + ["birth_date"] * (name == "patients")


def _block(name: str) -> str:
    headers, special = _HEADERS.get(name, {}), _SPECIAL.get(name, {})
    lines = [f"{one} = {special.get(one, repr(headers.get(one, one)))}" for one in _names(name)]
    return "\n".join([f"[[{name}]]", f'file = "{_FILES[name]}"', f"[{name}.columns]", *lines])


def _text(name: str, rows: Iterable[Row], separator: str, *, is_german: bool = False) -> str:
    headers = _HEADERS.get(name, {})
    lines = io.StringIO(newline="")
    writer = csv.writer(lines, delimiter=separator)
    writer.writerow([f" {headers.get(column, column)} " for column in _names(name)])
    writer.writerows([_cell(row[column], is_german=is_german) for column in _names(name)] for row in rows)
    return lines.getvalue()


def _cell(value: Any, *, is_german: bool) -> Any:
    if isinstance(value, datetime.date):
        return value.strftime("%d.%m.%Y" if is_german else "%Y-%m-%d 07:30:00")
    return str(value).replace(".", ",") if isinstance(value, float) and is_german else value


def _write_patients(folder: Path, name: str, rows: list[Row]) -> None:
    """As Excel writes them in Germany: a line that names the separator, decimal commas, dates by day; one twice."""
    text = _text(name, [*rows, rows[0]], ";", is_german=True)
    (folder / _FILES[name]).write_bytes(f"sep=;\r\n{text}".encode("cp1252"))


def _write_procedures(folder: Path, name: str, rows: list[Row]) -> None:
    """Two files of one layout."""
    half = len(rows) // 2
    for year, part in ((2024, rows[:half]), (2025, rows[half:])):
        text = _text(name, part, ",")
        (folder / _FILES[name].replace("*", str(year))).write_text(text, encoding="utf-8-sig", newline="")


def _write_packed(folder: Path, name: str, rows: list[Row]) -> None:
    (folder / _FILES[name]).write_bytes(gzip.compress(_text(name, rows, ",").encode()))


def _write_parquet(folder: Path, name: str, rows: list[Row]) -> None:
    columns = {column: [row[column] for row in rows] for column in _names(name)}
    parquet.write_table(pa.table(columns), folder / _FILES[name])


def _write_utf16(folder: Path, name: str, rows: list[Row]) -> None:
    (folder / _FILES[name]).write_text(_text(name, rows, "\t"), encoding="utf-16", newline="")


def _write_plain(folder: Path, name: str, rows: list[Row]) -> None:
    (folder / _FILES[name]).write_text(_text(name, rows, "|"), encoding="utf-8", newline="")


_WRITERS: dict[str, Callable[[Path, str, list[Row]], None]] = {
    "patients": _write_patients,
    "encounters": _write_utf16,
    "procedures": _write_procedures,
    "diagnoses": _write_plain,
    "follow_ups": _write_packed,
    "imaging": _write_parquet,
    "treatments": _write_plain,
}
