"""Planted faults in rows: extra rows that break one rule each, so that no true row is lost to quarantine.

A row that loses only a cell enters the lake. It is given to a stranger, a patient without a fusion, so that nobody's
answers change.
"""

import math
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.arrays import Ints
from outcomes.contract import TABLES
from outcomes.intake.rules import rules
from outcomes.synthetic.draws import Rng, keys
from outcomes.synthetic.extracts import History

Cells = dict[str, str | None]

_SHARE = 0.012
"""Planted rows per true row."""

_SHARE_OF_TABLE = 0.03
"""Planted rows of a table that go to quarantine, per true row: below the share at which a submission is refused."""

_FLAGGED = 0.002
"""Share of the diagnoses without encounter that get one which is never sent."""


@dataclass(frozen=True)
class RowFault:
    """One kind of fault: the rule that must catch it, and the cells that break a sound row."""

    source_table: str
    kind: str
    rule: str
    cells: Cells = field(default_factory=dict)


@dataclass(frozen=True)
class PlantedFault:
    """One planted row, as the answer key tells it. `outcome` is quarantined, pending, blanked or flagged."""

    site_id: str
    period: str
    source_table: str
    record_id: str
    kind: str
    rule: str
    outcome: str


_ITEMS = tuple(f"ndi_item_{i}" for i in range(1, 11))
_TOTAL_WITHOUT_UNIT: Cells = {"ndi_total": "20", "ndi_unit": None, **dict.fromkeys(_ITEMS)}
_TOTAL_NOT_ITEMS: Cells = {"ndi_total": "43", "ndi_unit": "points", **dict.fromkeys(_ITEMS, "2")}
_FAR_AWAY = "20000"
_BEFORE = "-40"

ROW_FAULTS = (
    RowFault("patients", "type", "patients.type", {"bmi": "heavy"}),
    RowFault("patients", "range", "PAT-009", {"bmi": "400"}),
    RowFault("patients", "range", "PAT-011", {"asa_class": "9"}),
    RowFault("patients", "closed_list", "PAT-004", {"sex": "X"}),
    RowFault("patients", "duplicate_key", "PAT-002"),
    RowFault("encounters", "type", "ENC-004", {"start_day": "first week"}),
    RowFault("encounters", "closed_list", "ENC-012", {"type": "walk-in"}),
    RowFault("encounters", "end_before_start", "ENC-007", {"start_day": "0", "end_day": "-4"}),
    RowFault("encounters", "orphan", "ENC-003"),
    RowFault("encounters", "after_death", "ENC-008"),
    RowFault("encounters", "beyond_thirty_years", "ENC-005", {"start_day": _FAR_AWAY, "end_day": None}),
    RowFault("procedures", "type", "PRO-005", {"day": "two"}),
    RowFault("procedures", "closed_list", "PRO-015", {"approach": "lateral", "day": _BEFORE}),
    RowFault("procedures", "malformed_code", "PRO-012", {"code": "2255", "day": _BEFORE}),
    RowFault("procedures", "malformed_level", "PRO-014", {"levels": "C5/6", "day": _BEFORE}),
    RowFault("procedures", "orphan", "PRO-003"),
    RowFault("procedures", "duplicate_key", "PRO-002"),
    RowFault("procedures", "after_death", "PRO-007"),
    RowFault("procedures", "beyond_thirty_years", "PRO-006", {"day": f"-{_FAR_AWAY}"}),
    RowFault("diagnoses", "type", "diagnoses.type", {"position": "main"}),
    RowFault("diagnoses", "closed_list", "DIA-010", {"code_system": "ICD11"}),
    RowFault("diagnoses", "malformed_code", "DIA-012", {"code": "5012M"}),
    RowFault("diagnoses", "orphan", "DIA-003"),
    RowFault("diagnoses", "duplicate_key", "DIA-002"),
    RowFault("diagnoses", "after_death", "DIA-007"),
    RowFault("follow_ups", "type", "follow_ups.type", {"neck_pain_nrs": "severe"}),
    RowFault("follow_ups", "range", "FUP-008", {"neck_pain_nrs": "14"}),
    RowFault("follow_ups", "range", "FUP-020", {"ndi_item_7": "8"}),
    RowFault("follow_ups", "range", "FUP-036", {"eq_vas": "140"}),
    RowFault("follow_ups", "range", "FUP-039", {"satisfaction": "5"}),
    RowFault("follow_ups", "unit_missing", "FUP-011", _TOTAL_WITHOUT_UNIT),
    RowFault("follow_ups", "total_not_items", "FUP-024", _TOTAL_NOT_ITEMS),
    RowFault("follow_ups", "orphan", "FUP-003"),
    RowFault("follow_ups", "duplicate_key", "FUP-002"),
    RowFault("follow_ups", "after_death", "FUP-006"),
    RowFault("follow_ups", "beyond_thirty_years", "FUP-005", {"day": _FAR_AWAY}),
    RowFault("imaging", "type", "imaging.type", {"value": "large"}),
    RowFault("imaging", "closed_list", "IMG-012", {"finding": "shadow"}),
    RowFault("imaging", "malformed_level", "IMG-010", {"level": "C9-10"}),
    RowFault("imaging", "orphan", "IMG-003"),
    RowFault("treatments", "closed_list", "TRE-013", {"treatment_class": "massage"}),
    RowFault("treatments", "end_before_start", "TRE-007", {"start_day": "0", "end_day": "-4"}),
    RowFault("treatments", "orphan", "TRE-003"),
)


_OUTCOMES = {rule.code: "blanked" for table in TABLES for rule in rules(table) if rule.blanks} | {
    rule.code: "pending" for table in TABLES for rule in rules(table) if rule.severity == "waiting"
}
"""Rules that cost a cell, and rules whose rows wait; the others cost the row."""


