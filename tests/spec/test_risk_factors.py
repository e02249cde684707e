"""The case mix that the risk models use, situation by situation."""

from typing import Any

import pytest

from outcomes.sql.files import SqlFile
from outcomes.sql.shipped import shipped
from tests.support.situations import Row, complete, measure

RISK_FACTORS = SqlFile(shipped("sql", "relations", "measures") / "risk_factors.sql")
_ALL_KNOWN: Row = {
    "sex": "female", "age_years": 52, "smoking": "current", "diabetes": True, "asa_class": 2,
    "prior_cervical_surgery": False, "indication": "myelopathy", "workers_compensation": False,
}  # fmt: skip


def _risk_factors(*patients: dict[str, list[Row]]) -> list[Row]:
    """The rows of the patients, each at a site of its own."""
    con = measure({f"site-{number:03}": complete(records) for number, records in enumerate(patients)})
    rows: list[Row] = con.sql("from risk_factors order by site_id").to_arrow_table().to_pylist()
    return rows


def _one(patient: Row, **records: list[Row]) -> Row:
    (row,) = _risk_factors({"patients": [patient], **records})
    return row


ASA_CLASSES = {1: "1", 3: "3", 4: "4 and over", 6: "4 and over"}
AGES = {47: 45, 48: 50, 18: 20, 90: 90}
BASELINES: dict[str, tuple[list[Row], int | None]] = {
    "the nearest visit": ([{"day": -20, "ndi_total": 10}, {"day": -3, "ndi_total": 20}], 40),
    "the nearest at which it was scored": ([{"day": -20, "ndi_total": 10}, {"day": -3, "neck_pain_nrs": 5}], 20),
    "no baseline": ([{"day": -200, "ndi_total": 10}, {"day": 42, "ndi_total": 10}], None),
    "24 percent": ([{"day": -3, "ndi_total": 12}], 20),
    "26 percent": ([{"day": -3, "ndi_total": 13}], 30),
}


@pytest.fixture(scope="module")
def known() -> dict[str, Row]:
    """Patients of whom what is asked is known, in one run: the others of a registry tell nothing of them."""
    visit = {"day": -7, "ndi_total": 21, "ndi_unit": "points"}
    patients: dict[str, dict[str, list[Row]]] = {
        "all": {"patients": [_ALL_KNOWN], "follow_ups": [visit]},
        **{f"class {each}": {"patients": [{"asa_class": each}]} for each in ASA_CLASSES},
        **{f"age {each}": {"patients": [{"age_years": each}]} for each in AGES},
        **{
            name: {"follow_ups": [{"ndi_unit": "points"} | visit for visit in visits]}
            for name, (visits, _) in BASELINES.items()
        },
    }
    return dict(zip(patients, _risk_factors(*patients.values()), strict=True))


def test_a_patient_of_whom_all_is_known(known: dict[str, Row]) -> None:
    assert known["all"] == {
        "site_id": "site-000", "patient_id": "p", "sex": "female", "age": 50, "age_known": "recorded",
        "smoking": "current", "diabetes": "yes", "asa_class": "2", "prior_surgery": "no", "approach": "anterior",
        "levels": "1", "ndi": 40, "ndi_known": "recorded", "indication": "myelopathy", "workers_compensation": "no",
    }  # fmt: skip


def test_what_is_missing_is_a_level_of_its_own() -> None:
    unknown = _one({"age_years": None}, procedures=[{"day": 0, "code_system": "ICD10PCS", "code": "0RG20A0"}])
    assert {name for name, value in unknown.items() if value == "unknown"} == {
        "sex", "smoking", "diabetes", "asa_class", "prior_surgery", "levels", "indication", "workers_compensation"
    }  # fmt: skip
    assert (unknown["age_known"], unknown["ndi_known"]) == ("missing", "missing")
    assert (unknown["age"], unknown["ndi"]) == (0, 0), "known of nobody"


@pytest.mark.parametrize("asa_class", ASA_CLASSES)
def test_the_highest_classes_are_one_level(known: dict[str, Row], asa_class: int) -> None:
    assert known[f"class {asa_class}"]["asa_class"] == ASA_CLASSES[asa_class]


@pytest.mark.parametrize("age", AGES)
def test_age_is_rounded_to_5_years(known: dict[str, Row], age: int) -> None:
    assert known[f"age {age}"]["age"] == AGES[age]


@pytest.mark.parametrize("name", BASELINES)
def test_the_baseline_index(known: dict[str, Row], name: str) -> None:
    row = known[name]
    assert (row["ndi"] if row["ndi_known"] == "recorded" else None) == BASELINES[name][1]


def test_a_missing_number_is_filled_with_the_mean_of_the_known() -> None:
    def patient(age: Any, points: Any) -> dict[str, list[Row]]:
        visit = {"day": -3, "neck_pain_nrs": 5, "ndi_total": points, "ndi_unit": "points" if points else None}
        return {"patients": [{"age_years": age}], "follow_ups": [visit]}

    rows = _risk_factors(patient(40, 10), patient(60, 30), patient(None, None))
    assert [(row["age"], row["age_known"]) for row in rows] == [(40, "recorded"), (60, "recorded"), (50, "missing")]
    assert [(row["ndi"], row["ndi_known"]) for row in rows] == [(20, "recorded"), (60, "recorded"), (40, "missing")]


def test_every_column_but_the_key_is_described(known: dict[str, Row]) -> None:
    columns = set(known["all"]) - {"site_id", "patient_id"}
    assert columns == set(RISK_FACTORS.header["columns"])
    for name, value in known["all"].items():
        levels = RISK_FACTORS.header["columns"].get(name, {}).get("enum")
        assert levels is None or value in levels, name
