"""The rules: each one bites on a row made to break it, spares the sound rows, and names no value."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.intake import validation
from outcomes.intake.validation import Judgement, rules, validate
from outcomes.lake import Lake
from outcomes.settings import Settings
from tests.support.submissions import Row, diagnosis, follow_up, fusion, image, patient

NDI_ITEMS: Row = {f"ndi_item_{i}": 2 for i in range(1, 11)}
MJOA: Row = {"mjoa_upper_motor": 4, "mjoa_lower_motor": 6, "mjoa_sensory": 3, "mjoa_sphincter": 2}


def encounter(patient_id: str = "p000001", **cells: object) -> Row:
    return {"encounter_id": "e1", "patient_id": patient_id, "start_day": 0, "end_day": 3, "type": "inpatient"} | cells


def treatment(patient_id: str = "p000001", **cells: object) -> Row:
    row = {"treatment_id": "t1", "patient_id": patient_id, "start_day": 10, "end_day": 20}
    return row | {"code_system": "ATC", "code": "M01AE01"} | cells


ROWS = {
    "patients": patient,
    "encounters": encounter,
    "procedures": fusion,
    "diagnoses": diagnosis,
    "follow_ups": follow_up,
    "imaging": image,
    "treatments": treatment,
}

SOUND: dict[str, list[Row]] = {
    "patients": [
        patient(),
        patient("p-dead", death_day=400, last_contact_day=400),
        patient("p-old", age_years=90, index_period="2023", bmi=None, smoking=None, sex="unknown"),
    ],
    "encounters": [encounter(), encounter(encounter_id="e2", end_day=0), encounter(encounter_id="e3", end_day=None)],
    "procedures": [
        fusion(encounter_id="e1", units=1),
        fusion(
            procedure_id="2", code="0RG10A0", code_system="ICD10PCS", levels="C3-4;C4-5;C7-T1", modifier="78", units=99
        ),
        fusion("p-dead", procedure_id="3", day=400, code="G0283", code_system="HCPCS", levels=None),
    ],
    "diagnoses": [
        diagnosis(code="M50.121"),
        diagnosis(diagnosis_id="2", code="T84.84XA", position=None),
        diagnosis(diagnosis_id="3", code="721.0", code_system="ICD9CM", day=-10957),
    ],
    "follow_ups": [
        follow_up(neck_pain_nrs=10, arm_pain_nrs=0, ndi_total=20, ndi_unit="points", **NDI_ITEMS),
        follow_up(day=1, ndi_total=40, ndi_unit="percent", **NDI_ITEMS),
        follow_up(day=2, ndi_total=50, ndi_unit="points", mjoa_total=15, **MJOA),
        follow_up(day=3, ndi_total=16, ndi_unit="points", **(NDI_ITEMS | {"ndi_item_4": None, "ndi_item_9": None})),
        follow_up(day=4, ndi_total=20, ndi_unit="points", **(NDI_ITEMS | {"ndi_item_4": None, "ndi_item_9": None})),
        follow_up(day=5, ndi_total=40, ndi_unit="percent", **(NDI_ITEMS | {"ndi_item_4": None})),
        follow_up(day=6, ndi_total=1, ndi_unit="points", **(NDI_ITEMS | dict.fromkeys(list(NDI_ITEMS)[:3]))),
        follow_up(day=7, ndi_total=100, ndi_unit="percent", mjoa_total=15, **(MJOA | {"mjoa_sensory": None})),
        follow_up(day=8, encounter_id="e1", eq5d_version="3L", eq5d_1=3),
        follow_up("p-dead", day=400),
    ],
    "imaging": [image(), image(day=1, finding="stenosis", level="C7-T1", value=4, unit="grade")],
    "treatments": [
        treatment(),
        treatment(treatment_id="t2", code=None, code_system=None, treatment_class="opioid", route="transdermal"),
    ],
}

FAR = 10958
CODED: dict[str, Row] = {"009": {"code_system": None}, "010": {"code_system": "LOINC"}, "011": {"code": None}}
BREAKING: dict[str, Row] = {
    "patients.type": {"asa_class": "2.5"},
    "PAT-001": {"patient_id": None},
    "PAT-003": {"sex": None},
    "PAT-004": {"sex": "F"},
    "PAT-005": {"age_years": None},
    "PAT-006": {"age_years": -1},
    "PAT-007": {"index_period": None},
    "PAT-008": {"index_period": "2023-13"},
    "PAT-009": {"bmi": 2},
    "PAT-010": {"smoking": "often"},
    "PAT-011": {"asa_class": 7},
    "PAT-012": {"indication": "pain"},
    "PAT-013": {"data_cut_day": None},
    "PAT-014": {"data_cut_day": FAR},
    "PAT-015": {"last_contact_day": -FAR},
    "PAT-016": {"death_day": -1, "last_contact_day": None},
    "PAT-017": {"death_day": 100, "last_contact_day": 101},
    "PAT-018": {"data_cut_day": 734},
    "PAT-019": {"data_cut_day": 734, "death_day": 735},
    "encounters.type": {"end_day": "soon"},
    "ENC-001": {"encounter_id": None},
    "ENC-003": {"patient_id": "p-unknown"},
    "ENC-004": {"start_day": None},
    "ENC-005": {"start_day": -FAR},
    "ENC-006": {"end_day": FAR},
    "ENC-007": {"end_day": -1},
    "ENC-008": {"patient_id": "p-dead", "start_day": 401, "end_day": 402},
    "ENC-009": {"start_day": 761, "end_day": None},
    "ENC-010": {"patient_id": "p-dead", "start_day": 400, "end_day": 402},
    "ENC-011": {"type": None},
    "ENC-012": {"type": "home"},
    "procedures.type": {"planned_stage": "perhaps"},
    "PRO-001": {"procedure_id": None},
    "PRO-003": {"patient_id": None},
    "PRO-004": {"encounter_id": "e-unknown"},
    "PRO-005": {"day": None},
    "PRO-006": {"day": FAR},
    "PRO-007": {"patient_id": "p-dead", "day": 401},
    "PRO-008": {"day": 761},
    **{f"PRO-{number}": cells for number, cells in CODED.items()},
    "PRO-012": {"code": "2255"},
    "PRO-013": {"modifier": "588"},
    "PRO-014": {"levels": "C5-7"},
    "PRO-015": {"approach": "front"},
    "PRO-016": {"units": 0},
    "diagnoses.type": {"day": "1e"},
    "DIA-001": {"diagnosis_id": None},
    "DIA-003": {"patient_id": "p-unknown"},
    "DIA-004": {"patient_id": "p-old", "encounter_id": "e1"},
    "DIA-005": {"day": None},
    "DIA-006": {"day": -FAR},
    "DIA-007": {"patient_id": "p-dead", "day": 401},
    "DIA-008": {"day": 761},
    **{f"DIA-{number}": cells for number, cells in CODED.items()},
    "DIA-012": {"code": "50.121"},
    "DIA-013": {"position": 0},
    "follow_ups.type": {"numbness": "a bit"},
    "FUP-001": {"follow_up_id": None},
    "FUP-003": {"patient_id": "p-unknown"},
    "FUP-004": {"day": None},
    "FUP-005": {"day": FAR},
    "FUP-006": {"patient_id": "p-dead", "day": 401},
    "FUP-007": {"day": 761},
    "FUP-008": {"neck_pain_nrs": 10.5},
    "FUP-009": {"arm_pain_nrs": -1},
    "FUP-010": {"ndi_unit": "%"},
    "FUP-011": {"ndi_total": 20},
    "FUP-012": {"ndi_total": 51, "ndi_unit": "points"},
    "FUP-013": {"ndi_total": 101, "ndi_unit": "percent"},
    **{f"FUP-{13 + i:03d}": {f"ndi_item_{i}": 6} for i in range(1, 11)},
    "FUP-024": {"ndi_total": 40, "ndi_unit": "points", **NDI_ITEMS},
    "FUP-025": {"mjoa_total": 19},
    "FUP-026": {"mjoa_upper_motor": 6},
    "FUP-027": {"mjoa_lower_motor": 8},
    "FUP-028": {"mjoa_sensory": 4},
    "FUP-029": {"mjoa_sphincter": -1},
    "FUP-030": {"mjoa_total": 16, **MJOA},
    **{f"FUP-{30 + i:03d}": {f"eq5d_{i}": 0} for i in range(1, 6)},
    "FUP-036": {"eq_vas": 101},
    "FUP-037": {"promis_pf_t": -1},
    "FUP-038": {"promis_pi_t": 101},
    "FUP-039": {"satisfaction": 5},
    "FUP-040": {"mrc_grade_min": 6},
    "FUP-041": {"neck_rotation_deg": 121},
    "FUP-042": {"encounter_id": "e-unknown"},
    "FUP-043": {"eq5d_version": "4L"},
    "imaging.type": {"value": "nan"},
    "IMG-001": {"imaging_id": None},
    "IMG-003": {"patient_id": "p-unknown"},
    "IMG-004": {"day": None},
    "IMG-005": {"day": FAR},
    "IMG-006": {"patient_id": "p-dead", "day": 401},
    "IMG-007": {"day": 761},
    "IMG-008": {"modality": None},
    "IMG-009": {"modality": "xray"},
    "IMG-010": {"level": "C5/6"},
    "IMG-011": {"finding": None},
    "IMG-012": {"finding": "spur"},
    "IMG-013": {"unit": "cm"},
    "IMG-014": {"value": 3},
    "IMG-015": {"value": 5, "unit": "grade"},
    "IMG-016": {"finding": "stenosis"},
    "treatments.type": {"treatment_class": "any thing"},
    "TRE-001": {"treatment_id": None},
    "TRE-003": {"patient_id": "p-unknown"},
    "TRE-004": {"start_day": None},
    "TRE-005": {"start_day": -FAR},
    "TRE-006": {"end_day": FAR},
    "TRE-007": {"end_day": 9},
    "TRE-008": {"patient_id": "p-dead", "start_day": 401, "end_day": None},
    "TRE-009": {"start_day": 761, "end_day": None},
    "TRE-010": {"code_system": "RXNORM"},
    "TRE-011": {"code": "ibuprofen"},
    "TRE-012": {"code": None},
    "TRE-013": {"treatment_class": "herbal"},
    "TRE-014": {"route": "rectal"},
}
"""For each rule the cells that break it in an otherwise sound row; two rows of one key stand apart below."""

DUPLICATE_RULES = {"PAT-002", "ENC-002", "PRO-002", "DIA-002", "FUP-002", "IMG-002", "TRE-002"}


def table_of(rule: str) -> str:
    return next(name for name in TABLES if any(one.code == rule for one in rules(name)))


def delivered(table: str, rows: list[Row]) -> pa.Table:
    names = TABLES[table].schema.names
    return pa.table({name: pa.array([as_text(row.get(name)) for row in rows], pa.string()) for name in names})


def as_text(value: object) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture
def con(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        Lake(Settings(home=tmp_path).lake).attach(connection)
        yield connection


def judge(con: duckdb.DuckDBPyConnection, tables: dict[str, list[Row]]) -> dict[str, Judgement]:
    cells = {name: delivered(name, rows) for name, rows in tables.items()}
    return {one.table.name: one for one in validate(con, cells, "site-a", "full")}


def failed(judgement: Judgement) -> dict[str, int]:
    return {result.rule: result.rows_failed for result in judgement.rules if result.rows_failed}


def test_codes_are_stable_words_and_each_rule_is_tried_here() -> None:
    codes = [rule.code for name in TABLES for rule in rules(name)]
    assert len(set(codes)) == len(codes)
    assert set(codes) == BREAKING.keys() | DUPLICATE_RULES
    assert {rule.severity for name in TABLES for rule in rules(name)} == {"critical", "warning", "info"}
    assert all(rule.reason for name in TABLES for rule in rules(name))


def test_sound_rows_break_no_rule(con: duckdb.DuckDBPyConnection) -> None:
    judgements = judge(con, SOUND)
    assert {name: failed(one) for name, one in judgements.items()} == {name: {} for name in SOUND}
    for name, one in judgements.items():
        assert one.accepted.num_rows == len(SOUND[name])
        assert one.accepted.select(TABLES[name].schema.names).schema == TABLES[name].schema
        assert one.accepted["flags"].null_count == one.accepted.num_rows


def test_every_kind_of_cpt_code_is_sound(con: duckdb.DuckDBPyConnection) -> None:
    codes = ("22551", "0031A", "0012M", "0095T", "0501F", "0001U")
    tables = {"patients": SOUND["patients"]}
    for table in ("procedures", "treatments"):
        key = TABLES[table].key
        tables[table] = [ROWS[table](**{key: f"c-{code}", "code_system": "CPT", "code": code}) for code in codes]
    assert {name: failed(one) for name, one in judge(con, tables).items() if failed(one)} == {}


def test_each_rule_bites_on_the_row_that_breaks_it_and_on_no_sound_row(con: duckdb.DuckDBPyConnection) -> None:
    tables = {name: list(rows) for name, rows in SOUND.items()}
    number_of = {}
    for rule, cells in BREAKING.items():
        table = table_of(rule)
        broken = ROWS[table](**({TABLES[table].key: f"broken-{rule}"} | cells))
        tables[table].append(broken)
        number_of[rule] = len(tables[table])
    judgements = judge(con, tables)

    for rule in BREAKING:
        table = table_of(rule)
        severity = next(one.severity for one in rules(table) if one.code == rule)
        judgement = judgements[table]
        quarantined = {row["row_number"]: row["rules"] for row in judgement.quarantined.to_pylist()}
        flags = {row[TABLES[table].key]: row["flags"] for row in judgement.accepted.to_pylist()}
        if severity == "critical":
            assert rule in quarantined[number_of[rule]].split(";"), rule
        elif severity == "warning":
            assert flags[f"broken-{rule}"].split(";")[-1] == rule
        else:
            assert flags[f"broken-{rule}"] is None
            assert failed(judgement)[rule] > 0
    for name, judgement in judgements.items():
        assert judgement.accepted.num_rows + judgement.quarantined.num_rows == len(tables[name])
        assert all(number > len(SOUND[name]) for number in judgement.quarantined["row_number"].to_pylist())


@pytest.mark.parametrize("name", TABLES)
def test_all_rows_of_a_repeated_key_are_quarantined(con: duckdb.DuckDBPyConnection, name: str) -> None:
    twice = [ROWS[name](**{TABLES[name].key: "twice"}), ROWS[name](**{TABLES[name].key: "twice"})]
    rows: dict[str, list[Row]] = {"patients": [patient()]}
    judgement = judge(con, rows | {name: [*rows.get(name, []), *twice]})[name]
    rule = next(iter(DUPLICATE_RULES & {one.code for one in rules(name)}))
    assert judgement.quarantined["rules"].to_pylist() == [rule, rule]
    reason = f"{TABLES[name].key} stands in more than one row of the file"
    assert judgement.quarantined["reasons"].to_pylist()[0] == reason


def test_rows_of_a_quarantined_patient_are_quarantined_with_it(con: duckdb.DuckDBPyConnection) -> None:
    judgements = judge(con, {"patients": [patient(sex="F"), patient("p2")], "procedures": [fusion(), fusion("p2")]})
    assert judgements["procedures"].quarantined["rules"].to_pylist() == ["PRO-003"]
    assert judgements["procedures"].accepted["patient_id"].to_pylist() == ["p2"]


def test_a_tombstone_needs_its_key_and_nothing_else(con: duckdb.DuckDBPyConnection) -> None:
    withdrawn: list[Row] = [
        {"procedure_id": "gone", "deleted": True},
        {"procedure_id": "gone-too", "deleted": True, "code": "no code at all", "day": "x"},
        {"procedure_id": None, "deleted": True},
    ]
    judgements = judge(con, {"patients": SOUND["patients"], "procedures": [*SOUND["procedures"], *withdrawn]})
    judgement = judgements["procedures"]
    assert judgement.quarantined["rules"].to_pylist() == ["PRO-001"]
    assert judgement.accepted["deleted"].to_pylist()[-2:] == [True, True]
    checked = {result.rule: result.rows_checked for result in judgement.rules}
    assert (checked["PRO-001"], checked["PRO-005"]) == (6, 3)


def test_rows_of_a_withdrawn_patient_have_no_patient(con: duckdb.DuckDBPyConnection) -> None:
    rows = {"patients": [{"patient_id": "p000001", "deleted": True}, patient("p2")], "procedures": [fusion()]}
    assert judge(con, rows)["procedures"].quarantined["rules"].to_pylist() == ["PRO-003"]


def test_cells_take_their_type_or_quarantine_the_row(con: duckdb.DuckDBPyConnection) -> None:
    rows = [
        image(day="30.0", value="1e1", unit="mm", deleted="FALSE", imaging_id="a", finding="subsidence", level="C5-6"),
        image(day="30.7", imaging_id="b"),
        image(day="99999999999999999999", imaging_id="c"),
        image(day=" 31 ", imaging_id="d"),
        image(imaging_id="free text"),
        image(imaging_id="x" * 65),
        image(imaging_id="e", finding="normal\n"),
    ]
    judgement = judge(con, {"patients": [patient()], "imaging": rows})["imaging"]
    accepted = judgement.accepted.select(["imaging_id", "day", "value", "deleted"]).to_pylist()
    assert accepted == [
        {"imaging_id": "a", "day": 30, "value": 10.0, "deleted": False},
        {"imaging_id": "d", "day": 31, "value": None, "deleted": None},
    ]
    assert all("imaging.type" in codes.split(";") for codes in judgement.quarantined["rules"].to_pylist())
    assert judgement.quarantined["day"].to_pylist()[:2] == ["30.7", "99999999999999999999"], "as delivered"


def test_dots_are_dropped_from_codes_and_from_nothing_else(con: duckdb.DuckDBPyConnection) -> None:
    judgement = judge(con, {"patients": [patient()], "diagnoses": [diagnosis(code="M50.121", diagnosis_id="d.1")]})
    row = judgement["diagnoses"].accepted.to_pylist()[0]
    assert (row["code"], row["diagnosis_id"]) == ("M50121", "d.1")


def test_a_rule_that_cannot_be_evaluated_is_a_defect(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def suite_with_a_wrong_column(table: str) -> dict[str, object]:
        kwargs = {"column": "no_such_column"}
        meta = {"code": "PAT-999", "reason": "none"}
        rule = {"type": "expect_column_values_to_not_be_null", "kwargs": kwargs, "severity": "critical", "meta": meta}
        return {"name": table, "expectations": [rule]}

    monkeypatch.setattr(validation, "suite", suite_with_a_wrong_column)
    with pytest.raises(OutcomesError) as defect:
        judge(con, {"patients": [patient()]})
    assert (defect.value.code, defect.value.where) == ("rule_not_evaluated", "patients: PAT-999")
