"""The rules: each one bites on a row made to break it, spares the sound rows, and names no value."""

import io
from collections.abc import Iterator
from itertools import product

import duckdb
import pyarrow as pa
import pytest
from pyarrow import parquet

from outcomes.contract import CONTRACT_VERSION, TABLES, ColumnType
from outcomes.errors import OutcomesError
from outcomes.intake import validation
from outcomes.intake.reading import read_table
from outcomes.intake.rules import rules, suite
from outcomes.intake.validation import JudgedCells, Judgement, judge_cells, validate
from outcomes.lake import BlankedCells, Lake
from outcomes.settings import Settings
from outcomes.sql.shipped import shipped
from tests.support.submissions import DATA_CUT, Row, diagnosis, follow_up, fusion, image, patient

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
            procedure_id="2", code="0RG10A0", code_system="ICD10PCS", levels="C3-4;C4-5;C7-T1", modifier="78", units=50
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
LATEST = 1492
"""Days from the first day of the default index period to two years after the default date of the extract."""

WITHOUT_CUT = "broken-PAT-013"
CODED: dict[str, Row] = {"009": {"code_system": None}, "010": {"code_system": "LOINC"}, "011": {"code": None}}
BREAKING: dict[str, Row] = {
    "patients.type": {"asa_class": "2.5"},
    "PAT-001": {"patient_id": None},
    "PAT-003": {"sex": None},
    "PAT-004": {"sex": "X"},
    "PAT-005": {"age_years": None},
    "PAT-006": {"age_years": -1},
    "PAT-007": {"index_period": None},
    "PAT-008": {"index_period": "2023-13"},
    "PAT-009": {"bmi": 9},
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
    "PAT-020": {"deleted": "perhaps"},
    "PAT-021": {"data_cut_day": LATEST + 1},
    "PAT-022": {"data_cut_day": None, "last_contact_day": LATEST + 1},
    "PAT-023": {"data_cut_day": None, "death_day": LATEST + 1},
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
    "ENC-013": {"end_day": 761},
    "ENC-014": {"deleted": "perhaps"},
    "ENC-015": {"patient_id": WITHOUT_CUT, "start_day": LATEST + 1, "end_day": None},
    "ENC-016": {"patient_id": WITHOUT_CUT, "start_day": LATEST, "end_day": LATEST + 1},
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
    "PRO-016": {"units": 99},
    "PRO-017": {"deleted": "perhaps"},
    "PRO-018": {"patient_id": WITHOUT_CUT, "day": LATEST + 1},
    "diagnoses.type": {"position": "main"},
    "DIA-001": {"diagnosis_id": None},
    "DIA-003": {"patient_id": "p-unknown"},
    "DIA-004": {"patient_id": "p-old", "encounter_id": "e1"},
    "DIA-005": {"day": None},
    "DIA-006": {"day": -FAR},
    "DIA-007": {"patient_id": "p-dead", "day": 401},
    "DIA-008": {"day": 761},
    **{f"DIA-{number}": cells for number, cells in CODED.items()},
    "DIA-012": {"code": "50.121"},
    "DIA-013": {"position": 99},
    "DIA-014": {"deleted": "perhaps"},
    "DIA-015": {"patient_id": WITHOUT_CUT, "day": LATEST + 1},
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
    "FUP-037": {"promis_pf_t": 0},
    "FUP-038": {"promis_pi_t": 99},
    "FUP-039": {"satisfaction": 5},
    "FUP-040": {"mrc_grade_min": 6},
    "FUP-041": {"neck_rotation_deg": 99},
    "FUP-042": {"encounter_id": "e-unknown"},
    "FUP-043": {"eq5d_version": "4L"},
    **{f"FUP-{44 + i:03d}": {"eq5d_version": "3L", f"eq5d_{i}": 4} for i in range(1, 6)},
    **{f"FUP-{51 + i:03d}": {"eq5d_version": "4L", f"eq5d_{i}": 4} for i in range(1, 6)},
    "FUP-050": {"deleted": "perhaps"},
    "FUP-051": {"patient_id": WITHOUT_CUT, "day": LATEST + 1},
    "imaging.type": {"value": "large"},
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
    "IMG-017": {"finding": "stenosis", "level": "C5-6", "value": -1, "unit": "mm"},
    "IMG-018": {"finding": "c2_7_sva", "value": 99, "unit": "mm"},
    "IMG-019": {"finding": "interspinous_motion", "level": "C5-6", "value": 99, "unit": "degrees"},
    "IMG-020": {"deleted": "perhaps"},
    "IMG-021": {"value": 999, "level": "C5-6"},
    "IMG-022": {"patient_id": WITHOUT_CUT, "day": LATEST + 1},
    "treatments.type": {"treatment_class": "any thing"},
    "TRE-001": {"treatment_id": None},
    "TRE-003": {"patient_id": "p-unknown"},
    "TRE-004": {"start_day": None},
    "TRE-005": {"start_day": -FAR},
    "TRE-006": {"end_day": FAR},
    "TRE-007": {"end_day": 9},
    "TRE-008": {"patient_id": "p-dead", "start_day": 401, "end_day": None},
    "TRE-009": {"start_day": 761, "end_day": None},
    "TRE-010": {"code_system": "SNOMED"},
    "TRE-011": {"code": "ibuprofen"},
    "TRE-012": {"code": None},
    "TRE-013": {"treatment_class": "herbal"},
    "TRE-014": {"route": "rectal"},
    "TRE-015": {"end_day": 761},
    "TRE-016": {"deleted": "perhaps"},
    "TRE-017": {"patient_id": WITHOUT_CUT, "start_day": LATEST + 1, "end_day": None},
    "TRE-019": {"code_system": None},
    "TRE-018": {"patient_id": WITHOUT_CUT, "start_day": LATEST, "end_day": LATEST + 1},
}
"""For each rule the cells that break it in an otherwise sound row; rules on several rows stand apart below."""

