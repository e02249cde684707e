"""What the lake says hangs on what was delivered, not on the order in which it was taken in."""

import contextlib
import itertools
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from outcomes import pipeline
from outcomes.errors import OutcomesError, SubmissionRefused, UnexpectedError
from outcomes.intake.manifest import Kind
from outcomes.intake.reprocessing import JudgedAgain, reprocess, settle, withdraw
from outcomes.lake import Lake
from outcomes.settings import Settings
from tests.support.examples import few
from tests.support.files import copied
from tests.support.lake_state import lake_state
from tests.support.submissions import Row, follow_up, fusion, image, patient, write_submission

Tables = dict[str, list[Row]]


def _settings(home: Path) -> Settings:
    return Settings(home=home, max_critical_share=0.5)


def _deliver(settings: Settings, period: str, tables: Tables, kind: Kind = "incremental", site: str = "north") -> None:
    write_submission(settings, site, period, {"procedures": []} | tables, kind=kind)


def _three_months(settings: Settings, site: str = "north") -> None:
    """Each month names patients of the others; the third corrects a cut, so that a visit of the second is too late."""
    _deliver(
        settings, "2026-01", {"patients": [patient("p1"), patient("p2")], "procedures": [fusion("p1")]}, "full", site
    )
    _deliver(
        settings,
        "2026-02",
        {
            "patients": [patient("p3")],
            "procedures": [fusion("p2")],
            "follow_ups": [follow_up("p1"), follow_up("p2", day=700), follow_up("p4")],
            "encounters": [{"encounter_id": "e1", "patient_id": "p1", "start_day": 10, "type": "outpatient"}],
        },
        site=site,
    )
    _deliver(
        settings,
        "2026-03",
        {
            "patients": [patient("p4"), patient("p2", data_cut_day=600)],
            "imaging": [image("p1"), image("p3")],
            "follow_ups": [follow_up("p2", day=650), follow_up("p5")],
        },
        site=site,
    )


def _take_in(settings: Settings, periods: Iterable[str], site: str = "north") -> None:
    for period in periods:
        with contextlib.suppress(SubmissionRefused):
            pipeline.ingest(settings, site, period)


MONTHS = ("2026-01", "2026-02", "2026-03")


