"""How complete the follow-up is, who answered, and how far the shares could be off: worked out by hand."""

from collections.abc import Iterator
from math import sqrt
from typing import Any

import duckdb
import pytest

from outcomes.measures.missing_answers import missing_answers_table
from outcomes.sql.catalog.measures import measure_definitions
from tests.support.situations import Row, complete, measure


def _patient(key: str, *visits: Row, cut: int = 1000, contact: int = 1000, **facts: Any) -> dict[str, list[Row]]:
    patient = {"patient_id": key, "data_cut_day": cut, "last_contact_day": contact, **facts}
    procedure = {"patient_id": key, "day": 0, "code_system": "CPT", "code": "22551", "levels": "C5-6"}
    return {
        "patients": complete({"patients": [patient]})["patients"],
        "procedures": [{"procedure_id": f"{key}-index", **procedure}],
        "follow_ups": [
            {"patient_id": key, "follow_up_id": f"{key}-{number}", **visit} for number, visit in enumerate(visits)
        ],
    }


def _revised(patient: dict[str, list[Row]], day: int) -> dict[str, list[Row]]:
    (index,) = patient["procedures"]
    return patient | {"procedures": [index, index | {"procedure_id": f"{index['procedure_id']}-again", "day": day}]}


def _site(*patients: dict[str, list[Row]]) -> dict[str, list[Row]]:
    tables = ("patients", "procedures", "follow_ups")
    return {table: [row for patient in patients for row in patient[table]] for table in tables}


SITES = {
    "east": _site(
        _patient("a", {"day": -5, "neck_pain_nrs": 8.0}, {"day": 91, "neck_pain_nrs": 5.0}, age_years=50, sex="female"),
        _patient("b", {"day": -5, "neck_pain_nrs": 6.0}, {"day": 100, "neck_pain_nrs": 1.0}, age_years=60, sex="male"),
        _patient("c", {"day": -5, "neck_pain_nrs": 4.0}, contact=50, age_years=70, sex="female"),
        _patient("d", contact=60, age_years=80, sex="unknown"),
        _patient("e", {"day": 80, "neck_pain_nrs": 1.0}, cut=90, contact=90, age_years=40),
        _patient("f", cut=90, contact=90, age_years=40),
        _patient("g", cut=30, contact=30, age_years=40),
        _patient("h", contact=20, death_day=40, age_years=40),
    ),
    "west": _site(_patient("a", {"day": 91, "neck_pain_nrs": 5.0})),
}


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with measure(SITES) as made:
        yield made


def test_the_states_are_counted(con: duckdb.DuckDBPyConnection) -> None:
    columns = "expected, done, due, lost, not_yet_due, died_before_window, revised_before_window, closed, answered"
    found = con.execute(
        f"select site_id, {columns} from completeness where visit_window = '3_months' order by site_id"
    ).fetchall()
    assert found == [
        ("east", 6, 3, 1, 2, 1, 1, 0, 4, 2),
        ("west", 1, 1, 0, 0, 0, 0, 0, 1, 1),
        (None, 7, 4, 1, 2, 1, 1, 0, 5, 3),
    ]


def test_clarks_c_is_observed_among_potential_time(con: duckdb.DuckDBPyConnection) -> None:
    # Up to day 91. East: a 91, b 91, c 50 of 91, d 60 of 91, e 90, f 90, g 30, h 20 of 40 (dead).
    found = con.execute(
        "select observed_days, potential_days from completeness where visit_window = '3_months' and site_id = 'east'"
    ).fetchall()
    assert found == [(91 + 91 + 50 + 60 + 90 + 90 + 30 + 20, 4 * 91 + 90 + 90 + 30 + 40)]


