"""Complications of the first 90 days, situation by situation."""

from typing import Any

import duckdb
import pytest

from tests.support.situations import Row, complete, measure

Records = dict[str, list[Row]]
Found = tuple[str, int, str | None]
"""Kind, day, grade."""


def _diagnosis(code: str, day: int, system: str = "ICD10CM", **more: Any) -> Row:
    return {"code_system": system, "code": code, "day": day} | more


def _patient(*diagnoses: Row, procedures: list[Row] | None = None, **patient: Any) -> Records:
    return complete(
        {
            "patients": [{"index_period": "2024-01"} | patient],
            "diagnoses": list(diagnoses),
            "procedures": procedures or [],
        }
    )


def _procedure(code: str, day: int, **more: Any) -> Row:
    return {"code_system": "CPT", "code": code, "day": day} | more


SITUATIONS: dict[str, tuple[Records, list[Found]]] = {
    "none": (_patient(), []),
    "infection": (_patient(_diagnosis("T8141XA", 12)), [("infection", 12, None)]),
    "infection on the day of surgery names a procedure": (_patient(_diagnosis("T8140XA", 0)), [("infection", 0, None)]),
    "later care for an infection": (_patient(_diagnosis("T8141XD", 40)), []),
    "infection on day 90": (_patient(_diagnosis("T8142XA", 90)), [("infection", 90, None)]),
    "infection on day 91": (_patient(_diagnosis("T8142XA", 91)), []),
    "infection of an earlier operation": (_patient(_diagnosis("T8142XA", -3)), []),
    "infection of an earlier operation, and of this one": (
        _patient(_diagnosis("T8142XA", -3), _diagnosis("T8142XA", 9)),
        [("infection", 9, None)],
    ),
    "infection drained": (
        _patient(_diagnosis("T8142XA", 12), procedures=[_procedure("10180", 14)]),
        [("infection", 12, "III")],
    ),
    "infection of a device": (_patient(_diagnosis("T8463XA", 30)), [("infection", 30, None)]),
    "infection of a device of the thigh": (_patient(_diagnosis("T84620A", 30)), []),
    "infection before the codes of 2018": (
        _patient(_diagnosis("T814XXA", 10), index_period="2017-01"),
        [("infection", 10, None)],
    ),
    "infection by a code that was retired": (_patient(_diagnosis("T814XXA", 10)), []),
    "infection in ICD-9": (
        _patient(_diagnosis("99859", 10, "ICD9CM"), index_period="2014-01"),
        [("infection", 10, None)],
    ),
    "haematoma": (_patient(_diagnosis("M96840", 0)), [("haematoma", 0, None)]),
    "neck explored for bleeding": (_patient(procedures=[_procedure("35800", 1)]), [("haematoma", 1, "III")]),
    "seroma": (_patient(_diagnosis("M96842", 5)), []),
    "dysphagia": (_patient(_diagnosis("R1310", 3)), [("dysphagia", 3, None)]),
    "dysphagia on the day of surgery may have been there before": (_patient(_diagnosis("R1310", 0)), []),
    "dysphagia before surgery": (_patient(_diagnosis("R1310", -20), _diagnosis("R1312", 5)), []),
    "a palsy of the arm": (_patient(_diagnosis("G8321", 2)), [("c5_palsy", 2, None)]),
    "a palsy of the leg": (_patient(_diagnosis("G8311", 2)), []),
    "pulmonary embolism": (_patient(_diagnosis("I2699", 15)), [("venous_thromboembolism", 15, None)]),
    "thrombosis of the leg": (_patient(_diagnosis("I82411", 15)), [("venous_thromboembolism", 15, None)]),
    "an old thrombosis": (_patient(_diagnosis("I82511", 15)), []),
    "thrombosis known before": (_patient(_diagnosis("I82411", -40), _diagnosis("I82411", 15)), []),
    "death": (_patient(death_day=20), [("death", 20, "V")]),
    "death on day 91": (_patient(death_day=91), []),
    "the first of a kind": (_patient(_diagnosis("R1310", 30), _diagnosis("R1312", 6)), [("dysphagia", 6, None)]),
    "several kinds": (
        _patient(_diagnosis("T8141XA", 8), _diagnosis("I2699", 10), death_day=11),
        [("death", 11, "V"), ("infection", 8, None), ("venous_thromboembolism", 10, None)],
    ),
}


@pytest.fixture(scope="module")
def judged() -> duckdb.DuckDBPyConnection:
    return measure({name: records for name, (records, _) in SITUATIONS.items()})


@pytest.mark.parametrize("name", SITUATIONS)
def test_complications(judged: duckdb.DuckDBPyConnection, name: str) -> None:
    found = judged.execute(
        "select kind, day, grade from complications where site_id = $name order by kind", {"name": name}
    ).fetchall()
    assert found == SITUATIONS[name][1]
