"""What each measure says of a patient, situation by situation, for those that are not simply a label."""

import csv
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from outcomes.sql.catalog.measures import measure_definitions
from outcomes.sql.shipped import shipped
from tests.generative.histories import patients
from tests.support.situations import ALL_TABLES, LeftOut, Row, complete, measure

_REVISION: Row = {"code_system": "CPT", "code": "22551", "levels": "C6-7"}
_INDEX_STAY: Row = {"encounter_id": "index", "type": "inpatient", "start_day": -1, "end_day": 5}
_WEAKNESS: Row = {"code_system": "ICD10CM", "code": "M6281"}

Answer = tuple[str, str | None]
YES: Answer = ("yes", None)
NO: Answer = ("no", None)


def excluded(reason: str) -> Answer:
    return ("excluded", reason)


def _patient(
    *, cut: int = 3000, contact: int | None = None, death: int | None = None, **records: Any
) -> dict[str, list[Row]]:
    return complete(
        {
            "patients": [
                {"data_cut_day": cut, "last_contact_day": cut if contact is None else contact, "death_day": death}
            ]
        }
        | records
    )


def _revised(*days: int, **patient: Any) -> dict[str, list[Row]]:
    return _patient(procedures=[_REVISION | {"day": day} for day in days], **patient)


def _stay(day: int, kind: str = "inpatient", **patient: Any) -> dict[str, list[Row]]:
    return _patient(encounters=[_INDEX_STAY, {"type": kind, "start_day": day, "end_day": day + 2}], **patient)


def _transfers(*stays: tuple[int, int]) -> dict[str, list[Row]]:
    return _patient(encounters=[{"type": "inpatient", "start_day": first, "end_day": last} for first, last in stays])


def _visit(day: int) -> Row:
    return {"type": "outpatient", "start_day": day, "end_day": day}


def _flagged(
    *images: int, encounters: tuple[Row, ...] = (), second: int | None = 400, **patient: Any
) -> dict[str, list[Row]]:
    return _patient(
        diagnoses=[_WEAKNESS | {"day": day} for day in (100, second) if day],
        imaging=[{"day": day, "modality": "mri"} for day in images],
        encounters=list(encounters),
        **patient,
    )


def _visits(*visits: Row, revision: int | None = None, **patient: Any) -> dict[str, list[Row]]:
    procedures = [] if revision is None else [_REVISION | {"day": revision}]
    return _patient(follow_ups=list(visits), procedures=procedures, **patient)


def _pain(day: int, score: float) -> Row:
    return {"day": day, "neck_pain_nrs": score}


def _said(day: int, satisfaction: int | None) -> Row:
    return {"day": day, "neck_pain_nrs": 2.0, "satisfaction": satisfaction}


Situation = tuple[dict[str, list[Row]], str, Answer]

