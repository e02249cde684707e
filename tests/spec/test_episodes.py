"""The cohort, staging, strata, levels, windows and scores, situation by situation.

All situations are labelled in one run, each as a site of its own.
"""

from typing import Any

import duckdb
import pytest

from outcomes.sql.files import SqlFile
from outcomes.sql.shipped import shipped
from tests.support.situations import Row, complete, measure

Records = dict[str, list[Row]]

_DAY_0_ADMISSION: Row = {"day": 0, "code_system": "ICD10PCS", "code": "0RG10A0", "encounter_id": "stay"}
_ASSISTANTS = ("80", "81", "82", "AS")
_LUMBAR_FUSION: Row = {"day": -300, "code_system": "CPT", "code": "22612"}


def _arthrodesis(day: int) -> Row:
    return {"day": day, "code_system": "ICD10CM", "code": "Z981"}


COHORT: dict[str, tuple[Records, str | None]] = {
    "index fusion": ({}, None),
    "thoracic fusion": (
        {"procedures": [{"day": 0, "code_system": "ICD10PCS", "code": "0RG60A0"}]},
        "no_cervical_fusion_on_day_0",
    ),
    "instrumentation is an add-on": (
        {"procedures": [{"day": 0, "code_system": "CPT", "code": "22845"}]},
        "no_cervical_fusion_on_day_0",
    ),
    "a further joint is an add-on": (
        {"procedures": [{"day": 0, "code_system": "CPT", "code": "22552"}]},
        "no_cervical_fusion_on_day_0",
    ),
    "earlier fusion": (
        {"procedures": [{"day": -400, "code_system": "CPT", "code": "22551"}]},
        "earlier_cervical_fusion",
    ),
    "arthrodesis a year before": (
        {"diagnoses": [{"day": -365, "code_system": "ICD10CM", "code": "Z981"}]},
        "arthrodesis_status_before",
    ),
    "arthrodesis longer ago": ({"diagnoses": [{"day": -366, "code_system": "ICD10CM", "code": "Z981"}]}, None),
    "arthrodesis on day 0": ({"diagnoses": [{"day": 0, "code_system": "ICD10CM", "code": "Z981"}]}, None),
    "arthrodesis after a lumbar fusion": ({"procedures": [_LUMBAR_FUSION], "diagnoses": [_arthrodesis(-200)]}, None),
    "arthrodesis on the day of a lumbar fusion": (
        {"procedures": [_LUMBAR_FUSION], "diagnoses": [_arthrodesis(-300)]},
        None,
    ),
    "arthrodesis before a lumbar fusion": (
        {"procedures": [_LUMBAR_FUSION], "diagnoses": [_arthrodesis(-301)]},
        "arthrodesis_status_before",
    ),
    "one arthrodesis before, one after": (
        {"procedures": [_LUMBAR_FUSION], "diagnoses": [_arthrodesis(-301), _arthrodesis(-200)]},
        "arthrodesis_status_before",
    ),
    "a further joint of a lumbar fusion": ({"procedures": [_LUMBAR_FUSION, _LUMBAR_FUSION | {"code": "22614"}]}, None),
    "a further joint of a fusion of the neck": (
        {"procedures": [_LUMBAR_FUSION | {"code": code} for code in ("22600", "22614")]},
        "earlier_cervical_fusion",
    ),
    "a further joint of the neck": (
        {"procedures": [_LUMBAR_FUSION | {"code": "22614", "levels": "C6-7"}]},
        "earlier_cervical_fusion",
    ),
    "code not yet in force": ({"patients": [{"index_period": "2010-12"}]}, "no_cervical_fusion_on_day_0"),
    "code in force since that month": ({"patients": [{"index_period": "2011-01"}]}, None),
    "period unknown": ({"patients": [{"index_period": None}]}, None),
}
STAGING: list[tuple[Row, bool]] = [
    ({"day": 2, "encounter_id": "stay"}, True),
    ({"day": 40, "encounter_id": "stay"}, True),
    ({"day": 2, "encounter_id": "stay", "modifier": "78"}, False),
    ({"day": 14, "modifier": "58"}, True),
    ({"day": 14, "planned_stage": True}, True),
    ({"day": 15, "modifier": "58"}, False),
    ({"day": 5}, False),
]
LEVELS: list[tuple[list[Row], tuple[object, ...]]] = [
    ([{"code": "22551", "levels": "C5-6"}], ("anterior", "C5-6", 1, "1")),
    ([{"code": "22551", "levels": "C6-7;C5-6"}], ("anterior", "C5-6;C6-7", 2, "2")),
    ([{"code": "22551"}, {"code": "22552"}, {"code": "22552"}], ("anterior", None, 3, "3+")),
    ([{"code": "22551", "levels": "C5-6"}, {"code": "22600", "levels": "C5-6"}], ("combined", "C5-6", 1, "1")),
    ([{"code": "0RG20A0", "code_system": "ICD10PCS"}], ("anterior", None, None, "unknown")),
    ([{"code": "0RG10AJ", "code_system": "ICD10PCS"}], ("posterior", None, 1, "1")),
    ([{"code": "22551", "approach": "combined"}], ("combined", None, 1, "1")),
    ([{"code": "22551"}, {"code": "22551"}], ("anterior", None, 1, "1")),
    ([{"code": "22551"}, {"code": "22554"}], ("anterior", None, 2, "2")),
    ([{"code": "22551", "modifier": "62"}, {"code": "22551", "modifier": "62"}], ("anterior", None, 1, "1")),
    ([{"code": "22551"}, {"code": "22552", "units": 2}], ("anterior", None, 3, "3+")),
    ([{"code": "22551"}, *[{"code": "22552", "modifier": "62"}] * 2], ("anterior", None, 2, "2")),
    ([{"code": "22551"}, {"code": "22552", "modifier": "62"}], ("anterior", None, 2, "2")),
    ([{"code": "22551"}, *[{"code": "22552", "modifier": "62", "units": 2}] * 2], ("anterior", None, 3, "3+")),
    ([{"code": "22551"}, {"code": "22552", "modifier": "62", "units": 2}], ("anterior", None, 3, "3+")),
    ([{"code": "22551"}, *[{"code": "22552", "modifier": "62"}] * 4], ("anterior", None, 3, "3+")),
    (
        [{"code": "22551"}, {"code": "22552"}, *[{"code": "22552", "modifier": each} for each in _ASSISTANTS]],
        ("anterior", None, 2, "2"),
    ),
    ([{"code": "22551", "modifier": "80"}], ("anterior", None, None, "unknown")),
    ([{"code": "22551"}, {"code": "0RG10A0", "code_system": "ICD10PCS"}], ("anterior", None, 1, "1")),
    (
        [{"code": "22551"}, {"code": "22552"}, {"code": "0RG20A0", "code_system": "ICD10PCS"}],
        ("anterior", None, 2, "2"),
    ),
    ([{"code": "22551"}, {"code": "22552"}, {"code": "22600"}], ("combined", None, 2, "2")),
    ([{"code": "22551"}, {"code": "0RG2071", "code_system": "ICD10PCS"}], ("combined", None, None, "unknown")),
    ([{"code": "22600", "levels": "C7-T1;T1-2"}], ("posterior", "C7-T1;T1-2", 2, "2")),
]
STRATA: list[tuple[Row, tuple[bool, bool, bool]]] = [
    ({"day": -1, "code": "S12600A"}, (True, False, False)),
    ({"day": -31, "code": "S12600A"}, (False, False, False)),
    ({"day": 3, "code": "S12600A", "encounter_id": "stay"}, (True, False, False)),
    ({"day": 3, "code": "S12600A"}, (False, False, False)),
    ({"day": 0, "code": "C7951"}, (False, True, False)),
    ({"day": 0, "code": "M4622"}, (False, False, True)),
    ({"day": 0, "code": "S12600D"}, (False, False, False)),
    ({"day": 0, "code": "S12600"}, (False, False, False)),
    ({"day": 0, "code": "S13121A"}, (True, False, False)),
    ({"day": 0, "code": "S14115S"}, (False, False, False)),
    ({"day": 0, "code": "8050", "code_system": "ICD9CM"}, (False, False, False)),
    ({"day": 0, "code": "C723"}, (False, False, False)),
    ({"day": 0, "code": "C9000"}, (False, True, False)),
    ({"day": 0, "code": "M4626"}, (False, False, False)),
    ({"day": 0, "code": "M4620"}, (False, False, False)),
    ({"day": 0, "code": "M490"}, (False, False, False)),
]
ENDS_OF_STAYS: list[tuple[Row, int, int]] = [
    ({"start_day": 0, "end_day": 600}, 600, 700),
    ({"start_day": 0, "end_day": 9999}, 300, 700),
    ({"start_day": 500, "end_day": 9999}, 500, 700),
    ({"start_day": 701, "end_day": 9999}, 300, 700),
]
WINDOWS: list[tuple[int, str | None]] = [
    (-181, None), (-180, "baseline"), (0, "baseline"), (1, None), (27, None), (28, "6_weeks"), (63, "6_weeks"),
    (64, "3_months"), (136, "3_months"), (137, "6_months"), (273, "6_months"), (274, "12_months"),
    (456, "12_months"), (457, None), (640, "24_months"), (821, "24_months"), (822, None), (1096, "36_months"),
]  # fmt: skip
JOINTS: list[tuple[str, list[str]]] = [
    ("C5-6", ["C4-5", "C6-7"]),
    ("C3-4;C6-7", ["C2-3", "C4-5", "C5-6", "C7-T1"]),
    ("C7-T1", ["C6-7", "T1-2"]),
    ("C0-1", ["C1-2"]),
    ("T1-2", ["C7-T1"]),
]
OBSERVATION: dict[str, tuple[Row, list[Row], int]] = {
    "last contact": ({"last_contact_day": 300, "data_cut_day": 700}, [], 300),
    "death": ({"last_contact_day": 300, "data_cut_day": 700, "death_day": 250}, [], 250),
    "data cut": ({"last_contact_day": 300, "data_cut_day": 200}, [], 200),
    "later record": ({"last_contact_day": 300, "data_cut_day": 700}, [{"day": 400}], 400),
    "record on the data cut": ({"last_contact_day": 300, "data_cut_day": 400}, [{"day": 400}], 400),
    "record after the data cut": ({"last_contact_day": 300, "data_cut_day": 399}, [{"day": 400}], 300),
    "no data cut": ({"last_contact_day": 300, "data_cut_day": None}, [{"day": 9999}], 9999),
    "nothing known": ({"last_contact_day": None, "data_cut_day": None}, [], 0),
}
LAST_DAYS_OF_A_CODE = {"2015-09": True, "2015-10": False}
"""Whether an ICD-9 code counts, by the month of the fusion."""
FUSIONS_OF_ICD_9 = ("8101", "8102", "8103")