NDI_WITHOUT_ZERO = "FUP-044"
EARLIER_CUT_KEPT = "PAT-024"
MISSING_CODE_RULES = {f"{name}.missing_code" for name in TABLES}
DUPLICATE_RULES = {"PAT-002", "ENC-002", "PRO-002", "DIA-002", "FUP-002", "IMG-002", "TRE-002"}


def table_of(rule: str) -> str:
    return next(name for name in TABLES if any(one.code == rule for one in rules(name)))


def delivered(table: str, rows: list[Row], codes: tuple[str, ...] = ()) -> JudgedCells:
    names = TABLES[table].schema.names
    written = pa.table({name: pa.array([as_text(row.get(name)) for row in rows], pa.string()) for name in names})
    file = io.BytesIO()
    parquet.write_table(written, file)
    cells = read_table(TABLES[table], f"{table}.parquet", file.getvalue(), CONTRACT_VERSION, codes)
    return judge_cells(TABLES[table], cells)


def as_text(value: object) -> str | None:
    if value is None:
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


@pytest.fixture(scope="module")
def beside_an_empty_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        Lake(Settings(home=tmp_path_factory.mktemp("home")).lake).attach_context(connection, "site-a", "2026-01")
        yield connection


@pytest.fixture
def con(beside_an_empty_lake: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """What a test makes is gone after it."""
    beside_an_empty_lake.begin()
    yield beside_an_empty_lake
    beside_an_empty_lake.rollback()


def judge(con: duckdb.DuckDBPyConnection, tables: dict[str, list[Row]]) -> dict[str, Judgement]:
    cells = {name: delivered(name, rows) for name, rows in tables.items()}
    return {one.table.name: one for one in validate(con, cells, "site-a", "full", DATA_CUT)}


def failed(judgement: Judgement) -> dict[str, int]:
    return {result.rule: result.rows_failed for result in judgement.rules if result.rows_failed}


def test_codes_are_stable_words_and_each_rule_is_tried_here() -> None:
    codes = [rule.code for name in TABLES for rule in rules(name)]
    assert len(set(codes)) == len(codes)
    assert set(codes) == BREAKING.keys() | DUPLICATE_RULES | MISSING_CODE_RULES | {NDI_WITHOUT_ZERO, EARLIER_CUT_KEPT}
    assert {rule.severity for name in TABLES for rule in rules(name)} == {"critical", "waiting", "warning", "info"}
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

    for code, cells in BREAKING.items():
        table = table_of(code)
        broken_rule = next(one for one in rules(table) if one.code == code)
        judgement = judgements[table]
        quarantined = {row["row_number"]: row["rules"].split(";") for row in judgement.quarantined.to_pylist()}
        pending = {row["row_number"]: row["rules"].split(";") for row in judgement.pending.to_pylist()}
        blanked = {row["row_number"]: row["rules"].split(";") for row in judgement.blanked.to_pylist()}
        accepted = {row[TABLES[table].key]: row for row in judgement.accepted.to_pylist()}
        assert failed(judgement)[code] > 0
        if broken_rule.severity == "critical":
            assert code in quarantined[number_of[code]], code
            continue
        if broken_rule.severity == "waiting":
            assert code in pending[number_of[code]], code
            continue
        row = accepted[f"broken-{code}"]
        assert (code in (row["flags"] or "").split(";")) == (broken_rule.severity == "warning"), code
        assert (code in blanked.get(number_of[code], [])) == (broken_rule.blanks is not None), code
        if broken_rule.blanks:
            lost = {one.column_name for one in judgement.cells if one.rule == code}
            assert lost == {broken_rule.blanks} or broken_rule.blanks == "*"
            assert all(row[column] is None for column in lost & cells.keys())
    for name, judgement in judgements.items():
        parts = (judgement.accepted, judgement.quarantined, judgement.pending)
        assert sum(part.num_rows for part in parts) == len(tables[name])
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


def test_rows_of_a_quarantined_patient_wait_for_it(con: duckdb.DuckDBPyConnection) -> None:
    rows = {"patients": [patient(), patient(), patient("p2")], "procedures": [fusion(), fusion("p2")]}
    judgement = judge(con, rows)["procedures"]
    assert judgement.pending["rules"].to_pylist() == ["PRO-003"]
    assert judgement.accepted["patient_id"].to_pylist() == ["p2"]


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
    assert judge(con, rows)["procedures"].pending["rules"].to_pylist() == ["PRO-003"]


def test_a_row_that_breaks_another_critical_rule_does_not_wait(con: duckdb.DuckDBPyConnection) -> None:
    rows = {"patients": [patient()], "imaging": [image("p-unknown"), image("p-unknown", day=None)]}
    judgement = judge(con, rows)["imaging"]
    assert judgement.pending["row_number"].to_pylist() == [1]
    assert judgement.quarantined["rules"].to_pylist() == ["IMG-003;IMG-004"]
    assert judgement.named_ahead.to_pylist() == [{"key": "p-unknown", "period": None}]


def test_a_cell_of_another_type_costs_the_cell_and_a_key_or_day_the_row(con: duckdb.DuckDBPyConnection) -> None:
    rows = [
        image(day="30.0", value="10.0", unit="mm", deleted="FALSE", imaging_id="a", finding="subsidence", level="C5-6"),
        image(day=31, value="1e1", unit="mm", imaging_id="b", finding="subsidence", level="C5-6"),
        image(day=32, imaging_id="c", finding="normal spine"),
        image(day="30.7", imaging_id="d"),
        image(day="99999999999999999999", imaging_id="e"),
        image(imaging_id="free text"),
        image(imaging_id="x" * 65),
    ]
    judgement = judge(con, {"patients": [patient()], "imaging": rows})["imaging"]
    accepted = judgement.accepted.select(["imaging_id", "day", "value", "finding", "deleted"]).to_pylist()
    assert [tuple(row.values()) for row in accepted] == [
        ("a", 30, 10.0, "subsidence", False),
        ("b", 31, None, "subsidence", None),
        ("c", 32, None, None, None),
    ]
    assert judgement.cells == (
        BlankedCells("imaging", "imaging.type", "finding", 1),
        BlankedCells("imaging", "imaging.type", "value", 1),
    )
    copies = judgement.blanked.select(["imaging_id", "value", "finding", "rules", "outcome"]).to_pylist()
    assert [tuple(row.values()) for row in copies] == [
        ("b", "1e1", "subsidence", "imaging.type", "blanked"),
        ("c", None, "normal spine", "imaging.type", "blanked"),
    ]
    assert all("imaging.type" in codes.split(";") for codes in judgement.quarantined["rules"].to_pylist())
    assert judgement.quarantined["day"].to_pylist()[:2] == ["30.7", "99999999999999999999"], "as delivered"


@pytest.mark.parametrize("text", ["1_0", "0x3", "1e0", "inf", "-inf", "1,5", "3 points", "--3", "0b1", "3.0.0", "٣"])
def test_a_number_is_a_plain_decimal(con: duckdb.DuckDBPyConnection, text: str) -> None:
    visits = [follow_up(neck_pain_nrs=text, arm_pain_nrs=4), follow_up(day=text, follow_up_id="of-no-day")]
    judgement = judge(con, {"patients": [patient()], "follow_ups": visits})["follow_ups"]
    (row,) = judgement.accepted.to_pylist()
    assert (row["neck_pain_nrs"], row["arm_pain_nrs"], row["flags"]) == (None, 4.0, "follow_ups.type")
    assert judgement.quarantined["rules"].to_pylist() == ["follow_ups.type;FUP-004"]


@pytest.mark.parametrize("text", ["3", "3.0", "03", "+3", "3."])
def test_plain_decimals_are_numbers(con: duckdb.DuckDBPyConnection, text: str) -> None:
    visits = [follow_up(day=text, neck_pain_nrs=text, ndi_item_1=text, follow_up_id="v")]
    (row,) = judge(con, {"patients": [patient()], "follow_ups": visits})["follow_ups"].accepted.to_pylist()
    assert (row["day"], row["neck_pain_nrs"], row["ndi_item_1"], row["flags"]) == (3, 3.0, 3, None)


@pytest.mark.parametrize("code", [9, 99, 999, -9, -1])
def test_an_undeclared_code_for_missing_costs_its_cell_and_no_visit(con: duckdb.DuckDBPyConnection, code: int) -> None:
    visit = follow_up(neck_pain_nrs=3, eq5d_1=code, ndi_item_2=code, mjoa_sensory=code, satisfaction=code)
    person = patient(bmi=code, asa_class=code)
    judgements = judge(con, {"patients": [person], "follow_ups": [visit], "procedures": [fusion(units=-abs(code))]})
    (row,) = judgements["follow_ups"].accepted.to_pylist()
    assert row["neck_pain_nrs"] == 3.0
    assert {row[name] for name in ("eq5d_1", "ndi_item_2", "mjoa_sensory", "satisfaction")} == {None}
    (of_patient,) = judgements["patients"].accepted.to_pylist()
    assert (of_patient["bmi"], of_patient["asa_class"], of_patient["sex"]) == (None, None, "female")
    assert judgements["procedures"].accepted["units"].to_pylist() == [None]
    assert sum(one.cells for one in judgements["follow_ups"].cells) == 4


def test_a_declared_code_for_missing_is_counted_and_kept_and_no_fault(con: duckdb.DuckDBPyConnection) -> None:
    for name in TABLES:
        column = TABLES[name].columns[-2].name
        rows = [ROWS[name](**{TABLES[name].key: "coded", column: "-77"}), ROWS[name](**{TABLES[name].key: "other"})]
        cells = {"patients": delivered("patients", [patient()])}
        cells |= {name: delivered(name, rows, (f"{column}=-77",))}
        (judgement,) = [one for one in validate(con, cells, "site-a", "full", DATA_CUT) if one.table.name == name]
        rule = f"{name}.missing_code"
        assert judgement.cells == (BlankedCells(name, rule, column, 1),)
        assert judgement.accepted[column].to_pylist()[0] is None
        assert rule not in (judgement.accepted["flags"].to_pylist()[0] or "")
        (kept,) = judgement.blanked.to_pylist()
        assert (kept[column], kept["rules"], kept["outcome"], kept["row_number"]) == ("-77", rule, "blanked", 1)


@pytest.mark.parametrize("version", ["4L", "EQ-5D 3L", "3", "5"])
def test_a_version_that_cannot_be_read_costs_the_levels_that_it_tells_of(
    con: duckdb.DuckDBPyConnection, version: str
) -> None:
    levels: Row = {"eq5d_1": 1, "eq5d_2": 2, "eq5d_3": None, "eq5d_4": 9, "eq5d_5": 3}
    visits = [
        follow_up(eq5d_version=version, eq_vas=70, neck_pain_nrs=3, **levels),
        follow_up(day=366, eq5d_version="3l", **levels),
        follow_up(day=367, eq5d_version=None, **levels),
        {"follow_up_id": "gone", "deleted": True, "eq5d_version": version, "eq5d_1": 1},
    ]
    judgement = judge(con, {"patients": [patient()], "follow_ups": visits})["follow_ups"]
    names = [f"eq5d_{item}" for item in range(1, 6)]
    read = [[row[name] for name in names] for row in judgement.accepted.to_pylist()[:3]]
    assert read == [[None] * 5, [1, 2, None, None, 3], [1, 2, None, None, 3]]
    first = judgement.accepted.to_pylist()[0]
    assert (first["eq_vas"], first["neck_pain_nrs"]) == (70, 3.0)
    lost = {one.column_name: one.cells for one in judgement.cells}
    assert lost == {"eq5d_version": 1, "eq5d_1": 1, "eq5d_2": 1, "eq5d_4": 3, "eq5d_5": 1}
    assert [row["eq5d_1"] for row in judgement.blanked.to_pylist()] == ["1"] * 3
    checked = {one.rule: (one.rows_checked, one.rows_failed) for one in judgement.rules}
    assert (checked["FUP-052"], checked["FUP-054"]) == ((2, 1), (0, 0))


def test_cells_are_blanked_before_rows_are_judged(con: duckdb.DuckDBPyConnection) -> None:
    """Of ten items three are coded 99: the seven left cannot contradict the stated total, which stands."""
    lost = dict.fromkeys(list(NDI_ITEMS)[:3], 99)
    visits = [
        follow_up(ndi_total=40, ndi_unit="points", **(NDI_ITEMS | lost)),
        follow_up(day=366, ndi_total=40, ndi_unit="points", **NDI_ITEMS),
        follow_up(day=367, ndi_total=40, ndi_unit="score"),
        follow_up(day=368, mjoa_total=12, **(MJOA | {"mjoa_sensory": 9})),
        follow_up(day=369, mjoa_total=12, **MJOA),
    ]
    judgement = judge(con, {"patients": [patient()], "follow_ups": visits})["follow_ups"]
    assert judgement.accepted["ndi_total"].to_pylist() == [40.0, None, None, None, None]
    assert judgement.accepted["mjoa_total"].to_pylist() == [None, None, None, 12, None]
    assert judgement.accepted["ndi_item_4"].to_pylist()[:2] == [2, 2]
    assert judgement.accepted["flags"].to_pylist() == [
        "FUP-014;FUP-015;FUP-016",
        "FUP-024",
        "FUP-010;FUP-011",
        "FUP-028",
        "FUP-030",
    ]


def test_a_stay_without_a_possible_end_has_none(con: duckdb.DuckDBPyConnection) -> None:
    stays = [encounter(encounter_id=f"e{end}", end_day=end) for end in (9999, 761, 760, -1, 20000)]
    judgement = judge(con, {"patients": [patient()], "encounters": stays})["encounters"]
    assert judgement.accepted["end_day"].to_pylist() == [None, None, 760, None, None]
    assert judgement.accepted["flags"].to_pylist() == ["ENC-013", "ENC-013", None, "ENC-007", "ENC-006"]


@pytest.mark.parametrize(
    ("index_period", "latest"),
    [("2023-05", LATEST), ("2023", LATEST + 120), ("2023-13", 9998), (None, 9998), ("1990-01", 10957)],
)
def test_a_day_that_the_date_of_the_extract_does_not_allow_is_no_day(
    con: duckdb.DuckDBPyConnection, index_period: str | None, latest: int
) -> None:
    """Two years beyond it are allowed for shifted dates; without an index period only the placeholder 9999 is told."""
    people = [
        patient(f"{name}-{day}", index_period=index_period, **({"data_cut_day": None, name: day}))
        for day in (latest, latest + 1)
        for name in ("data_cut_day", "last_contact_day", "death_day")
    ]
    open_patient = patient("open", index_period=index_period, data_cut_day=None)
    visits = [follow_up("open", day=day) for day in (latest, latest + 1)]
    stay = encounter("open", start_day=latest, end_day=latest + 1)
    judged = judge(con, {"patients": [*people, open_patient], "follow_ups": visits, "encounters": [stay]})
    days = [
        tuple(row[name] for name in ("data_cut_day", "last_contact_day", "death_day"))
        for row in judged["patients"].accepted.to_pylist()
    ]
    assert days == [
        *((latest, 735, None), (None, latest, None), (None, 735, latest)),
        *((None, 735, None), (None, None, None), (None, 735, None), (None, 735, None)),
    ]
    assert judged["follow_ups"].accepted["day"].to_pylist() == [latest]
    assert judged["encounters"].accepted["end_day"].to_pylist() == [None]


def test_spellings_fold_to_the_contract(con: duckdb.DuckDBPyConnection) -> None:
    rows = {
        "patients": [
            patient(sex="F", smoking="Never", indication="BOTH", diabetes="TRUE", preop_opioid_use="No"),
            patient("p-m", sex="m", index_period="2023"),
            patient("p-male", sex="Male"),
        ],
        "procedures": [
            fusion(code_system="cpt", code="0191t", levels="c5-6; c6-7", modifier="rt", approach="Anterior")
        ],
        "diagnoses": [diagnosis(code="m50.121", code_system="icd10cm", diagnosis_id="d.1")],
        "follow_ups": [follow_up(ndi_total=20, ndi_unit="Points", eq5d_version="5l")],
        "imaging": [image(modality="MRI", finding="Stenosis", level="c7-t1", value=9, unit="MM")],
        "treatments": [treatment(code_system="Atc", code="m01ae01", treatment_class="NSAID", route="Oral")],
    }
    judgements = judge(con, rows)
    assert {name: failed(one) for name, one in judgements.items()} == {name: {} for name in rows}

    def cells(table: str, *columns: str) -> tuple[object, ...]:
        return tuple(judgements[table].accepted.to_pylist()[0][column] for column in columns)

    assert judgements["patients"].accepted["sex"].to_pylist() == ["female", "male", "male"]
    assert cells("patients", "smoking", "indication", "diabetes", "preop_opioid_use") == ("never", "both", True, False)
    assert cells("procedures", "code_system", "code", "levels", "modifier", "approach") == (
        *("CPT", "0191T", "C5-6;C6-7", "RT", "anterior"),
    )
    assert cells("diagnoses", "code_system", "code", "diagnosis_id") == ("ICD10CM", "M50121", "d.1")
    assert cells("follow_ups", "ndi_unit", "eq5d_version") == ("points", "5L")
    assert cells("imaging", "modality", "finding", "level", "unit") == ("mri", "stenosis", "C7-T1", "mm")
    assert cells("treatments", "code_system", "code", "treatment_class", "route") == ("ATC", "M01AE01", "nsaid", "oral")


@pytest.mark.parametrize("level", ["C 5-6", "c5-6.", " C5-6 "])
def test_a_joint_is_read_alike_of_images_and_procedures(con: duckdb.DuckDBPyConnection, level: str) -> None:
    judged = judge(
        con, {"patients": [patient()], "procedures": [fusion(levels=level)], "imaging": [image(level=level)]}
    )
    assert judged["procedures"].accepted["levels"].to_pylist() == ["C5-6"]
    assert judged["imaging"].accepted["level"].to_pylist() == ["C5-6"]


@pytest.mark.parametrize(
    ("spelling", "system"),
    [
        *((text, "ICD10PCS") for text in ("ICD-10-PCS", "icd10 pcs", "Icd_10_Pcs", "ICD10-PCS.", "ICD 10 PCS")),
        *((text, "ICD9PCS") for text in ("icd-9-pcs", "ICD9Proc", "ICD-9-Proc")),
        *((text, "CPT") for text in ("cpt.", "CPT-4", "CPT4")),
        ("Hcpcs.", "HCPCS"),
    ],
)
def test_code_systems_fold(con: duckdb.DuckDBPyConnection, spelling: str, system: str) -> None:
    code = {"ICD10PCS": "0RG10A0", "ICD9PCS": "81.02", "CPT": "22551", "HCPCS": "G0283"}[system]
    procedure = fusion(code_system=spelling, code=code)
    judged = judge(con, {"patients": [patient()], "procedures": [procedure]})["procedures"]
    assert (failed(judged), judged.accepted["code_system"].to_pylist()) == ({}, [system])


@pytest.mark.parametrize("spelling", ["ICD-10-CM", "icd10 cm", "ICD_10_CM", "icd-9-cm", "ICD9 CM", "I.C.D.10.C.M."])
def test_code_systems_of_diagnoses_fold(con: duckdb.DuckDBPyConnection, spelling: str) -> None:
    code = "721.0" if "9" in spelling else "M50.121"
    judged = judge(con, {"patients": [patient()], "diagnoses": [diagnosis(code_system=spelling, code=code)]})[
        "diagnoses"
    ]
    assert (failed(judged), judged.accepted["code_system"].to_pylist()) == (
        {},
        ["ICD9CM" if "9" in spelling else "ICD10CM"],
    )


@pytest.mark.parametrize("table", ["procedures", "diagnoses", "treatments"])
@pytest.mark.parametrize("system", ["SNOMED", "SNOMED CT", "ICD-10", "NDC"])
def test_a_row_of_an_unlisted_system_breaks_one_rule(con: duckdb.DuckDBPyConnection, table: str, system: str) -> None:
    """What its code looks like is then not asked."""
    rows = {"patients": [patient()]} | {table: [ROWS[table](code_system=system, code="73211009")]}
    assert list(failed(judge(con, rows)[table])) == [
        {"procedures": "PRO", "diagnoses": "DIA", "treatments": "TRE"}[table] + "-010"
    ]


def test_the_systems_listed_with_the_facts_are_those_of_the_closed_list() -> None:
    for table in ("procedures", "diagnoses", "treatments"):
        (listed,) = [
            one["kwargs"]["value_set"]
            for one in suite(table)["expectations"]
            if one["kwargs"].get("column") == "code_system" and "value_set" in one["kwargs"]
        ]
        written = ", ".join(f"'{word}'" for word in ("none", *listed))
        assert f"in ({written})" in shipped("sql", "validation", f"{table}.sql").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["f.", "F.", "Fem.ale", " female. "])