SITUATIONS: dict[str, Situation] = {
    # Events within a horizon
    "revised on the day of the horizon": (_revised(90), "revision_90_days", YES),
    "revised on the day after": (_revised(91), "revision_90_days", NO),
    "revised on the day after, the longer horizon": (_revised(91), "revision_1_year", YES),
    "revised twice, the first counts": (_revised(300, 700), "revision_1_year", YES),
    "revised a year and a day after": (_revised(366), "revision_1_year", NO),
    "revised after 2 years": (_revised(730), "revision_2_years", YES),
    "revised a day later": (_revised(731), "revision_2_years", NO),
    "revised after 5 years": (_revised(1826), "revision_5_years", YES),
    "revised a day later than 5 years": (_revised(1827), "revision_5_years", NO),
    "never revised": (_patient(), "revision_2_years", NO),
    "the data reach the horizon": (_patient(cut=730), "revision_2_years", NO),
    "the data end a day before": (_patient(cut=729), "revision_2_years", NO),
    "revised, and the data end a day before": (_revised(100, cut=729), "revision_2_years", YES),
    "revised, and the data reach the shorter horizon": (_revised(60, cut=729), "revision_90_days", YES),
    "last seen on the horizon": (_patient(contact=730), "revision_2_years", NO),
    "last seen a day before": (_patient(contact=729), "revision_2_years", NO),
    "revised, then lost": (_revised(100, contact=200), "revision_2_years", YES),
    "died on the horizon": (_patient(death=730), "revision_2_years", NO),
    "died a day before": (_patient(death=729), "revision_2_years", NO),
    "lost, then died": (_patient(contact=100, death=200), "revision_2_years", NO),
    "revised, then died": (_revised(100, death=200), "revision_2_years", YES),
    "never seen again": (_patient(contact=0), "revision_90_days", NO),
    # Readmission
    "readmitted on day 30": (_stay(30), "readmission_30_days", YES),
    "readmitted on day 31": (_stay(31), "readmission_30_days", NO),
    "readmitted on day 31, 90 days": (_stay(31), "readmission_90_days", YES),
    "readmitted on day 91": (_stay(91), "readmission_90_days", NO),
    "the index stay is no readmission": (_patient(encounters=[_INDEX_STAY]), "readmission_30_days", NO),
    "transferred on the last day of the index stay": (_stay(5), "readmission_30_days", NO),
    "readmitted on the day after the index stay": (_stay(6), "readmission_30_days", YES),
    "transferred twice": (_transfers((0, 4), (4, 8), (8, 12)), "readmission_30_days", NO),
    "transferred before day 0": (_transfers((-5, 0), (0, 8), (7, 9)), "readmission_30_days", NO),
    "readmitted on the day after a transfer": (_transfers((0, 4), (4, 8), (9, 12)), "readmission_30_days", YES),
    "readmitted on the day of discharge from another stay": (
        _transfers((0, 4), (6, 8), (8, 12)), "readmission_30_days", YES
    ),
    "admitted the day before day 0 and again": (_transfers((-3, -1), (1, 2)), "readmission_30_days", YES),
    "an emergency visit is no readmission": (_stay(10, "emergency"), "readmission_30_days", NO),
    "rehabilitation is no readmission": (_stay(10, "rehabilitation"), "readmission_30_days", NO),
    "the index stay is not delivered": (
        _patient(encounters=[{"type": "inpatient", "start_day": 1, "end_day": 2}]), "readmission_30_days", YES
    ),
    "a planned stage is no readmission": (
        _patient(
            procedures=[
                {"day": 8, "code_system": "CPT", "code": "22600", "modifier": "58", "encounter_id": "stage"}
            ],
            encounters=[_INDEX_STAY, {"encounter_id": "stage", "type": "inpatient", "start_day": 8, "end_day": 9}],
        ),
        "readmission_30_days", NO,
    ),
    "transferred from a planned stage": (
        _patient(
            procedures=[
                {"day": 8, "code_system": "CPT", "code": "22600", "modifier": "58", "encounter_id": "stage"}
            ],
            encounters=[
                _INDEX_STAY, {"encounter_id": "stage", "type": "inpatient", "start_day": 8, "end_day": 9},
                {"type": "inpatient", "start_day": 9, "end_day": 12},
                {"type": "inpatient", "start_day": 12, "end_day": 14},
            ],
        ),
        "readmission_30_days", NO,
    ),
    "readmitted, and the data end before day 30": (_stay(10, cut=29), "readmission_30_days", YES),
    "readmitted, then died": (_stay(10, death=20), "readmission_30_days", YES),
    "died without a readmission": (_patient(death=20), "readmission_30_days", NO),
    "lost without a readmission": (_patient(contact=29), "readmission_30_days", NO),
    # Death in the first weeks
    "died on day 30": (_patient(death=30), "death_30_days", YES),
    "died on day 31": (_patient(death=31), "death_30_days", NO),
    "died after the last contact": (_patient(contact=5, death=20), "death_30_days", YES),
    "died after the last contact, a complication": (_patient(contact=5, death=20), "any_complication_30_days", YES),
    "a death after the data cut": (_patient(cut=10, death=20), "death_30_days", NO),
    # Imaging after a red flag
    "an image on the day of the red flag": (_flagged(100), "red_flag_imaging_30_days", YES),
    "an image 30 days after": (_flagged(130), "red_flag_imaging_30_days", YES),
    "an image 31 days after": (_flagged(131), "red_flag_imaging_30_days", NO),
    "an image 30 days before": (_flagged(70), "red_flag_imaging_30_days", YES),
    "an image 31 days before": (_flagged(69), "red_flag_imaging_30_days", NO),
    "an image after the second red flag only": (_flagged(410), "red_flag_imaging_30_days", NO),
    "a visit is no image": (_flagged(encounters=(_visit(110),)), "red_flag_imaging_30_days", NO),
    "an image is no visit": (_flagged(110), "red_flag_visit_30_days", NO),
    "a visit the day after the red flag": (_flagged(encounters=(_visit(101),)), "red_flag_visit_30_days", YES),
    "a visit 30 days after": (_flagged(encounters=(_visit(130),)), "red_flag_visit_30_days", YES),
    "a visit 31 days after": (_flagged(encounters=(_visit(131),)), "red_flag_visit_30_days", NO),
    "the visit that may have found the red flag": (
        _flagged(encounters=(_visit(100),)), "red_flag_visit_30_days", NO
    ),
    "a visit before the red flag": (_flagged(encounters=(_visit(99),)), "red_flag_visit_30_days", NO),
    "a treatment is no visit": (
        _patient(diagnoses=[_WEAKNESS | {"day": 100}], treatments=[{"start_day": 105, "treatment_class": "nsaid"}]),
        "red_flag_visit_30_days", NO,
    ),
    "30 days not over, with a visit": (
        _flagged(encounters=(_visit(110),), cut=129, second=None), "red_flag_visit_30_days",
        excluded("window_not_closed"),
    ),
    "no red flag": (_patient(imaging=[{"day": 110, "modality": "mri"}]), "red_flag_imaging_30_days",
                    excluded("no_red_flag")),
    "30 days not over, with an image": (
        _patient(diagnoses=[_WEAKNESS | {"day": 100}], imaging=[{"day": 110, "modality": "mri"}], cut=129),
        "red_flag_imaging_30_days", excluded("window_not_closed"),
    ),
    "lost within the 30 days": (
        _patient(diagnoses=[_WEAKNESS | {"day": 100}], contact=129), "red_flag_imaging_30_days",
        excluded("no_follow_up"),
    ),
    # Kinds
    "never controlled": (_visits(_pain(50, 6), _pain(120, 6)), "pain_past_3_months_persistent", YES),
    "controlled before": (_visits(_pain(50, 1), _pain(120, 6)), "pain_past_3_months_persistent", NO),
    "no pain": (_visits(_pain(120, 1)), "pain_past_3_months_persistent", NO),
    "not assessed": (_patient(), "pain_past_3_months_persistent", excluded("no_assessment_in_window")),
    "nerve symptoms flagged": (_visits({"day": 57, "numbness": True}), "nerve_symptoms_flagged", YES),
    "nerve symptoms only watched": (_visits({"day": 56, "numbness": True}), "nerve_symptoms_flagged", NO),
    # Late pain, at the visit nearest to 5, 10 and 20 years
    "pain at 5 years": (_visits(_pain(1826, 4)), "late_pain_5_years", YES),
    "pain at the nearest visit, not at another": (
        _visits(_pain(1700, 1), _pain(1800, 4), _pain(2000, 1)), "late_pain_5_years", YES
    ),
    "pain at another visit than the nearest": (_visits(_pain(1700, 9), _pain(1800, 1)), "late_pain_5_years", NO),
    "of two as near visits the earlier": (_visits(_pain(1816, 1), _pain(1836, 9)), "late_pain_5_years", NO),
    "a visit a year before 5 years": (_visits(_pain(1461, 4)), "late_pain_5_years", YES),
    "a visit more than a year before": (
        _visits(_pain(1460, 4)), "late_pain_5_years", excluded("no_assessment_in_window")
    ),
    "a visit a year after 5 years": (_visits(_pain(2191, 4)), "late_pain_5_years", YES),
    "a visit more than a year after": (
        _visits(_pain(2192, 4)), "late_pain_5_years", excluded("no_assessment_in_window")
    ),
    "late pain, the window open": (
        _visits(_pain(1826, 4), cut=2190), "late_pain_5_years", excluded("window_not_closed")
    ),
    "late pain, the window closed": (_visits(_pain(1826, 4), cut=2191), "late_pain_5_years", YES),
    "late pain, then died": (_visits(_pain(1826, 4), death=1900, cut=1900), "late_pain_5_years", YES),
    "died before the late window": (_visits(death=1460), "late_pain_5_years", excluded("died_before_window")),
    "revised before the late window": (
        _visits(_pain(1826, 4), revision=1460), "late_pain_5_years", excluded("revised_before_window")
    ),
    "late pain after a revision only": (
        _visits(_pain(1826, 4), revision=1700), "late_pain_5_years", excluded("no_assessment_in_window")
    ),
    "pain at 10 years": (_visits(_pain(3652, 4), cut=4017), "late_pain_10_years", YES),
    "pain at 20 years": (_visits(_pain(7305, 4), cut=7670), "late_pain_20_years", YES),
    # Scores
    "better": (_visits(_pain(0, 8), _pain(91, 5.5)), "mcid_neck_pain_nrs_3_months", YES),
    "hardly better": (_visits(_pain(0, 8), _pain(91, 6)), "mcid_neck_pain_nrs_3_months", NO),
    "no score before": (_visits(_pain(91, 2)), "mcid_neck_pain_nrs_3_months", excluded("no_baseline")),
    "better after a revision": (
        _visits(_pain(0, 8), _pain(91, 2), revision=50), "mcid_neck_pain_nrs_3_months",
        excluded("revised_before_window"),
    ),
    "satisfied": (_visits(_said(91, 2)), "satisfied_3_months", YES),
    "not satisfied": (_visits(_said(91, 3)), "satisfied_3_months", NO),
    "not asked": (_visits(_said(91, None)), "satisfied_3_months", excluded("no_assessment_in_window")),
    "not asked at the nearest visit": (_visits(_said(91, None), _said(70, 1)), "satisfied_3_months", YES),
    "of two answers the nearer": (_visits(_said(95, 4), _said(70, 1)), "satisfied_3_months", NO),
    "satisfied, revised, then not": (
        _visits(_said(70, 1), _said(91, 4), revision=80), "satisfied_3_months", YES
    ),
    "asked after a revision only": (
        _visits(_said(91, 1), revision=80), "satisfied_3_months", excluded("no_assessment_in_window")
    ),
    "satisfied in an open window": (
        _visits(_said(70, 1), cut=100), "satisfied_3_months", excluded("window_not_closed")
    ),
    "died before the window": (_visits(death=63), "satisfied_3_months", excluded("died_before_window")),
    # Completeness
    "a visit": (_visits(_pain(91, 3)), "follow_up_3_months", YES),
    "no visit": (_visits(), "follow_up_3_months", NO),
    "a visit in an open window": (_visits(_pain(70, 3), cut=100), "follow_up_3_months", excluded("window_not_closed")),
    "no visit in an open window": (_visits(cut=100), "follow_up_3_months", excluded("window_not_closed")),
    "revised before the window": (_visits(_pain(91, 3), revision=63), "follow_up_3_months",
                                  excluded("revised_before_window")),
    "a baseline": (_visits(_pain(-3, 8)), "follow_up_baseline", YES),
    # Rates
    "a revision": (_revised(400), "revision_rate", YES),
    "no revision": (_patient(), "revision_rate", NO),
    "not observed": (_patient(contact=0), "revision_rate", excluded("no_follow_up")),
    "observed too briefly for the label": (_patient(contact=50), "asd_rate", NO),
    "the label cannot deny it so early": (_patient(contact=50), "suspected_asd", excluded("no_follow_up")),
    "levels unknown": (
        _patient(procedures=[{"day": 0, "code_system": "CPT", "code": "22551"}]), "asd_rate",
        excluded("level_unknown"),
    ),
}  # fmt: skip