def _fractured(index_period: str) -> Records:
    fracture = {"day": 0, "code_system": "ICD9CM", "code": "80501"}
    return {"patients": [{"index_period": index_period}], "diagnoses": [fracture]}


def _fused(code: str) -> Records:
    fusion = {"day": 0, "code_system": "ICD9PCS", "code": code}
    return {"patients": [{"index_period": "2012-03"}], "procedures": [fusion]}


def _infected(*codes: str) -> Records:
    return {"diagnoses": [{"day": 0, "code_system": "ICD10CM", "code": code} for code in codes]}


def _stay(stay: Row, data_cut_day: int) -> Records:
    patient = {"last_contact_day": 300, "data_cut_day": data_cut_day}
    return {"patients": [patient], "encounters": [{"type": "inpatient"} | stay]}


def _observed(patient: Row, visits: list[Row]) -> Records:
    stay = {"type": "inpatient", "start_day": 0, "end_day": 9999}
    return {"patients": [patient], "follow_ups": visits, "encounters": [stay]}


def _index(**cells: Any) -> Records:
    return {"procedures": [{"day": 0, "code_system": "CPT", "code": "22551"} | cells]}


AFTER_THE_CUT: Records = {
    "patients": [{"data_cut_day": 100}],
    "encounters": [{"start_day": 100, "end_day": 101}, {"start_day": 101}],
    "procedures": [{"day": 100, "code": "22855"}, {"day": 101, "code": "22855"}],
    "diagnoses": [{"day": 100}, {"day": 101}],
    "follow_ups": [{"day": 100}, {"day": 101}],
    "imaging": [{"day": 100}, {"day": 101}],
    "treatments": [{"start_day": 100, "end_day": 101}, {"start_day": 101, "end_day": 101}],
}
VISITS_OF_A_WINDOW: Records = {"follow_ups": [
    {"follow_up_id": "far", "day": 120}, {"follow_up_id": "late", "day": 95}, {"follow_up_id": "early", "day": 87},
    {"follow_up_id": "early too", "day": 87},
]}  # fmt: skip
SCORED: Records = {"follow_ups": [
    {"day": 1, "mjoa_upper_motor": 5, "mjoa_lower_motor": 7, "mjoa_sensory": 3, "mjoa_sphincter": 2},
    {"day": 2, "mjoa_upper_motor": 5, "mjoa_total": 16},
    {"day": 3, **{f"eq5d_{i}": i for i in range(1, 6)}},
    {"day": 4, **{f"eq5d_{i}": 1 for i in range(1, 5)}},
    {"day": 5, "ndi_item_1": 5, "ndi_total": 20, "ndi_unit": "points"},
    {"day": 6, "ndi_total": 20, "ndi_unit": "points"},
]}  # fmt: skip