def test_closed_words_fold_dots(con: duckdb.DuckDBPyConnection, text: str) -> None:
    rows = {"patients": [patient(sex=text, smoking="Never.")], "imaging": [image(modality="M.R.I.", finding="normal.")]}
    judged = judge(con, rows)
    assert judged["patients"].accepted.select(["sex", "smoking"]).to_pylist() == [{"sex": "female", "smoking": "never"}]
    assert judged["imaging"].accepted.select(["modality", "finding"]).to_pylist() == [
        {"modality": "mri", "finding": "normal"}
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, True) for text in ("1.0", "1.", "1", "01.0", "1.00", "Yes", "t.", "TRUE", "Y")),
        *((text, False) for text in ("0.0", "0.", "0", "00.0", "n", "No.", "False", "F")),
        *((text, None) for text in ("10", "2.0", "1.1", "1.01", "-1.0", "0.1", "11", "maybe")),
    ],
)
def test_booleans_fold(con: duckdb.DuckDBPyConnection, text: str, value: bool | None) -> None:
    (row,) = judge(con, {"patients": [patient(diabetes=text)]})["patients"].accepted.to_pylist()
    assert (row["diabetes"], row["flags"]) == (value, "patients.type" if value is None else None)


@pytest.mark.parametrize("deleted", ["1.0", "true.", "1."])
def test_a_withdrawal_from_a_spreadsheet_withdraws(con: duckdb.DuckDBPyConnection, deleted: str) -> None:
    visit = {"follow_up_id": "v", "deleted": deleted}
    judged = judge(con, {"patients": [patient()], "follow_ups": [visit]})["follow_ups"]
    assert judged.accepted["deleted"].to_pylist() == [True]