WITHOUT = {
    "no encounters": ("encounters", _patient(), "readmission_30_days", excluded("no_source_data")),
    "no encounters for a red flag": ("encounters", _flagged(), "red_flag_visit_30_days", excluded("no_source_data")),
    "no images": ("imaging", _flagged(), "red_flag_imaging_30_days", excluded("no_source_data")),
    "no images for disease": ("imaging", _patient(), "asd_rate", excluded("no_source_data")),
    "no visits": ("follow_ups", _patient(), "follow_up_3_months", NO),
}
"""Sites that do not deliver a table."""

DAYS = {
    "a revision": ("revision_rate", 400),
    "no revision": ("revision_rate", 3000),
    "died on the horizon": ("revision_rate", 730),
    "last seen a day before": ("revision_rate", 729),
    "not observed": ("revision_rate", None),
    "observed too briefly for the label": ("asd_rate", 50),
}


@pytest.fixture(scope="module")
def judged() -> Iterator[duckdb.DuckDBPyConnection]:
    """Every situation as a site of its own, and two hundred invented patients."""
    sites = {name: records for name, (records, _, _) in SITUATIONS.items()}
    delivered = {name: list(ALL_TABLES) for name in sites}
    left_out: dict[str, LeftOut] = {}
    for name, (table, records, _, _) in WITHOUT.items():
        sites[name] = {each: rows for each, rows in records.items() if each != table}
        delivered[name] = [each for each in ALL_TABLES if each != table]
    for number, patient in enumerate(patients(200, seed=7)):
        sites[f"invented {number}"] = patient.tables
        delivered[f"invented {number}"] = list(patient.delivered)
        if patient.left_out:
            left_out[f"invented {number}"] = patient.left_out
    with measure(sites, delivered, left_out) as con:
        yield con