SITES: dict[str, Records] = {
    **{f"cohort, {name}": records for name, (records, _) in COHORT.items()},
    **{
        f"staging {number}": {
            "procedures": [_DAY_0_ADMISSION, {"code_system": "ICD10PCS", "code": "0RG1071"} | further]
        }
        for number, (further, _) in enumerate(STAGING)
    },
    **{
        f"levels {number}": {"procedures": [{"day": 0, "code_system": "CPT"} | row for row in procedures]}
        for number, (procedures, _) in enumerate(LEVELS)
    },
    **{
        f"strata {number}": {
            "procedures": [_DAY_0_ADMISSION],
            "diagnoses": [{"code_system": "ICD10CM"} | diagnosis],
        }
        for number, (diagnosis, _) in enumerate(STRATA)
    },
    **{f"fracture of {period}": _fractured(period) for period in LAST_DAYS_OF_A_CODE},
    **{f"fused by {code}": _fused(code) for code in FUSIONS_OF_ICD_9},
    **{f"refused by {code}": _fused(code.replace("810", "813")) for code in FUSIONS_OF_ICD_9},
    **{f"observation, {name}": _observed(patient, visits) for name, (patient, visits, _) in OBSERVATION.items()},
    **{f"stay {number}": _stay(stay, cut) for number, (stay, _, cut) in enumerate(ENDS_OF_STAYS)},
    **{f"window {day}": {"patients": [{"data_cut_day": 2000}], "follow_ups": [{"day": day}]} for day, _ in WINDOWS},
    **{f"joints {levels}": _index(levels=levels) for levels, _ in JOINTS},
    "an infection beside a diagnosis of the neck": _infected("M4620", "M542"),
    "after the cut": AFTER_THE_CUT,
    "visits of a window": VISITS_OF_A_WINDOW,
    "scored": SCORED,
    "a return": _index(levels="C5-6", modifier="78"),
}