def test_a_horizon_is_followed_by_the_time_observed_of_the_time_that_could_be() -> None:
    patients = {
        "all the time": (_patient("a"), 730, 730),
        "lost half way": (_patient("b", contact=365), 365, 730),
        "operated on 200 days ago": (_patient("c", cut=200, contact=200), 200, 200),
        "died": (_patient("d", contact=40, death_day=40), 40, 40),
        "lost before death": (_patient("e", contact=20, death_day=60), 20, 60),
        "revised and then lost": (_revised(_patient("f", contact=150), 100), 100, 100),
        "revised after the horizon": (_revised(_patient("g"), 800), 730, 730),
    }
    with measure({"east": _site(*(patient for patient, *_ in patients.values()))}) as con:
        found = con.execute(
            "select observed_days, potential_days from headline_follow_up where measure = 'revision_2_years' "
            "order by patient_id"
        ).fetchall()
    assert found == [(observed, potential) for _, observed, potential in patients.values()]


def test_responders_are_compared_with_the_others(con: duckdb.DuckDBPyConnection) -> None:
    found = {
        characteristic: values
        for characteristic, *values in con.execute(
            """
            select characteristic, responders, non_responders, responders_value, non_responders_value, difference
            from responders_baseline where visit_window = '3_months'
            """
        ).fetchall()
    }
    # Responders: a and b of east, a of west (50 years). The others: c and d.
    ages = (50 + 60 + 50) / 3
    variance = ((50 - ages) ** 2 * 2 + (60 - ages) ** 2) / 2
    difference = (ages - 75) / sqrt((variance + 50) / 2)
    assert found["age_years"] == [3, 2, pytest.approx(ages, abs=1e-6), 75, pytest.approx(difference, abs=1e-6)]
    assert found["female"] == [2, 1, 0.5, 1, pytest.approx(-0.5 / sqrt(0.25 / 2), abs=1e-6)]
    assert found["baseline_neck_pain"] == [2, 1, 7, 4, None]
    assert found["baseline_ndi"] == [0, 0, None, None, None]


FIGURES = (
    *("site_id", "numerator", "answered", "not_answered"),
    *("share", "share_if_missing_no", "share_if_missing_yes"),
)


def test_missing_answers_leave_out_those_without_an_answer(con: duckdb.DuckDBPyConnection) -> None:
    # Neck pain at 3 months. East: a better by 3, b by 5; c and d lost; e, f and g not yet closed; h dead before.
    # West: the answer of a is known, what it was before surgery is not.
    rows = [row for row in missing_answers_table(con).to_pylist() if row["measure"] == "mcid_neck_pain_nrs_3_months"]
    found = [tuple(row[name] for name in FIGURES) for row in rows]
    assert found == [
        ("east", 2, 2, 2, 1.0, 0.5, 1.0),
        ("west", 0, 0, 1, None, 0.0, 1.0),
        (None, 2, 2, 3, 1.0, 0.4, 1.0),
    ]
    assert [(row["weighted_share"], row["effective_patients"]) for row in rows][1] == (None, 0)


def test_missing_answers_are_told_of_each_measure_of_what_patients_report(con: duckdb.DuckDBPyConnection) -> None:
    rows = missing_answers_table(con).to_pylist()
    asked = {measure.id for measure in measure_definitions() if measure.baseline_score}
    assert len(rows) == 3 * len(asked)
    assert {row["measure"] for row in rows} == asked
    for row in rows:
        if row["answered"]:
            assert row["share_if_missing_no"] <= row["share"] <= row["share_if_missing_yes"]
            assert row["share_if_missing_no"] <= row["weighted_share"] <= row["share_if_missing_yes"]


def test_missing_answers_agree_with_the_counts_of_the_measures(con: duckdb.DuckDBPyConnection) -> None:
    counted = con.execute(
        "select measure, site_id, numerator, patients from measure_counts "
        "where resolution = 'all' and stratum_kind = 'all'"
    ).fetchall()
    for row in missing_answers_table(con).to_pylist():
        assert (row["measure"], row["site_id"], row["numerator"], row["answered"]) in counted
