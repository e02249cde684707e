"""What the submissions of a site give away together refuses the one that completes it."""

import datetime
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from outcomes.errors import SubmissionRefused
from outcomes.intake.manifest import Kind
from outcomes.intake.reprocessing import reprocess, settle, withdraw
from outcomes.intake.submission import ingest_submission
from outcomes.lake import Lake
from outcomes.settings import Settings
from tests.support.submissions import DATA_CUT, Row, drawn, fusion, patient, write_submission

RANDOM = random.Random(89)
ONE_DATE = datetime.date(2025, 3, 14)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path, max_critical_share=1)


def take_in(settings: Settings, period: str, tables: dict[str, list[Row]], kind: Kind = "incremental") -> str:
    """The code of the refusal, or `accepted`."""
    write_submission(settings, "north", period, {"patients": [], "procedures": []} | tables, kind=kind)
    try:
        return ingest_submission(settings, "north", period).outcome
    except SubmissionRefused as refusal:
        return refusal.code


def old(age: int = 85, **cells: object) -> Row:
    """A patient without a cut, operated on long ago."""
    return patient("p-old", age_years=age, index_period="2016-01", data_cut_day=None, last_contact_day=None, **cells)


def stay(day: int, key: str = "stay1") -> Row:
    return {"encounter_id": key, "patient_id": "p-old", "start_day": day, "end_day": day, "type": "inpatient"}


def test_an_age_over_89_is_found_whichever_months_hold_patient_and_day(settings: Settings) -> None:
    assert take_in(settings, "2025-01", {"patients": [old()]}) == "accepted"
    assert take_in(settings, "2025-02", {"encounters": [stay(1800)]}) == "accepted"
    assert take_in(settings, "2025-03", {"encounters": [stay(2100, "stay2")]}) == "age_over_89"
    assert take_in(settings, "2025-04", {"diagnoses": [_diagnosis(2100)]}) == "age_over_89"


def _diagnosis(day: int) -> Row:
    return {"diagnosis_id": "d1", "patient_id": "p-old", "day": day, "code_system": "ICD10CM", "code": "M54.2"}


def test_an_age_that_is_corrected_upwards_meets_the_days_that_came_before(settings: Settings) -> None:
    assert take_in(settings, "2025-01", {"patients": [old(70)], "encounters": [stay(2100)]}) == "accepted"
    assert take_in(settings, "2025-02", {"patients": [old(85)]}) == "age_over_89"
    assert take_in(settings, "2025-02", {"patients": [old(84)]}) == "accepted"


def test_a_submission_that_is_judged_again_stands_behind_the_corrections_of_later_ones(settings: Settings) -> None:
    assert take_in(settings, "2025-01", {"patients": [old(85)]}) == "accepted"
    assert take_in(settings, "2025-02", {"patients": [old(70)], "encounters": [stay(2100)]}) == "accepted"
    first, _ = Lake(settings.lake).standing()
    assert reprocess(settings, first).after.outcome == "accepted"


@pytest.mark.parametrize("kind", ["incremental", "full"])
def test_a_row_whose_correction_is_withdrawn_meets_what_came_meanwhile(settings: Settings, kind: Kind) -> None:
    assert take_in(settings, "2025-01", {"patients": [old(85)]}) == "accepted"
    assert take_in(settings, "2025-02", {"patients": [old(70)], "procedures": [fusion("p-old")]}, kind) == "accepted"
    assert take_in(settings, "2025-03", {"encounters": [stay(2100)]}) == "accepted"
    withdraw(settings, "north", "2025-02", "wrong_data")
    assert {one.before.period: one.after.code for one in settle(settings, "north")}["2025-01"] == "age_over_89"
    assert settle(settings, "north") == []