@pytest.fixture(scope="module")
def made() -> duckdb.DuckDBPyConnection:
    return measure({site: complete(records) for site, records in SITES.items()})


def _all(con: duckdb.DuckDBPyConnection, site: str, sql: str) -> list[Any]:
    """The rows that a query gives of one site, which it names as `$site`."""
    return con.execute(sql, {"site": site}).fetchall()


def _one(con: duckdb.DuckDBPyConnection, site: str, sql: str) -> Any:
    (row,) = _all(con, site, sql)
    return row


@pytest.mark.parametrize("name", COHORT)
def test_cohort(made: duckdb.DuckDBPyConnection, name: str) -> None:
    site, reason = f"cohort, {name}", COHORT[name][1]
    assert _one(made, site, "select reason from cohort where site_id = $site") == (reason,)
    assert _one(made, site, "select count(*) from episodes where site_id = $site") == (0 if reason else 1,)
    left_at = _all(made, site, "select reason from attrition where site_id = $site and patients_out > 0")
    assert left_at == ([(reason,)] if reason else [])
    left = _one(made, site, "select patients_left from attrition where site_id = $site and step = 4")
    assert left == (0 if reason else 1,)


def test_cells_set_to_missing_stand_at_the_first_step_of_who_is_in_force() -> None:
    con = measure({"lossy": complete({}), "whole": complete({})})
    attempts = [("2024-01", 1, "superseded", 100), ("2024-01", 2, "accepted", 3), ("2024-02", 1, "accepted", 4)]
    for period, attempt, status, cells in attempts:
        for table in ("patients", "follow_ups"):
            counts = {"site": "lossy", "period": period, "attempt": attempt, "table": table, "cells": cells}
            con.execute(
                "insert into table_counts by name select $site as site_id, $period as submission_period, "
                "$attempt as attempt, $table as source_table, $cells as cells_blanked",
                counts,
            )
        con.execute(
            "insert into attempts by name select 'lossy' as site_id, $1 as submission_period, $2 as attempt, "
            "$3 as status",
            [period, attempt, status],
        )
    attrition = SqlFile(shipped("sql", "relations", "measures", "attrition.sql"))
    steps = con.execute(f"select site_id, step, cells_blanked from ({attrition.select}) order by all").fetchall()
    assert steps == [
        ("lossy", 1, 14),
        *(("lossy", step, None) for step in (2, 3, 4)),
        ("whole", 1, 0),
        *(("whole", step, None) for step in (2, 3, 4)),
    ]