@pytest.mark.parametrize(
    ("table", "system", "text", "code"),
    [
        ("procedures", "CPT", "22551.0", "22551"),
        ("procedures", "CPT", "22551.", "22551"),
        ("procedures", "CPT", "22551.00", "22551"),
        ("procedures", "ICD9PCS", "8102.0", "8102"),
        ("procedures", "ICD9PCS", "81.02", "8102"),
        ("procedures", "ICD9PCS", "81.0", "810"),
        ("diagnoses", "ICD9CM", "721.0", "7210"),
        ("diagnoses", "ICD9CM", "7210.0", "7210"),
        ("diagnoses", "ICD9CM", "72281.0", "72281"),
        ("diagnoses", "ICD10CM", "M54.0", "M540"),
        ("treatments", "CPT", "97110.0", "97110"),
        ("treatments", "RxNorm", "140587.0", "140587"),
        ("treatments", "rx-norm", "5640", "5640"),
    ],
)
def test_codes_that_a_spreadsheet_took_for_numbers(
    con: duckdb.DuckDBPyConnection, table: str, system: str, text: str, code: str
) -> None:
    judged = judge(con, {"patients": [patient()], table: [ROWS[table](code_system=system, code=text)]})[table]
    assert (failed(judged), judged.accepted["code"].to_pylist()) == ({}, [code])


