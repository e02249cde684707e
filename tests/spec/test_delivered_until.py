"""Up to which day a table of a patient was delivered without a gap, and what then waits no longer or is not seen."""

from typing import Any

import duckdb
import pytest

from tests.support.situations import LeftOut, Row, complete, label, measure

# The default patient's data cut, day 730, is the end of January 2024: the end of May 2023 is day 485.
SITUATIONS: dict[str, tuple[LeftOut, Row, int]] = {
    "nothing left out": ({}, {}, 730),
    "left out of June 2023": ({"2023-06": ["imaging"]}, {}, 485),
    "of two months the first counts": ({"2023-09": ["imaging"], "2023-06": ["imaging"]}, {}, 485),
    "left out of the last month": ({"2024-01": ["imaging"]}, {}, 699),
    "left out of the month of the fusion, the end of which is day 0": ({"2022-01": ["imaging"]}, {}, 730),
    "left out of the month after": ({"2022-02": ["imaging"]}, {}, 0),
    "another table left out": ({"2023-06": ["treatments"]}, {}, 730),
    "left out of the first submission, after the fusion": ({"2022-01": ["imaging"]}, {"data_cut_day": 1000}, 0),
    "the last sign where no data cut is stated": (
        {"2023-06": ["imaging"]},
        {"data_cut_day": None, "last_contact_day": 600},
        355,
    ),
    "left out after the month that gave the patient's row": (
        {"2023-06": ["imaging"]},
        {"period": "2023-05", "data_cut_day": 485, "last_contact_day": 485},
        485,
    ),
}


@pytest.fixture(scope="module")
def labelled() -> duckdb.DuckDBPyConnection:
    sites = {name: complete({"patients": [facts]}) for name, (_, facts, _) in SITUATIONS.items()}
    return label(sites, left_out={name: left_out for name, (left_out, _, _) in SITUATIONS.items()})


@pytest.mark.parametrize("name", SITUATIONS)
def test_delivered_until(labelled: duckdb.DuckDBPyConnection, name: str) -> None:
    found = labelled.execute(
        "select until_day from delivered_until where site_id = ? and source_table = 'imaging'", [name]
    ).fetchall()
    assert found == [(SITUATIONS[name][2],)]


def _found(sql: str, *cases: tuple[LeftOut, dict[str, list[Row]]]) -> list[list[tuple[Any, ...]]]:
    """What a relation of the measures says of patients with some records, each at a site that left something out."""
    sites = {f"site-{number}": complete(records) for number, (_, records) in enumerate(cases)}
    gaps = dict(zip(sites, (left_out for left_out, _ in cases), strict=True))
    with measure(sites, left_out=gaps) as con:
        return [con.execute(f"{sql} and site_id = ?", [site]).fetchall() for site in sites]


def test_a_window_is_open_until_its_visits_were_delivered() -> None:
    # The window of 12 months ends on day 456; the end of February 2023 is day 393.
    assert _found(
        "select state, is_closed from window_states where visit_window = '12_months'",
        ({"2023-06": ["follow_ups"]}, {}),
        ({"2023-03": ["follow_ups"]}, {}),
        ({"2023-03": ["imaging"]}, {}),
    ) == [[("lost", True)], [("due", False)], [("lost", True)]]


def test_adjacent_segment_disease_is_not_seen_where_images_were_left_out() -> None:
    before = {"day": -10, "modality": "mri", "finding": "normal"}
    image = {"day": 300, "modality": "mri", "level": "C6-7", "finding": "stenosis"}
    disease: dict[str, list[Row]] = {"imaging": [before, image], "follow_ups": [{"day": 310, "neck_pain_nrs": 6}]}
    assert _found(
        "select day, cause from time_to_event where outcome = 'asd'",
        ({"2023-06": ["imaging"]}, {}),
        ({"2023-06": ["imaging"]}, disease),
        ({"2022-11": ["imaging"]}, disease),
    ) == [[(485, 0)], [(310, 1)], [(273, 0)]]


def test_early_outcomes_are_not_seen_where_their_table_was_left_out() -> None:
    # The end of February 2022 is day 28.
    sql = "select day, cause from early_outcomes where outcome = '{}'"
    stays: dict[str, list[Row]] = {
        "encounters": [{"type": "inpatient", "start_day": day, "end_day": day + 2} for day in (0, 30)]
    }
    dead: dict[str, list[Row]] = {"patients": [{"death_day": 40, "last_contact_day": 40}]}
    assert _found(
        sql.format("readmission"),
        ({"2022-04": ["encounters"]}, stays),
        ({"2022-03": ["encounters"]}, stays),
        ({"2022-03": ["diagnoses"]}, stays),
        ({"2022-03": ["encounters"]}, dead),
    ) == [[(30, 1)], [(28, 0)], [(30, 1)], [(28, 0)]]
    assert _found(sql.format("death"), ({"2022-03": ["diagnoses"]}, dead)) == [[(40, 1)]]


def test_care_after_a_red_flag_is_not_seen_where_its_table_was_left_out() -> None:
    flag: dict[str, list[Row]] = {"follow_ups": [{"day": 100, "numbness": True}]}
    # The 30 days end on day 130; the end of May 2022 is day 120.
    assert _found(
        "select status, reason from red_flag_care where measure = 'red_flag_imaging_30_days'",
        ({"2022-06": ["imaging"]}, flag),
        ({"2022-07": ["imaging"]}, flag),
        ({"2022-06": ["imaging"]}, flag | {"imaging": [{"day": 110, "modality": "mri"}]}),
    ) == [[("excluded", "delivery_gap")], [("no", None)], [("yes", None)]]