@pytest.fixture(scope="module")
def taken_in(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home that has taken in the three months in their order."""
    settings = _settings(tmp_path_factory.mktemp("in_order"))
    _three_months(settings)
    _take_in(settings, MONTHS)
    return settings


@pytest.fixture(scope="module")
def in_order(taken_in: Settings) -> dict[str, Any]:
    return lake_state(taken_in)


@pytest.mark.parametrize("order", few(1, [(each,) for each in list(itertools.permutations(MONTHS))[:0:-1]]))
def test_any_order_gives_the_same_rows_in_force(
    tmp_path: Path, order: tuple[str, ...], in_order: dict[str, Any]
) -> None:
    settings = _settings(tmp_path)
    _three_months(settings)
    _take_in(settings, (*order, order[0]))
    assert lake_state(settings) == in_order


def test_a_row_waits_for_its_patient_and_no_longer(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    _three_months(settings)
    _take_in(settings, ["2026-02"])
    (record,) = Lake(settings.lake).standing()
    assert (record.rows_in, record.rows_accepted, record.rows_quarantined, record.rows_pending) == (6, 1, 0, 5)
    _take_in(settings, ["2026-01"])
    assert [one.rows_pending for one in Lake(settings.lake).standing()] == [0, 1]
    _take_in(settings, ["2026-03"])
    assert [(one.rows_pending, one.rows_quarantined) for one in Lake(settings.lake).standing()] == [
        (0, 0),
        (0, 0),
        (1, 1),
    ]


def test_what_is_not_concerned_is_not_judged_again(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    _three_months(settings)
    again: list[JudgedAgain] = []
    pipeline.ingest_each(settings, [("north", month) for month in MONTHS], on_judged_again=again.append)
    # The second month named a patient of the third; the third rests on the second, whose visit is now accepted.
    assert [one.after.period for one in again] == ["2026-02", "2026-03"]
    again.clear()
    pipeline.ingest_each(settings, [("north", month) for month in MONTHS], on_judged_again=again.append)
    assert again == []


def test_a_month_is_judged_again_for_what_it_rests_on_alone(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    encounter = {"encounter_id": "e1", "patient_id": "p1", "start_day": 365, "type": "outpatient"}
    visit = follow_up("p1", encounter_id="e1")
    _deliver(
        settings, "2026-01", {"patients": [patient("p1")], "procedures": [fusion("p1")], "follow_ups": [visit]}, "full"
    )
    _deliver(settings, "2026-02", {"patients": [patient("p2")], "follow_ups": [follow_up("p1", day=400)]})
    _deliver(settings, "2026-03", {"patients": [patient("p3")], "encounters": [encounter]})
    _deliver(settings, "2026-04", {"patients": [patient("p4")]})
    again = []
    for period in ("2026-01", "2026-02", "2026-03", "2026-04"):
        pipeline.take_in(settings, "north", period)
        again += [(period, one.after.period, one.moves) for one in settle(settings, "north")]
    # The visit's encounter came with the third month: its warning goes, which is nothing to the second.
    assert again == [("2026-03", "2026-01", True)]


def test_a_name_that_nobody_holds_costs_no_later_month_anything(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    stray = [follow_up("p1"), follow_up("p9", encounter_id="e9")]
    _deliver(settings, "2026-01", {"patients": [patient("p1")], "follow_ups": stray})
    _deliver(settings, "2026-02", {"patients": [patient("p2")], "follow_ups": [follow_up("p2")]})
    _deliver(settings, "2026-03", {"patients": [patient("p9")]})
    _deliver(settings, "2026-04", {"patients": [patient("p4"), patient("p9")]})
    _deliver(settings, "2026-05", {"patients": [patient("p5")]})
    again: dict[str, list[str]] = {}
    for period in ("2026-01", "2026-02", "2026-04", "2026-03", "2026-05"):
        pipeline.take_in(settings, "north", period)
        again[period] = [one.after.period for one in settle(settings, "north")]
    # The patient comes with the fourth month and then with the third, which is the first to hold it from there on.
    # Months after the first rest on its visits.
    assert again == {
        "2026-01": [],
        "2026-02": [],
        "2026-04": ["2026-01", "2026-02", "2026-04"],
        "2026-03": ["2026-01", "2026-04"],
        "2026-05": [],
    }


def test_a_refusal_for_what_another_month_said_ends_with_its_correction(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    _deliver(settings, "2026-01", {"patients": [patient("p1", data_cut_day=100)], "procedures": [fusion("p1")]}, "full")
    _deliver(settings, "2026-02", {"patients": [patient("p2")], "follow_ups": [follow_up("p1", day=365)]})
    _take_in(settings, MONTHS[:2])
    assert [one.status for one in _statuses(settings)] == ["accepted", "refused"]
    _deliver(settings, "2026-01", {"patients": [patient("p1")], "procedures": [fusion("p1")]}, "full")
    _take_in(settings, ["2026-01"])
    assert [(one.period, one.attempt, one.status) for one in _statuses(settings)] == [
        ("2026-01", 1, "superseded"),
        ("2026-01", 2, "accepted"),
        ("2026-02", 1, "accepted"),
    ]


def test_a_withdrawn_month_takes_its_patients_from_the_others_and_gives_them_back(
    taken_in: Settings, tmp_path: Path, in_order: dict[str, Any]
) -> None:
    settings = copied(taken_in, tmp_path)
    pipeline.withdraw(settings, "north", "2026-01", "wrong_data")
    assert pipeline.waiting(settings) == []
    assert [(one.period, one.rows_pending) for one in Lake(settings.lake).standing()] == [
        ("2026-02", 2),
        ("2026-03", 2),
    ]
    with pytest.raises(SubmissionRefused, match="submission_withdrawn"):
        pipeline.ingest(settings, "north", "2026-01")
    with pytest.raises(OutcomesError, match="nothing_to_withdraw"):
        pipeline.withdraw(settings, "north", "2026-01", "wrong_data")
    pipeline.take_back_withdrawal(settings, "north", "2026-01")
    assert lake_state(settings) == in_order


def _statuses(settings: Settings) -> Any:
    from outcomes.release.status import status  # noqa: PLC0415

    return status(settings).submissions


def test_a_month_is_judged_again_though_a_broken_delivery_of_it_came_between(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    _three_months(settings)
    _take_in(settings, ["2026-02"])
    folder = settings.landing / "north" / "2026-02"
    manifest = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_text("{")
    _take_in(settings, ["2026-02"])
    (folder / "manifest.json").write_bytes(manifest)
    _take_in(settings, ["2026-02", "2026-01"])
    assert [(one.period, one.rows_pending) for one in Lake(settings.lake).standing()] == [
        ("2026-01", 0),
        ("2026-02", 1),
    ]


def test_a_month_whose_files_are_damaged_since_stands_as_it_was_judged(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    _three_months(settings)
    _take_in(settings, ["2026-02"])
    with (settings.landing / "north" / "2026-02" / "patients.csv").open("a") as file:
        file.write("\n")
    _take_in(settings, ["2026-01"])
    assert [(one.period, one.status, one.rows_pending) for one in _statuses(settings)] == [
        ("2026-01", "accepted", 0),
        ("2026-02", "accepted", 5),
    ]
    (record,) = (one for one in Lake(settings.lake).standing() if one.period == "2026-02")
    with pytest.raises(OutcomesError, match="delivery_replaced"):
        reprocess(settings, record)


def test_a_withdrawal_that_ended_half_way_is_finished_by_the_same_again(taken_in: Settings, tmp_path: Path) -> None:
    settings = copied(taken_in, tmp_path)
    withdraw(settings, "north", "2026-01", "wrong_data")
    with pytest.raises(OutcomesError, match="nothing_to_withdraw"):
        pipeline.withdraw(settings, "north", "2026-01", "wrong_data")
    assert [one.rows_pending for one in Lake(settings.lake).standing()] == [2, 2]


def test_several_processes_leave_what_one_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_MANY", 1)
    states, outcomes = [], []
    for processes in (1, 2):
        settings = Settings(home=tmp_path / str(processes), max_critical_share=0.5)
        pairs = [(site, month) for month in MONTHS for site in ("north", "south")]
        for site in ("north", "south"):
            _three_months(settings, site)
        _deliver(settings, "2026-02", {"patients": [patient("p3", sex="a word"), patient("x")], "imaging": []}, "full")
        results = pipeline.ingest_each(settings, pairs, processes=processes)
        outcomes.append([(one.site_id, one.period, one.refusal and one.refusal.code) for one in results])
        states.append(lake_state(settings))
    assert states[0] == states[1]
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][2] == ("north", "2026-02", "file_empty")


def test_a_refused_correction_that_looks_nowhere_settles(taken_in: Settings, tmp_path: Path) -> None:
    settings = copied(taken_in, tmp_path)
    _deliver(settings, "2026-02", {"patients": [patient("p3"), patient("p3")], "follow_ups": [follow_up("p1")]})
    _take_in(settings, ["2026-02"])
    assert Lake(settings.lake).recorded("north", "2026-02")[-1].outcome == "refused"
    again: list[JudgedAgain] = []
    pipeline.ingest_each(settings, [], on_judged_again=again.append)
    assert (again, Lake(settings.lake).stale()) == ([], [])


def test_damage_of_one_site_keeps_no_other_from_being_judged_again(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    for site in ("north", "south"):
        _three_months(settings, site)
        for month in MONTHS:
            pipeline.take_in(settings, site, month)
    for file in (settings.lake / "patients" / "site_id=north").rglob("*.parquet"):
        file.write_bytes(b"")
    again: list[JudgedAgain] = []
    with pytest.raises(OutcomesError, match="lake_damaged"):
        pipeline.ingest_each(settings, [], on_judged_again=again.append)
    assert {one.after.site_id for one in again} == {"south"}


def _end(*_: Any) -> None:
    os._exit(1)


def test_a_process_that_ends_costs_what_it_did_and_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_MANY", 1)
    monkeypatch.setattr(pipeline, "_do", _end)
    settings = _settings(tmp_path)
    for site in ("north", "south"):
        _three_months(settings, site)
    with pytest.raises(UnexpectedError, match="north/2026-01: its process ended"):
        pipeline.ingest_each(settings, [("north", "2026-01"), ("south", "2026-01")], processes=2)


def test_a_file_that_fails_one_submission_fails_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, take_in = _settings(tmp_path), pipeline.take_in

    def fail_first(settings: Settings, site_id: str, period: str) -> Any:
        if period == "2026-01":
            raise FileNotFoundError(site_id)
        return take_in(settings, site_id, period)

    monkeypatch.setattr(pipeline, "take_in", fail_first)
    _three_months(settings)
    with pytest.raises(FileNotFoundError):
        pipeline.ingest_each(settings, [("north", month) for month in MONTHS])
    assert [one.period for one in Lake(settings.lake).attempts()] == ["2026-02", "2026-03"]


@pytest.mark.parametrize("order", few(1, [(("2026-02", "2026-01"),), (("2026-01", "2026-02"),)]))
def test_of_two_months_that_would_refuse_each_other_the_earlier_stands(tmp_path: Path, order: tuple[str, ...]) -> None:
    settings = _settings(tmp_path)
    for period, own, other in (("2026-01", "p1", "p2"), ("2026-02", "p2", "p1")):
        cut = patient(own, data_cut_day=100, last_contact_day=50)
        _deliver(settings, period, {"patients": [cut], "follow_ups": [follow_up(other, day=365)]})
    _take_in(settings, order)
    # The first month's visit is after the data cut that the second states, and waits since that is refused.
    assert [(one.period, one.outcome, one.rows_pending) for one in Lake(settings.lake).attempts()] == [
        ("2026-01", "accepted", 1),
        ("2026-02", "refused", 0),
    ]


def test_a_later_data_cut_takes_rows_out_and_refuses_no_month(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    _deliver(settings, "2026-01", {"patients": [patient("p1")], "follow_ups": [follow_up("p2", day=365)]})
    _deliver(settings, "2026-02", {"patients": [patient("p2", data_cut_day=100, last_contact_day=50)]})
    _take_in(settings, ("2026-01", "2026-02"))
    assert [(one.outcome, one.rows_quarantined) for one in Lake(settings.lake).attempts()] == [
        ("accepted", 1),
        ("accepted", 0),
    ]
