"""The events of an episode: one row per record, what it belongs to, and the labels that rest on it."""

from typing import Any

import duckdb
import pytest

from outcomes.sql.engine import materialize
from outcomes.sql.files import SqlFile
from outcomes.sql.shipped import shipped
from tests.support.situations import complete, label

RECORDS: dict[str, list[dict[str, Any]]] = {
    "procedures": [
        {"procedure_id": "removal", "day": 300, "code_system": "CPT", "code": "22855", "levels": "C5-6"},
        {"procedure_id": "needle", "day": 250, "code_system": "CPT", "code": "64479"},
        {"procedure_id": "unlisted", "day": 260, "code_system": "CPT", "code": "99999"},
    ],
    "diagnoses": [
        {"diagnosis_id": "disc", "day": 200, "code_system": "ICD10CM", "code": "M50122"},
        {"diagnosis_id": "none", "day": 200, "code_system": "ICD10CM", "code": "I10"},
    ],
    "encounters": [{"encounter_id": "stay", "start_day": 0, "end_day": 2, "type": "inpatient"}],
    "follow_ups": [
        {"follow_up_id": "numb", "day": 100, "numbness": True, "neck_pain_nrs": 6.0},
        {"follow_up_id": "well", "day": -9, "neck_pain_nrs": 1.0},
    ],
    "imaging": [
        {"imaging_id": "mri", "day": 210, "modality": "mri", "level": "C6-7", "finding": "degeneration"},
        {"imaging_id": "undated", "modality": "ct", "finding": "normal"},
    ],
    "treatments": [
        {"treatment_id": "drug", "start_day": 20, "end_day": 30, "code_system": "ATC", "code": "M01AE01"},
        {"treatment_id": "tens", "start_day": 40, "treatment_class": "tens"},
    ],
}


@pytest.fixture(scope="module")
def con() -> duckdb.DuckDBPyConnection:
    """One patient with something of everything, and at another site one without an index fusion."""
    elsewhere: dict[str, list[dict[str, Any]]] = {
        "patients": [{"patient_id": "q"}],
        "imaging": [{"imaging_id": "i", "patient_id": "q", "day": 5, "finding": "normal"}],
    }
    made = label({"north": complete(RECORDS), "south": elsewhere})
    names = ("described_records", "events")
    materialize(made, (SqlFile(shipped("sql", "relations", "measures", f"{name}.sql")) for name in names))
    return made


def _rows(con: duckdb.DuckDBPyConnection, columns: str) -> dict[str, Any]:
    rows = con.execute(f"select record_id, {columns} from events").fetchall()
    assert len({record for record, *_ in rows}) == len(rows)
    return {record: rest[0] if len(rest) == 1 else tuple(rest) for record, *rest in rows}


def test_each_record_of_an_episode_is_one_row(con: duckdb.DuckDBPyConnection) -> None:
    assert _rows(con, "kind, day") == {
        "procedures-1": ("procedure", 0),
        "removal": ("procedure", 300),
        "needle": ("procedure", 250),
        "unlisted": ("procedure", 260),
        "disc": ("diagnosis", 200),
        "none": ("diagnosis", 200),
        "stay": ("encounter", 0),
        "numb": ("visit", 100),
        "well": ("visit", -9),
        "mri": ("image", 210),
        "undated": ("image", None),
        "drug": ("treatment", 20),
        "tens": ("treatment", 40),
    }


def test_what_a_record_belongs_to(con: duckdb.DuckDBPyConnection) -> None:
    groups = _rows(con, "code_group")
    # Several lists may know a code.
    assert {"adjacent_segment", "red_flag_radiating_pain"} <= set(groups.pop("disc").split(";"))
    assert "hardware_removal" in groups.pop("removal").split(";")
    assert groups == {
        "procedures-1": "cervical_fusion",
        "needle": "injection",
        "unlisted": None,
        "none": None,
        "stay": "inpatient",
        "numb": "red_flag_numbness",
        "well": None,
        "mri": "degeneration",
        "undated": "normal",
        "drug": "nsaid",
        "tens": "tens",
    }


def test_joints_are_those_recorded_or_named_by_the_code(con: duckdb.DuckDBPyConnection) -> None:
    joints = {record: joint for record, joint in _rows(con, "joint").items() if joint is not None}
    assert joints == {"procedures-1": "C5-6", "removal": "C5-6", "disc": "C5-6", "mri": "C6-7"}


def test_the_labels_of_a_record_are_those_that_rest_on_it(con: duckdb.DuckDBPyConnection) -> None:
    evidence: dict[str, list[str]] = {}
    for record, name in con.execute(
        "select record_id, label from label_evidence where source_table <> 'patients' order by label"
    ).fetchall():
        evidence.setdefault(record, []).append(name)
    found = _rows(con, "is_counted, labels")
    assert {"pain_past_3_months", "red_flag_numbness"} <= set(found["numb"][1].split(";"))
    assert found == {
        record: (record in evidence, ";".join(evidence[record]) if record in evidence else None) for record in found
    }
    assert evidence.keys() <= found.keys()