@pytest.mark.parametrize("text", ["58.0", "58.", "58"])
def test_modifiers_that_a_spreadsheet_took_for_numbers(con: duckdb.DuckDBPyConnection, text: str) -> None:
    judged = judge(con, {"patients": [patient()], "procedures": [fusion(modifier=text)]})["procedures"]
    assert (failed(judged), judged.accepted["modifier"].to_pylist()) == ({}, ["58"])


@pytest.mark.parametrize("text", ["JOHN SMITH", "john smith cervical myelopathy", "123.45.6789", "SMITH"])
@pytest.mark.parametrize("system", ["", "CPT"])
def test_words_and_numbers_of_people_do_not_become_codes(
    con: duckdb.DuckDBPyConnection, system: str, text: str
) -> None:
    """What folding would glue together is no code, and without a code system nothing is."""
    rows = {
        "patients": [patient()],
        "procedures": [fusion(), fusion(procedure_id="2", code_system=system, code=text)],
        "diagnoses": [diagnosis(code_system=system and "ICD10CM", code=text)],
    }
    judged = judge(con, rows)
    assert judged["procedures"].accepted["code"].to_pylist() == ["22551", None]
    assert judged["diagnoses"].accepted["code"].to_pylist() == [None]


def test_keys_keep_their_case(con: duckdb.DuckDBPyConnection) -> None:
    rows = {"patients": [patient("P.1"), patient("p.1")], "procedures": [fusion("P.1"), fusion("p.1")]}
    assert judge(con, rows)["procedures"].accepted["patient_id"].to_pylist() == ["P.1", "p.1"]