def test_patients_without_an_index_are_those_of_the_newest_submission_in_force() -> None:
    con = measure({"site": complete({}), "silent": complete({})})
    for period, attempt, status, patients in [
        ("2024-01", 1, "accepted", 70), ("2024-02", 1, "superseded", 80), ("2024-02", 2, "accepted", 90),
        ("2024-03", 1, "refused", None),
    ]:  # fmt: skip
        con.execute(
            "insert into attempts by name select 'site' as site_id, $1 as submission_period, $2 as attempt, "
            "$3 as status, $4 as patients_without_index",
            [period, attempt, status, patients],
        )
    attrition = SqlFile(shipped("sql", "relations", "measures", "attrition.sql"))
    found = con.execute(f"select site_id, patients_without_index from ({attrition.select}) where step = 1 order by 1")
    assert found.fetchall() == [("silent", None), ("site", 90)]


@pytest.mark.parametrize(("number", "is_staged"), [(number, staged) for number, (_, staged) in enumerate(STAGING)])
def test_staging(made: duckdb.DuckDBPyConnection, number: int, is_staged: bool) -> None:
    sql = "select is_staged, first_revision_day is null from episodes where site_id = $site"
    assert _one(made, f"staging {number}", sql) == (is_staged, is_staged)


@pytest.mark.parametrize("number", range(len(LEVELS)))
def test_approach_and_levels(made: duckdb.DuckDBPyConnection, number: int) -> None:
    sql = "select approach, index_levels, level_count, levels_band from episodes where site_id = $site"
    assert _one(made, f"levels {number}", sql) == LEVELS[number][1]


@pytest.mark.parametrize("number", range(len(STRATA)))
def test_strata(made: duckdb.DuckDBPyConnection, number: int) -> None:
    sql = "select is_trauma, is_tumour, is_infection from episodes where site_id = $site"
    assert _one(made, f"strata {number}", sql) == STRATA[number][1]


