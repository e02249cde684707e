"""The gate, case by case: what identifies a person refuses the submission, what only looks alike does not.

Each line of `gate_cases.csv` changes a sound submission of 60 patients in one way.
"""

import base64
import csv
import datetime
import random
import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from outcomes.contract import TABLES
from outcomes.errors import SubmissionRefused
from outcomes.intake.manifest import Method
from outcomes.intake.screening import screen

Row = dict[str, str]
Submission = dict[str, list[Row]]

_CUT = datetime.date(2026, 9, 30)
_PATIENTS = 60
_RANDOM = random.Random(16)

with (Path(__file__).parent / "gate_cases.csv").open(encoding="utf-8", newline="") as _lines:
    CASES = [(row["kind"], row["case"], row["expected"]) for row in csv.DictReader(_lines)]


def letters(alphabet: str, length: int) -> str:
    return "".join(_RANDOM.choices(alphabet, k=length))


def random_key() -> str:
    return letters("bcdfghjkmnpqrstvwxz", 14)


def digits(length: int) -> str:
    return letters("0123456789", length)


KEYS: dict[str, Callable[[int], str]] = {
    "all keys 6 digits": lambda _: digits(6),
    "all keys H+7 digits": lambda _: f"H{digits(7)}",
    "all keys 5 digits": lambda _: digits(5),
    "keys sequential": lambda place: f"S{place + 1}",
    "keys UUID4": lambda _: str(uuid.UUID(int=_RANDOM.getrandbits(128), version=4)),
    "keys sha256 hex": lambda _: _RANDOM.randbytes(32).hex(),
    "keys 9 random digits": lambda _: digits(9),
    "keys 8 random digits": lambda _: digits(8),
    "keys base64 16 bytes": lambda _: base64.b64encode(_RANDOM.randbytes(16)).decode(),
    "keys base64url 9 bytes": lambda _: base64.urlsafe_b64encode(_RANDOM.randbytes(9)).decode(),
    "keys base32": lambda _: base64.b32encode(_RANDOM.randbytes(10)).decode(),
    "keys hex8": lambda _: _RANDOM.randbytes(4).hex(),
    "keys XX-NNNN": lambda _: f"{letters('ABCDEFGHJKLMNPQRSTUVWXYZ', 2)}-{digits(4)}",
    "keys two random words": lambda _: f"{_word()} {_word()}",
    "keys snowflake 18 digits": lambda _: str(_RANDOM.randrange(10**17, 10**18)),
    "keys NNN-NN-NN": lambda _: f"{digits(3)}-{digits(2)}-{digits(2)}",
}
"""How all patients get a key, by case; the argument is the patient's place."""


def _word() -> str:
    return letters("aeioubdglmnrst", _RANDOM.randint(4, 8)).capitalize()


def sound(shift: int = 90, grain: str = "%Y-%m") -> Submission:
    """Patients operated on over four years, each with a data cut of their own up to so many days before the last."""
    tables: Submission = {name: [] for name in TABLES}
    for place in range(_PATIENTS):
        index = _CUT - datetime.timedelta(days=800 + place * 24)
        cut = (_CUT - index).days - place * 37 % shift
        patient = {"patient_id": random_key(), "age_years": "58", "index_period": f"{index:{grain}}", "bmi": "27.4"}
        patient |= {"data_cut_day": str(cut), "last_contact_day": str(cut - 20 - place % 7), "smoking": "never"}
        mine = {"patient_id": patient["patient_id"]}
        encounter = {"encounter_id": random_key(), **mine, "start_day": "0", "end_day": "2", "type": "inpatient"}
        tables["patients"].append(patient | {"indication": "both", "sex": "female"})
        tables["encounters"].append(encounter)
        row = {**mine, "day": "0", "code": "22551", "levels": "C5-6", "code_system": "CPT", "surgeon_id": "qwmrtz"}
        tables["procedures"].append({"procedure_id": random_key(), **row})
        row = {**mine, "day": "0", "code": "M50.121", "position": "1", "code_system": "ICD10CM"}
        tables["diagnoses"].append({"diagnosis_id": random_key(), **row})
        row = {**mine, "day": str(300 + place * 5), "neck_pain_nrs": "3"}
        tables["follow_ups"].append({"follow_up_id": random_key(), **row})
        row = {**mine, "start_day": "10", "code": "M01AE01", "code_system": "ATC"}
        tables["treatments"].append({"treatment_id": random_key(), **row})
    return tables


