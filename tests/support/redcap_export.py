"""A site of a synthetic registry as a longitudinal REDCap project: one raw export of all forms, and its dictionary.

What is known of a person once stands in two events; surgeries, diagnoses, drugs, images and stays are repeating
instruments, visits a repeating event. Words are codes of choices, joints are boxes of a checkbox.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from outcomes.contract import TABLES, ColumnType
from outcomes.intake.rules import closed_lists
from outcomes.intake.sources.dated import dated_columns, dated_name
from tests.support.dated import dated, index_dates, numbers_of
from tests.support.synthetic import Row

JOINTS = ("C0-1", "C1-2", "C2-3", "C3-4", "C4-5", "C5-6", "C6-7", "C7-T1", "T1-2")
FORMS = {
    "patients": "demographics",
    "encounters": "hospital_stay",
    "procedures": "surgery",
    "diagnoses": "diagnosis",
    "follow_ups": "prom_survey",
    "imaging": "imaging_finding",
    "treatments": "medication",
}
STRANGER = {"first_name": "Zharko", "home_phone": "555-0142", "remarks": "called his sister"}
"""Cells that identify a person, in fields that are marked or of such a kind."""

_LEFT_OUT = ("patient_id", "deleted", "age_years", "index_period", "data_cut_date")
_HEADER = (
    *("Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label"),
    *("Choices, Calculations, OR Slider Labels", "Field Note", "Text Validation Type OR Show Slider Number"),
    *("Text Validation Min", "Text Validation Max", "Identifier?"),
)
_PLACE = ("redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")


@dataclass(frozen=True)
class Project:
    """A project's folder, and the record of each patient of the registry."""

    folder: Path
    records: dict[str, str]


def write_project(folder: Path, tables: dict[str, list[Row]], seed: int = 1) -> Project:
    """Write a site's rows as an export and a dictionary."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    records = numbers_of(rng, (row["patient_id"] for row in tables["patients"]))
    days = index_dates(rng, tables["patients"])
    rows = [
        row
        for table, each in tables.items()
        for number, delivered in enumerate(each)
        for row in _rows(table, dated(table, delivered, days[delivered["patient_id"]]), records, number)
    ]
    fields = [["record_id", "demographics", "", "text", "Record ID", "", "", "", "", "", ""], *_strangers()]
    fields += [_field(table, name) for table in tables for name in _names(table)]
    dictionary = [_HEADER, *fields]
    (folder / "dictionary.csv").write_text(_csv(dictionary), encoding="utf-8")
    headers = list(dict.fromkeys(name for row in rows for name in ("record_id", *_PLACE, *row)))
    cells = [headers, *([_cell(row.get(name)) for name in headers] for row in rows)]
    (folder / "export.csv").write_text(_csv(cells), encoding="utf-8")
    return Project(folder, records)


def _rows(table: str, row: Row, records: dict[str, str], number: int) -> list[Row]:
    """The rows of the export that a row of a table becomes."""
    cells = {_variable(table, name): _coded(table, name, row[name]) for name in _names(table) if name != "levels"}
    if table == "procedures":
        joints = (row["levels"] or "").split(";")
        cells |= {f"pro_levels___{place}": int(joint in joints) for place, joint in enumerate(JOINTS)}
    record = {"record_id": records[row["patient_id"]]}
    if table == "patients":
        late = {name: cells.pop(name) for name in ("pat_death_date", "pat_last_contact_date")}
        first = record | {"redcap_event_name": "enrolment_arm_1"} | STRANGER | cells
        return [first, record | {"redcap_event_name": "study_end_arm_1"} | late]
    if table == "follow_ups":
        return [record | {"redcap_event_name": "visit_arm_1", "redcap_repeat_instance": number} | cells]
    repeated = {"redcap_repeat_instrument": FORMS[table], "redcap_repeat_instance": number}
    return [record | {"redcap_event_name": "enrolment_arm_1"} | repeated | cells]


def _names(table: str) -> list[str]:
    own_key = TABLES[table].key if table != "encounters" else ""
    names = [dated_name(column) for column in TABLES[table].columns]
    return [name for name in names if name not in (*_LEFT_OUT, own_key)] + ["birth_date"] * (table == "patients")


def _variable(table: str, name: str) -> str:
    """Variables are unique in a project, labels are not."""
    return f"{table[:3]}_{name}"


def _words(table: str, name: str) -> list[str]:
    return list(dict.fromkeys(closed_lists(table).get(name, {}).values())) if name != "code_system" else []


def _kind(table: str, name: str) -> ColumnType | None:
    return next((column.type for column in TABLES[table].columns if dated_name(column) == name), None)


def _coded(table: str, name: str, value: Any) -> Any:
    """The code of a choice, or the value."""
    words = _words(table, name)
    if value is None:
        return None
    return words.index(value) + 1 if words else int(value) if _kind(table, name) is ColumnType.BOOLEAN else value


def _field(table: str, name: str) -> list[str]:
    """A field's line in the dictionary; the date of birth is marked as an identifier."""
    words, is_date = _words(table, name), dated_columns(TABLES[table])[name] == "date"
    kind, choices = "text", ""
    if name == "levels":
        kind, choices = "checkbox", " | ".join(f"{place}, {joint}" for place, joint in enumerate(JOINTS))
    elif words:
        kind, choices = "radio", " | ".join(f"{place}, {word}" for place, word in enumerate(words, 1))
    elif _kind(table, name) is ColumnType.BOOLEAN:
        kind = "yesno"
    validation = "date_mdy" if is_date else ""
    label = name.replace("_", " ")
    mark = "y" if name == "birth_date" else ""
    return [_variable(table, name), FORMS[table], "", kind, label, choices, "", validation, "", "", mark]


def _strangers() -> list[list[str]]:
    return [
        ["first_name", "demographics", "", "text", "First name", "", "", "", "", "", "y"],
        ["home_phone", "demographics", "", "text", "Phone", "", "", "phone", "", "", ""],
        ["remarks", "demographics", "", "notes", "Remarks", "", "", "", "", "", ""],
    ]


def _csv(rows: Iterable[Iterable[Any]]) -> str:
    lines = io.StringIO(newline="")
    csv.writer(lines).writerows(rows)
    return lines.getvalue()


def _cell(value: Any) -> Any:
    return "" if value is None else value