def test_a_withdrawal_has_the_months_before_it_judged_again_once(settings: Settings) -> None:
    kinds: dict[str, Kind] = {"2025-01": "incremental", "2025-02": "incremental", "2025-03": "full"}
    for month, kind in kinds.items():
        patients, _ = some(1, _own_date, "cut")
        tables = {"patients": patients, "procedures": [fusion(patients[0]["patient_id"])]}
        assert take_in(settings, month, tables, kind) == "accepted"
    withdraw(settings, "north", "2025-02", "wrong_data")
    assert [(one.before.period, one.moves) for one in settle(settings, "north")] == [("2025-01", False)]
    assert settle(settings, "north") == []


@pytest.mark.parametrize("kind", ["incremental", "full"])
def test_a_correction_may_not_leave_out_what_kept_an_age_over_89_away(settings: Settings, kind: Kind) -> None:
    assert take_in(settings, "2025-01", {"patients": [old(85)]}) == "accepted"
    assert take_in(settings, "2025-02", {"patients": [old(70)]}) == "accepted"
    assert take_in(settings, "2025-03", {"encounters": [stay(2100)]}) == "accepted"
    others = {"patients": [patient("p-other")], "procedures": [fusion("p-other")]}
    outcome = {"incremental": "age_over_89", "full": "accepted"}[kind]  # what came before a full one is superseded
    assert take_in(settings, "2025-02", others, kind) == outcome


def test_a_row_that_is_corrected_withdrawn_or_replaced_counts_no_more(settings: Settings) -> None:
    assert take_in(settings, "2025-01", {"patients": [old(70)], "encounters": [stay(2100)]}) == "accepted"
    assert take_in(settings, "2025-02", {"patients": [old(85)], "encounters": [stay(210)]}) == "accepted"
    withdrawn: Row = {"encounter_id": "stay1", "patient_id": "p-old", "deleted": True}
    assert take_in(settings, "2025-02", {"patients": [old(85)], "encounters": [withdrawn]}) == "accepted"
    assert take_in(settings, "2025-02", {"patients": [old(85)], "procedures": [fusion("p-old")]}, "full") == "accepted"


def some(number: int, cut_on: Callable[[], datetime.date], of: str) -> tuple[list[Row], list[Row]]:
    """Patients operated on over some years, each with a cut, and with a stay on that day."""
    patients, stays = [], []
    for place in range(number):
        index = DATA_CUT - datetime.timedelta(days=RANDOM.randrange(500, 1500))
        day, key = (cut_on() - index).days, drawn(RANDOM.randrange(10**9))
        own = (DATA_CUT - index).days - RANDOM.randrange(0, 90)
        cells = {"data_cut_day": day if of == "cut" else own, "last_contact_day": None}
        patients.append(patient(key, index_period=f"{index:%Y-%m}", **cells))
        stays.append({"encounter_id": f"{key}s{place}", "patient_id": key, "start_day": day, "end_day": None})
    return patients, [stay | {"type": "inpatient"} for stay in stays]


def _own_date() -> datetime.date:
    return DATA_CUT - datetime.timedelta(days=RANDOM.randrange(90, 300))


def test_a_common_cut_of_deliveries_too_small_to_be_judged_alone_is_found(settings: Settings) -> None:
    first, second = (some(15, lambda: ONE_DATE, "cut")[0] for _ in range(2))
    assert take_in(settings, "2025-01", {"patients": first}) == "accepted"
    assert take_in(settings, "2025-02", {"patients": second}) == "data_cut_common"


def test_a_stay_of_everybody_on_one_date_is_found_over_deliveries(settings: Settings) -> None:
    outcomes = []
    for month in (1, 2, 3):
        patients, stays = some(25, lambda: ONE_DATE, "stay")
        outcomes.append(take_in(settings, f"2025-0{month}", {"patients": patients, "encounters": stays}))
    assert outcomes == ["accepted", "accepted", "data_cut_common"]


@pytest.mark.parametrize("of", ["cut", "stay"])
def test_dates_of_their_own_pass_over_deliveries(settings: Settings, of: str) -> None:
    for month in range(1, 7):
        patients, stays = some(15, _own_date, of)
        assert take_in(settings, f"2025-0{month}", {"patients": patients, "encounters": stays}) == "accepted"