def with_keys(tables: Submission, new: dict[str, str]) -> Submission:
    """The patients' keys exchanged, in every table."""
    for rows in tables.values():
        for row in rows:
            row["patient_id"] = new.get(row["patient_id"], row["patient_id"])
    return tables


def submission(kind: str, case: str) -> tuple[Submission, Method]:
    """What the case delivers, and how it says that it is de-identified."""
    tables = sound()
    first = tables["patients"][0]
    keys = [row["patient_id"] for row in tables["patients"]]
    if found := re.fullmatch(r"key '(.*)'", case):
        with_keys(tables, {keys[0]: found[1]})
    elif case in KEYS:
        with_keys(tables, {key: KEYS[case](place) for place, key in enumerate(keys)})
    elif found := re.fullmatch(r"(\w+)\.(\w+)='(.*)'", case):
        tables[found[1]][0][found[2]] = found[3]
    elif found := re.fullmatch(r"index_period (.*) (safe_harbor|limited_data_set)", case):
        first["index_period"] = found[1]
        return tables, "safe_harbor" if found[2] == "safe_harbor" else "limited_data_set"
    elif kind == "age":
        first["age_years"] = case
        if case.startswith("85 + "):
            first["age_years"] = "58"
            tables["patients"][-1] |= {"age_years": "85", "data_cut_day": "", "last_contact_day": ""}
            tables["encounters"][-1] |= {"start_day": "2100", "end_day": "2100"}
    else:
        return WHOLE[case]()
    return tables, "limited_data_set"


def _cut(jitter: int = 1, column: str = "data_cut_day", patients: int = _PATIENTS) -> tuple[Submission, Method]:
    tables = sound(jitter)
    for rows in tables.values():
        del rows[patients:]
    if column == "last_contact_day":
        for row in tables["patients"]:
            row |= {"last_contact_day": row["data_cut_day"], "data_cut_day": ""}
    return tables, "limited_data_set"


def _encounter_on_one_date() -> tuple[Submission, Method]:
    tables = sound()
    for place, row in enumerate(tables["encounters"]):
        row["start_day"] = row["end_day"] = str(600 + place * 24)
    return tables, "limited_data_set"


def _old_and_long_followed() -> tuple[Submission, Method]:
    tables = sound()
    tables["patients"][0] |= {"age_years": "90", "last_contact_day": "2556", "data_cut_day": "2556"}
    return tables, "limited_data_set"


def _numbered_by_a_database() -> tuple[Submission, Method]:
    tables = sound()
    for name in ("procedures", "diagnoses", "follow_ups", "treatments"):
        for row in tables[name]:
            row[TABLES[name].key] = str(_RANDOM.randrange(100_000_000, 10**9))
    return tables, "limited_data_set"


WHOLE: dict[str, Callable[[], tuple[Submission, Method]]] = {
    "jitter 3 days": lambda: _cut(jitter=3),
    "jitter 10 days": lambda: _cut(jitter=10),
    "25 patients": lambda: _cut(patients=25),
    "last_contact only": lambda: _cut(column="last_contact_day"),
    "every patient has an encounter on one date": _encounter_on_one_date,
    "age 90, 7 years follow-up": _old_and_long_followed,
    "row keys 9 digits (database)": _numbered_by_a_database,
    "safe harbor years": lambda: (sound(shift=731, grain="%Y"), "safe_harbor"),
}
"""Cases that change more than a cell or the keys."""


def cells(tables: Submission) -> dict[str, pa.Table]:
    return {
        name: pa.table(
            {
                column: pa.array([row.get(column) or None for row in rows], pa.string())
                for column in TABLES[name].schema.names
            }
        )
        for name, rows in tables.items()
        if rows
    }


@pytest.mark.parametrize(("kind", "case", "expected"), CASES, ids=[f"{kind}: {case}" for kind, case, _ in CASES])
def test_case(kind: str, case: str, expected: str) -> None:
    tables, method = submission(kind, case)
    try:
        screen(cells(tables), method, _CUT)
        outcome = "accepted"
    except SubmissionRefused:
        outcome = "refused"
    assert outcome == expected


def test_a_sound_submission_passes() -> None:
    screen(cells(sound()), "limited_data_set", _CUT)
