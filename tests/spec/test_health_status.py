"""EQ-5D classes, acceptable states and the threshold of myelopathy, situation by situation, at 3 months."""

from typing import Any

import duckdb
import pytest

from tests.support.situations import Row, complete, measure

Records = dict[str, list[Row]]
Answer = tuple[str, str | None]
"""Status and reason."""


def _patient(*visits: Row, **patient: Any) -> Records:
    return complete({"patients": [patient], "follow_ups": list(visits)})


def _profile(day: int, digits: str, version: str | None = None) -> Row:
    return {"day": day, "eq5d_version": version} | {f"eq5d_{at}": int(level) for at, level in enumerate(digits, 1)}


def _change(before: str, after: str) -> Records:
    return _patient(_profile(-7, before), _profile(91, after))


CLASSES: dict[str, tuple[Records, str | None, str | None]] = {
    "better in one dimension": (_change("22222", "22221"), "better", None),
    "better in all": (_change("55555", "11111"), "better", None),
    "worse in one dimension": (_change("22222", "22232"), "worse", None),
    "better in one and worse in another": (_change("22222", "12223"), "mixed", None),
    "much better in four, a little worse in one": (_change("55551", "11112"), "mixed", None),
    "as before": (_change("21354", "21354"), "same", None),
    "nothing to better": (_change("11111", "11111"), "same", None),
    "the same version": (
        _patient(_profile(-7, "33333", "3L"), _profile(91, "22222", "3L")),
        "better",
        None,
    ),
    "a version stated, the other left to the contract": (
        _patient(_profile(-7, "22222"), _profile(91, "11111", "5L")),
        "better",
        None,
    ),
    "two versions cannot be compared": (
        _patient(_profile(-7, "22222", "3L"), _profile(91, "22222", "5L")),
        None,
        "no_baseline",
    ),
    "both versions before surgery": (
        _patient(_profile(-30, "22222", "3L"), _profile(-7, "33333", "5L"), _profile(91, "22222", "3L")),
        "same",
        None,
    ),
    "one dimension missing": (_patient(_profile(-7, "22222"), _profile(91, "1111")), None, "no_assessment_in_window"),
    "the nearest complete profile": (
        _patient(_profile(-7, "22222"), _profile(91, "1111"), _profile(100, "22223")),
        "worse",
        None,
    ),
    "no profile before surgery": (_patient(_profile(91, "11111")), None, "no_baseline"),
    "a window still open": (
        _patient(_profile(-7, "22222"), _profile(91, "11111"), data_cut_day=100),
        None,
        "window_not_closed",
    ),
    "died before the window": (
        _patient(_profile(-7, "22222"), death_day=20, data_cut_day=730),
        None,
        "died_before_window",
    ),
}


def _ndi(before: float | None, after: float | None, indication: str = "myelopathy") -> Records:
    visits = [{"day": day, "ndi_total": score, "ndi_unit": "percent"} for day, score in ((-7, before), (91, after))]
    return _patient(*visits, indication=indication)


MEASURES: dict[str, tuple[Records, str, Answer]] = {
    "NDI 20 is acceptable": (_ndi(60, 20), "acceptable_ndi", ("yes", None)),
    "NDI 20.5 is not": (_ndi(60, 20.5), "acceptable_ndi", ("no", None)),
    "acceptable needs no score before": (_ndi(None, 10), "acceptable_ndi", ("yes", None)),
    "acceptable where there was nothing to better": (_ndi(4, 4), "acceptable_ndi", ("yes", None)),
    "nothing to better and not asked again": (_ndi(4, None), "acceptable_ndi", ("excluded", "no_assessment_in_window")),
    "neck pain 3 is acceptable": (_patient({"day": 91, "neck_pain_nrs": 3}), "acceptable_neck_pain_nrs", ("yes", None)),
    "neck pain 3.1 is not": (_patient({"day": 91, "neck_pain_nrs": 3.1}), "acceptable_neck_pain_nrs", ("no", None)),
    "arm pain 3 is acceptable": (_patient({"day": 91, "arm_pain_nrs": 3}), "acceptable_arm_pain_nrs", ("yes", None)),
    "30 percent less": (_ndi(50, 35), "improved_ndi", ("yes", None)),
    "29.8 percent less": (_ndi(50, 35.1), "improved_ndi", ("no", None)),
    "30 percent of too little to reach the MCID": (_ndi(14, 0), "improved_ndi", ("excluded", "not_applicable")),
    "myelopathy: 13.4 is its MCID": (_ndi(50, 36.6), "mcid_ndi_myelopathy", ("yes", None)),
    "myelopathy: 13.3 is not": (_ndi(50, 36.7), "mcid_ndi_myelopathy", ("no", None)),
    "myelopathy: a baseline between the two thresholds": (_ndi(14, 0), "mcid_ndi_myelopathy", ("yes", None)),
    "myelopathy: too little before surgery": (_ndi(13, 0), "mcid_ndi_myelopathy", ("excluded", "not_applicable")),
    "myelopathy and radiculopathy": (_ndi(50, 36, "both"), "mcid_ndi_myelopathy", ("yes", None)),
    "radiculopathy": (_ndi(50, 36, "radiculopathy"), "mcid_ndi_myelopathy", ("excluded", "not_myelopathy")),
    "the usual MCID beside it": (_ndi(50, 36), "mcid_ndi", ("no", None)),
}


@pytest.fixture(scope="module")
def judged() -> duckdb.DuckDBPyConnection:
    return measure(
        {name: records for name, (records, *_) in CLASSES.items()}
        | {name: records for name, (records, *_) in MEASURES.items()}
    )


@pytest.mark.parametrize("name", CLASSES)
def test_the_class_of_a_change_of_health(judged: duckdb.DuckDBPyConnection, name: str) -> None:
    found = judged.execute(
        "select change_class, reason from eq5d_changes where site_id = $name and visit_window = '3_months'",
        {"name": name},
    ).fetchall()
    assert found == [CLASSES[name][1:]]


@pytest.mark.parametrize("name", CLASSES)
def test_the_four_classes_part_one_denominator(judged: duckdb.DuckDBPyConnection, name: str) -> None:
    found = judged.execute(
        "select measure, status from measure_results where site_id = $name and measure like 'eq5d_%_3_months'",
        {"name": name},
    ).fetchall()
    change_class = CLASSES[name][1]
    others = "no" if change_class else "excluded"
    assert dict(found) == {
        f"eq5d_{each}_3_months": "yes" if each == change_class else others
        for each in ("better", "mixed", "worse", "same")
    }


@pytest.mark.parametrize("name", MEASURES)
def test_the_answer_of_a_measure(judged: duckdb.DuckDBPyConnection, name: str) -> None:
    _, measured, expected = MEASURES[name]
    found = judged.execute(
        "select status, reason from measure_results where site_id = $name and measure = $measure",
        {"name": name, "measure": f"{measured}_3_months"},
    ).fetchall()
    assert found == [expected]


def test_a_value_set_of_the_5l_gives_a_3l_profile_no_index(judged: duckdb.DuckDBPyConnection) -> None:
    judged.execute("insert into eq5d_values values ('33333', 0.1), ('22222', 0.5)")
    judged.execute(
        "create or replace temp table follow_up_scores as "
        "select * replace (if(eq5d_profile is null, null, 0.5) as eq5d_index) from follow_up_scores"
    )
    found = judged.execute("select distinct eq5d_version, eq5d_index from eq5d_scores where eq5d_profile is not null")
    assert set(found.fetchall()) == {("3L", None), ("5L", 0.5)}