@pytest.mark.parametrize(("visits", "items", "warned"), [(50, 1, 50), (49, 1, 0), (40, 10, 40), (39, 10, 0)])
def test_ndi_items_that_are_never_0_warn(con: duckdb.DuckDBPyConnection, visits: int, items: int, warned: int) -> None:
    answers: Row = {f"ndi_item_{i}": 1 for i in range(1, items + 1)}
    rows = [follow_up(day=day, **answers) for day in range(1, visits + 1)] + [follow_up(day=700)]
    judgement = judge(con, {"patients": [patient()], "follow_ups": rows})["follow_ups"]
    (result,) = [one for one in judgement.rules if one.rule == NDI_WITHOUT_ZERO]
    assert (result.rows_checked, result.rows_failed, result.severity) == (visits, warned, "warning")
    assert judgement.accepted.num_rows == visits + 1
    rows[0] |= dict.fromkeys(answers, 0)
    assert failed(judge(con, {"patients": [patient()], "follow_ups": rows})["follow_ups"]) == {}


@pytest.mark.parametrize("item", range(1, 11))
def test_one_ndi_item_that_is_never_0_warns_where_it_is_answered(con: duckdb.DuckDBPyConnection, item: int) -> None:
    """The other nine may be 0: a site may code one item otherwise."""
    others: Row = {f"ndi_item_{i}": 0 for i in range(1, 11) if i != item}
    rows = [follow_up(day=day) | others | {f"ndi_item_{item}": 1 + day % 5} for day in range(1, 51)]
    rows.append(follow_up(day=51, **others))
    judgement = judge(con, {"patients": [patient()], "follow_ups": rows})["follow_ups"]
    assert failed(judgement) == {NDI_WITHOUT_ZERO: 50}
    assert judgement.accepted["flags"].to_pylist() == [*([NDI_WITHOUT_ZERO] * 50), None]