def _answer(con: duckdb.DuckDBPyConnection, site: str, measure: str) -> list[Any]:
    return con.execute(
        "select status, reason from measure_results where site_id = ? and measure = ?", [site, measure]
    ).fetchall()


@pytest.mark.parametrize("name", SITUATIONS)
def test_answer(judged: duckdb.DuckDBPyConnection, name: str) -> None:
    _, measure, expected = SITUATIONS[name]
    assert _answer(judged, name, measure) == [expected]


@pytest.mark.parametrize("name", WITHOUT)
def test_answer_where_a_table_is_missing(judged: duckdb.DuckDBPyConnection, name: str) -> None:
    _, _, measure, expected = WITHOUT[name]
    assert _answer(judged, name, measure) == [expected]


@pytest.mark.parametrize("name", DAYS)
def test_days_at_risk(judged: duckdb.DuckDBPyConnection, name: str) -> None:
    measure, days = DAYS[name]
    found = judged.execute("select days from measure_results where site_id = ? and measure = ?", [name, measure])
    assert found.fetchall() == [(days,)]


def test_each_measure_answers_once_for_each_episode(judged: duckdb.DuckDBPyConnection) -> None:
    counts = judged.execute(
        """
        select measure, count(*), count(distinct (site_id, patient_id)), (select count(*) from episodes)
        from measure_results group by measure
        """
    ).fetchall()
    assert {measure for measure, *_ in counts} == {measure.id for measure in measure_definitions()}
    assert all(len(set(numbers)) == 1 for _, *numbers in counts)