@dataclass(frozen=True)
class Submission:
    """One submission on its way to disk: tables of strings, and the days of death known by then."""

    site_id: str
    number: int
    period: str
    tables: dict[str, pa.Table]
    deaths: dict[str, int]

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(table.num_rows for table in self.tables.values())


def plant_rows(rng: Rng, submission: Submission, *, typed: bool) -> tuple[dict[str, pa.Table], list[PlantedFault]]:
    """Add faulty rows to the tables, the kinds in turn.

    Args:
        rng: the stream for keys and for the rows that are copied.
        submission: the sound submission.
        typed: the file format carries types, so that no cell can have the wrong one.

    Returns:
        The tables with the faulty rows at random places, and what was planted.
    """
    possible = [fault for fault in ROW_FAULTS if _is_possible(fault, submission, typed)]
    stranger = _stranger(rng, submission)
    extra: dict[str, list[Cells]] = {name: [] for name in submission.tables} | {"patients": [stranger]}
    planted: list[PlantedFault] = []
    for turn in range(round(_SHARE * submission.rows)):
        fault = possible[(11 * submission.number + turn) % len(possible)]
        rows = _faulty_rows(rng, fault, submission, stranger)
        if not _has_room(fault, rows, submission, planted):
            continue
        extra[fault.source_table] += rows
        place = (submission.site_id, submission.period, fault.source_table)
        key = TABLES[fault.source_table].key
        outcome = _OUTCOMES.get(fault.rule, "quarantined")
        planted += [PlantedFault(*place, str(row[key]), fault.kind, fault.rule, outcome) for row in rows]
    return {name: _mixed(rng, table, extra[name]) for name, table in submission.tables.items()}, planted


def _has_room(fault: RowFault, rows: list[Cells], submission: Submission, planted: list[PlantedFault]) -> bool:
    """Whether a table may hold these rows too: few stay out of the lake, and no second patient of the same fault."""
    if _OUTCOMES.get(fault.rule) == "blanked":
        return fault.source_table != "patients" or all(one.rule != fault.rule for one in planted)
    before = sum(one.source_table == fault.source_table and one.outcome != "blanked" for one in planted)
    return before + len(rows) <= int(_SHARE_OF_TABLE * submission.tables[fault.source_table].num_rows)


def _stranger(rng: Rng, submission: Submission) -> Cells:
    """A patient without any sound record, whose index period is early enough for a record of anybody."""
    patients = submission.tables["patients"]
    row: Cells = patients.slice(int(rng.choice(_sound_rows(patients))), 1).to_pylist()[0]
    row |= {"patient_id": _key(rng), "index_period": pc.min(patients["index_period"]).as_py()}
    return row | {"data_cut_day": None, "last_contact_day": None, "death_day": None}


def plant_flags(
    rng: Rng, site_id: str, periods: list[str], history: History
) -> tuple[pd.DataFrame, list[PlantedFault]]:
    """Let some diagnoses name an encounter that is never sent: a warning, the row stays.

    Returns:
        The history of the diagnoses, and what was planted.
    """
    diagnoses = history["diagnoses"].reset_index(drop=True)
    without = np.flatnonzero(diagnoses["encounter_id"].isna())
    chosen = rng.choice(without, size=math.ceil(_FLAGGED * len(without)), replace=False)
    diagnoses.loc[chosen, "encounter_id"] = keys(rng, len(chosen))
    marked = diagnoses.loc[chosen]
    return diagnoses, [
        PlantedFault(site_id, periods[period], "diagnoses", key, "encounter_unknown", "DIA-004", "flagged")
        for key, period in zip(marked["diagnosis_id"], marked["period"], strict=True)
    ]


def _is_possible(fault: RowFault, submission: Submission, typed: bool) -> bool:
    table = submission.tables.get(fault.source_table)
    if table is None or _sound_rows(table).size == 0 or (typed and fault.kind == "type"):
        return False
    return fault.kind != "after_death" or bool(submission.deaths)


def _sound_rows(table: pa.Table) -> Ints:
    """The places of the rows that are not tombstones."""
    return np.flatnonzero(table["deleted"].to_numpy(zero_copy_only=False) != "true")


def _faulty_rows(rng: Rng, fault: RowFault, submission: Submission, stranger: Cells) -> list[Cells]:
    table = submission.tables[fault.source_table]
    place = int(rng.choice(_sound_rows(table)))
    row = table.slice(place, 1).to_pylist()[0] | {TABLES[fault.source_table].key: _key(rng)} | fault.cells
    if _OUTCOMES.get(fault.rule) == "blanked" and fault.source_table != "patients":
        row["patient_id"] = stranger["patient_id"]
        if "encounter_id" in row and fault.source_table != "encounters":
            row["encounter_id"] = None
    if fault.kind == "orphan":
        row["patient_id"] = _key(rng)
    if fault.kind == "after_death":
        row |= _after_death(rng, submission.deaths, row)
    return [row, row] if fault.kind == "duplicate_key" else [row]


def _after_death(rng: Rng, deaths: dict[str, int], row: Cells) -> Cells:
    patient = sorted(deaths)[int(rng.integers(len(deaths)))]
    day = str(deaths[patient] + 9)
    return {"patient_id": patient, **{name: day for name in ("day", "start_day", "end_day") if name in row}}


def _key(rng: Rng) -> str:
    return str(keys(rng, 1)[0])


def _mixed(rng: Rng, table: pa.Table, extra: list[Cells]) -> pa.Table:
    both = pa.concat_tables([table, pa.Table.from_pylist(extra, schema=table.schema)])
    return both.take(rng.permutation(both.num_rows)) if extra else table