def test_a_rule_counts_the_rows_to_which_it_applies(con: duckdb.DuckDBPyConnection) -> None:
    visits = [
        follow_up(neck_pain_nrs=11),
        follow_up(day=366, neck_pain_nrs=4, ndi_total=20, ndi_unit="points", **NDI_ITEMS),
        follow_up(day=367, ndi_total=20),
        {"follow_up_id": "gone", "deleted": True, "neck_pain_nrs": 3},
    ]
    judgement = judge(con, {"patients": [patient()], "follow_ups": visits})["follow_ups"]
    found = {one.rule: (one.rows_checked, one.outcome) for one in judgement.rules}
    assert found["FUP-001"] == (4, "passed")
    assert found["FUP-004"] == (3, "passed")
    assert found["FUP-008"] == (2, "failed")
    assert found["FUP-009"] == (0, "not_applicable")
    assert found["FUP-011"] == (2, "failed")
    assert found["FUP-012"] == (1, "passed")
    assert found["FUP-024"] == (1, "passed")
    assert found["FUP-030"] == (0, "not_applicable")
    assert found["FUP-042"] == (0, "not_applicable")
    assert found["follow_ups.type"] == (3, "passed")


def test_a_rule_that_cannot_be_evaluated_is_a_defect(
    con: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def suite_with_a_wrong_column(table: str) -> dict[str, object]:
        kwargs = {"column": "no_such_column"}
        meta = {"code": "PAT-999", "category": "completeness", "context": "verification", "reason": "none"}
        rule = {"type": "expect_column_values_to_not_be_null", "kwargs": kwargs, "severity": "critical", "meta": meta}
        return {"name": table, "expectations": [rule]}

    monkeypatch.setattr(validation, "suite", suite_with_a_wrong_column)
    with pytest.raises(OutcomesError) as defect:
        judge(con, {"patients": [patient()]})
    assert (defect.value.code, defect.value.where) == ("rule_not_evaluated", "patients: PAT-999")


UNITS: dict[str, list[Row]] = {
    "imaging": [{"unit": unit, "finding": "stenosis"} for unit in (None, "mm", "degrees", "grade")],
    "follow_ups": [{"ndi_unit": unit} for unit in (None, "points", "percent")],
}
OUT_OF_RANGE = (-45_063, -11_000, 11_000, 45_063, 448_812)
"""Numbers that no column may hold: a spreadsheet's date, a record number, days beyond thirty years."""

NO_MEASURE = (-1954, -100, 101, 150, 1954, 2023, 9999)
"""Years and placeholders, which may be a number of days and nothing else."""


def test_every_numeric_column_has_a_range_outside_of_which_nothing_enters(con: duckdb.DuckDBPyConnection) -> None:
    tables: dict[str, list[Row]] = {"patients": [patient()]}
    for table in TABLES.values():
        for column in table.columns:
            if column.type in {ColumnType.INTEGER, ColumnType.DECIMAL}:
                values = OUT_OF_RANGE if column.is_day else OUT_OF_RANGE + NO_MEASURE
                for value, unit in product(values, UNITS.get(table.name, [{}])):
                    rows = tables.setdefault(table.name, [])
                    rows.append(ROWS[table.name](**unit) | {table.key: f"row{len(rows)}", column.name: value})
    entered = {
        (judgement.table.name, name, cell)
        for judgement in judge(con, tables).values()
        for row in judgement.accepted.to_pylist()
        for name, cell in row.items()
        if cell in {*OUT_OF_RANGE, *NO_MEASURE}
    }
    assert sum(map(len, tables.values())) > 1000
    assert entered == set()