def test_an_infection_of_a_place_not_given_is_of_the_neck_beside_a_cervical_diagnosis(
    made: duckdb.DuckDBPyConnection,
) -> None:
    site = "an infection beside a diagnosis of the neck"
    assert _one(made, site, "select is_infection from episodes where site_id = $site") == (True,)


@pytest.mark.parametrize("period", LAST_DAYS_OF_A_CODE)
def test_an_icd_9_code_counts_until_its_last_day(made: duckdb.DuckDBPyConnection, period: str) -> None:
    found = _one(made, f"fracture of {period}", "select is_trauma from episodes where site_id = $site")
    assert found == (LAST_DAYS_OF_A_CODE[period],)


@pytest.mark.parametrize("code", FUSIONS_OF_ICD_9)
def test_a_fusion_coded_in_icd_9_is_an_index_fusion_and_a_refusion_is_none(
    made: duckdb.DuckDBPyConnection, code: str
) -> None:
    sql = "select count(*) from episodes where site_id = $site"
    assert _one(made, f"fused by {code}", sql) == (1,)
    assert _one(made, f"refused by {code}", sql) == (0,)


@pytest.mark.parametrize("name", OBSERVATION)
def test_observation_ends_at_death_data_cut_or_last_record(made: duckdb.DuckDBPyConnection, name: str) -> None:
    found = _one(made, f"observation, {name}", "select observed_days from episodes where site_id = $site")
    assert found == (OBSERVATION[name][2],)


@pytest.mark.parametrize("number", range(len(ENDS_OF_STAYS)))
def test_the_end_of_a_stay_is_known_up_to_the_data_cut(made: duckdb.DuckDBPyConnection, number: int) -> None:
    sql = "select observed_days, data_cut_day from episodes where site_id = $site"
    assert _one(made, f"stay {number}", sql) == ENDS_OF_STAYS[number][1:]


def test_nothing_of_any_table_lies_after_the_data_cut(made: duckdb.DuckDBPyConnection) -> None:
    days = [f"select {day} as day from {table} where site_id = $site" for table, day in (
        ("encounters", "greatest(start_day, end_day)"), ("procedures", "day"), ("diagnoses", "day"),
        ("follow_ups", "day"), ("imaging", "day"), ("treatments", "greatest(start_day, end_day)"),
    )]  # fmt: skip
    assert _all(made, "after the cut", " union all ".join(days) + " order by day") == [(0,), *[(100,)] * 6]


@pytest.mark.parametrize(("day", "window"), WINDOWS)
def test_windows(made: duckdb.DuckDBPyConnection, day: int, window: str | None) -> None:
    site = f"window {day}"
    assert _one(made, site, "select visit_window from follow_up_scores where site_id = $site") == (window,)
    nearest = _all(made, site, "select visit_window from nearest_visits where site_id = $site")
    assert nearest == ([(window,)] if window else [])


def test_nearest_visit_represents_the_window(made: duckdb.DuckDBPyConnection) -> None:
    found = _one(made, "visits of a window", "select follow_up_id from nearest_visits where site_id = $site")
    assert found == ("early",)


def test_scores(made: duckdb.DuckDBPyConnection) -> None:
    sql = "select mjoa, eq5d_profile, ndi_percent from follow_up_scores where site_id = $site order by day"
    assert _all(made, "scored", sql) == [
        (17, None, None), (16, None, None), (None, "12345", None), (None, None, None), (None, None, 40.0),
        (None, None, 40.0),
    ]  # fmt: skip


@pytest.mark.parametrize(("levels", "adjacent"), JOINTS)
def test_adjacent_joints(made: duckdb.DuckDBPyConnection, levels: str, adjacent: list[str]) -> None:
    found = _all(made, f"joints {levels}", "select joint from adjacent_joints where site_id = $site order by position")
    assert [joint for (joint,) in found] == adjacent


def test_a_fusion_of_day_0_that_was_an_unplanned_return_alone_leaves_an_episode(
    made: duckdb.DuckDBPyConnection,
) -> None:
    sql = "select approach, index_levels, is_staged, first_revision_day from episodes where site_id = $site"
    assert _one(made, "a return", sql) == (None, None, False, 0)
