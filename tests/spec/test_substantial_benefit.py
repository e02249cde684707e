"""Who got much better by the Neck Disability Index in a year, situation by situation."""

from typing import Any

import duckdb
import pytest

from tests.support.situations import Row, complete, measure

Answer = tuple[str, str | None]


def _ndi(day: int, percent: float, **more: Any) -> Row:
    return {"day": day, "ndi_total": percent, "ndi_unit": "percent"} | more


def _patient(*visits: Row, cut: int = 730, revision: int | None = None, **facts: Any) -> dict[str, list[Row]]:
    procedures = (
        [] if revision is None else [{"day": revision, "code_system": "CPT", "code": "22551", "levels": "C6-7"}]
    )
    patient = {"data_cut_day": cut, "last_contact_day": 1, **facts}
    return complete({"patients": [patient], "procedures": procedures, "follow_ups": list(visits)})


BEFORE = _ndi(-7, 50)

SITUATIONS: dict[str, tuple[dict[str, list[Row]], Answer]] = {
    "a fall of 19 is the substantial clinical benefit": (_patient(BEFORE, _ndi(365, 31)), ("yes", None)),
    "a fall of 18 is not": (_patient(BEFORE, _ndi(365, 32)), ("no", None)),
    "worse": (_patient(BEFORE, _ndi(365, 70)), ("no", None)),
    "day 300 counts": (_patient(BEFORE, _ndi(300, 20)), ("yes", None)),
    "day 299 does not": (_patient(BEFORE, _ndi(299, 20)), ("excluded", "no_assessment_in_window")),
    "day 425 counts": (_patient(BEFORE, _ndi(425, 20)), ("yes", None)),
    "day 426 does not": (_patient(BEFORE, _ndi(426, 20)), ("excluded", "no_assessment_in_window")),
    "90 days before surgery counts": (_patient(_ndi(-90, 50), _ndi(365, 20)), ("yes", None)),
    "91 days before does not": (_patient(_ndi(-91, 50), _ndi(365, 20)), ("excluded", "no_baseline")),
    "the day of surgery is before": (_patient(_ndi(0, 50), _ndi(365, 20)), ("yes", None)),
    "the last score before surgery": (_patient(_ndi(-80, 90), _ndi(-3, 30), _ndi(365, 20)), ("no", None)),
    "the score nearest to 1 year": (_patient(BEFORE, _ndi(310, 45), _ndi(360, 20)), ("yes", None)),
    "of two as near the earlier": (_patient(BEFORE, _ndi(360, 20), _ndi(370, 45)), ("yes", None)),
    "a visit without the index is none": (
        _patient(BEFORE, _ndi(340, 20), {"day": 365, "neck_pain_nrs": 8.0}), ("yes", None)
    ),
    "too well before surgery to fall by 19": (
        _patient(_ndi(-7, 18), _ndi(365, 0)), ("excluded", "not_applicable")
    ),
    "just bad enough": (_patient(_ndi(-7, 19), _ndi(365, 0)), ("yes", None)),
    "the window is open": (_patient(BEFORE, _ndi(365, 20), cut=424), ("excluded", "window_not_closed")),
    "the window is closed": (_patient(BEFORE, _ndi(365, 20), cut=425), ("yes", None)),
    "dead before": (_patient(BEFORE, death_day=299), ("excluded", "died_before_window")),
    "dead in the window": (_patient(BEFORE, death_day=310), ("excluded", "no_assessment_in_window")),
    "revised before": (_patient(BEFORE, _ndi(365, 20), revision=200), ("excluded", "revised_before_window")),
    "revised in the window, answered before": (_patient(BEFORE, _ndi(320, 20), revision=350), ("yes", None)),
    "revised in the window, answered after": (
        _patient(BEFORE, _ndi(380, 20), revision=350), ("excluded", "no_assessment_in_window")
    ),
}  # fmt: skip


UNPLANNED = ("S12400A", "C412", "M4622")
"""Codes of surgery that nobody planned."""


def _unplanned(code: str) -> dict[str, list[Row]]:
    diagnosis = {"patient_id": "p", "diagnosis_id": "d", "day": 0, "code_system": "ICD10CM", "code": code}
    return _patient(BEFORE, _ndi(365, 20)) | {"diagnoses": [diagnosis]}


@pytest.fixture(scope="module")
def judged() -> duckdb.DuckDBPyConnection:
    """Every situation as a site of its own."""
    return measure(
        {name: records for name, (records, _) in SITUATIONS.items()} | {code: _unplanned(code) for code in UNPLANNED}
    )


def _answers(judged: duckdb.DuckDBPyConnection, site: str) -> list[Answer]:
    return judged.execute("select status, reason from substantial_benefit where site_id = ?", [site]).fetchall()


@pytest.mark.parametrize("name", SITUATIONS)
def test_situation(judged: duckdb.DuckDBPyConnection, name: str) -> None:
    assert _answers(judged, name) == [SITUATIONS[name][1]]


@pytest.mark.parametrize("code", UNPLANNED)
def test_only_planned_surgery_is_asked(judged: duckdb.DuckDBPyConnection, code: str) -> None:
    assert _answers(judged, code) == [("excluded", "not_planned")]