def test_a_reason_is_given_when_excluded_and_only_then(judged: duckdb.DuckDBPyConnection) -> None:
    rows = judged.execute("select distinct status, reason from measure_results").fetchall()
    with shipped("sql", "reference", "reasons.csv").open(encoding="utf-8", newline="") as lines:
        listed = {row["reason"] for row in csv.DictReader(lines) if "measures" in row["used_by"].split(";")}
    assert {status for status, reason in rows if reason is None} == {"yes", "no"}
    assert {status for status, reason in rows if reason is not None} == {"excluded"}
    assert {reason for _, reason in rows} - {None} <= listed


def test_parts_lie_within_their_wholes(judged: duckdb.DuckDBPyConnection) -> None:
    nested = [(m.id, whole, "yes") for m in measure_definitions() for whole in m.part_of]
    nested += [(m.id, m.among, "no") for m in measure_definitions() if m.among is not None]
    judged.execute("create temp table answers as select measure, site_id, patient_id, status from measure_results")
    outside = "select site_id, patient_id from answers where measure = $1 and status in ('yes', $3)"
    inside = "select site_id, patient_id from answers where measure = $2 and status = 'yes'"
    for row in nested:
        assert judged.execute(f"{outside} except {inside}", row).fetchall() == [], row


def test_the_patients_behind_a_measure_are_those_who_fared_worse(judged: duckdb.DuckDBPyConnection) -> None:
    worse = {
        one.id: "no" if one.direction == "higher_is_better" else "yes"
        for one in measure_definitions()
        if one.is_compared
    }
    found = judged.execute("select measure, site_id, patient_id from measure_cases").fetchall()
    answers = judged.execute("select measure, site_id, patient_id, status from measure_results").fetchall()
    assert sorted(found) == sorted(row[:3] for row in answers if worse.get(row[0]) == row[3])
    assert {worse[measure] for measure, *_ in found} == {"yes", "no"}


def test_rates_have_days_and_shares_have_none(judged: duckdb.DuckDBPyConnection) -> None:
    rates = {measure.id for measure in measure_definitions() if measure.is_rate}
    # Who was revised on the day of the index fusion brings the event and no time.
    found = judged.execute(
        "select measure, min(days) filter (where status = 'no') from measure_results where days is not null "
        "group by measure"
    )
    shortest = dict(found.fetchall())
    assert shortest.keys() == rates
    assert min(shortest.values()) > 0
    counted = judged.execute("select distinct measure, days is null from measure_counts").fetchall()
    assert {measure for measure, is_null in counted if not is_null} == rates
    assert not rates & {measure for measure, is_null in counted if is_null}
