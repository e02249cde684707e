"""Deliveries that are late, and deliveries that nobody has taken up."""

import os
from datetime import date
from pathlib import Path

import pytest

from outcomes import pipeline
from outcomes.errors import OutcomesError, SubmissionRefused
from outcomes.intake import expected
from outcomes.intake.expected import DueDelivery, NewDelivery, due_deliveries, in_words
from outcomes.periods import months_until
from outcomes.settings import Settings
from tests.support.submissions import drawn, fusion, patient, restate, write_submission

PERIOD = "2025-05"
TODAY = date(2025, 7, 11)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def deliver(settings: Settings, site_id: str = "east", period: str = PERIOD, patients: int = 1) -> Path:
    ids = [drawn(number) for number in range(patients)]
    tables = {"patients": [patient(each) for each in ids], "procedures": [fusion(each) for each in ids]}
    return write_submission(settings, site_id, period, tables)


def expect(settings: Settings, *lines: str) -> None:
    text = "\n".join(["site_id,first_period,last_period,due_day", *lines])
    settings.deliveries_file.write_text(f"{text}\n", encoding="utf-8")


def late(settings: Settings, today: date = TODAY) -> list[tuple[str, str]]:
    return [(each.site_id, each.period) for each in pipeline.late_deliveries(settings, today)]


def spoil(folder: Path) -> bytes:
    """Let the files differ from the manifest; give back what was there."""
    sound = (folder / "patients.csv").read_bytes()
    (folder / "patients.csv").write_text("changed after the manifest\n", encoding="utf-8")
    return sound


def ingest(settings: Settings) -> None:
    pipeline.ingest_landed(settings)


# Late deliveries


def test_without_a_register_no_delivery_is_late(settings: Settings) -> None:
    deliver(settings)
    assert late(settings) == []
    pipeline.check_deliveries(settings, TODAY)


def test_a_delivery_is_late_on_the_day_after_its_day(settings: Settings) -> None:
    expect(settings, "east,2025-05,,10")
    assert late(settings, date(2025, 6, 10)) == []
    assert late(settings, date(2025, 6, 11)) == [("east", "2025-05")]
    assert late(settings, date(2025, 7, 10)) == [("east", "2025-05")]
    assert late(settings, date(2025, 7, 11)) == [("east", "2025-05"), ("east", "2025-06")]


def test_december_is_due_in_january(settings: Settings) -> None:
    expect(settings, "east,2025-12,,5")
    assert due_deliveries(settings, ["2025-11", "2025-12"]) == [DueDelivery("2025-12", "east", date(2026, 1, 5))]


def test_only_the_months_of_a_site_are_expected(settings: Settings) -> None:
    expect(settings, "east,2025-03,2025-04,10", "north,2025-06,,10", "south,2025-07,,10")
    assert late(settings) == [("east", "2025-03"), ("east", "2025-04"), ("north", "2025-06")]


def test_what_landed_whole_or_was_accepted_is_not_late(settings: Settings) -> None:
    expect(settings, *(f"{site_id},2025-05,2025-05,10" for site_id in ("accepted", "landed", "unfinished")))
    gone = deliver(settings, "accepted")
    ingest(settings)
    for file in gone.iterdir():
        file.unlink()
    deliver(settings, "landed")
    (deliver(settings, "unfinished") / "manifest.json").unlink()
    assert late(settings) == [("unfinished", PERIOD)]


def test_a_refused_delivery_is_late_until_it_is_delivered_again(settings: Settings) -> None:
    expect(settings, "east,2025-05,2025-05,10")
    folder = deliver(settings)
    spoil(folder)
    assert late(settings) == []  # nobody has looked at it yet
    ingest(settings)
    assert late(settings) == [("east", PERIOD)]
    deliver(settings, patients=2)
    assert late(settings) == []


def test_a_correction_that_was_refused_makes_no_accepted_month_late(settings: Settings) -> None:
    expect(settings, "east,2025-05,2025-05,10")
    deliver(settings)
    ingest(settings)
    spoil(deliver(settings, patients=2))
    ingest(settings)
    assert late(settings) == []


def test_the_alert_names_sites_months_and_days(settings: Settings) -> None:
    expect(settings, "north,2025-05,2025-05,3", "east,2025-05,,10")
    with pytest.raises(OutcomesError) as alert:
        pipeline.check_deliveries(settings, TODAY)
    assert (alert.value.code, alert.value.exit_status) == ("delivery_late", 80)
    assert alert.value.where == (
        "east: 2 months, from 2025-05 on, due 2025-06-10; north: 1 month, from 2025-05 on, due 2025-06-03"
    )
    assert in_words([]) == ""


def test_a_month_without_deliveries_is_named_once_none_is_expected(settings: Settings) -> None:
    expect(settings, "east,2025-05,2025-05,10")
    settings.landing.mkdir()
    assert pipeline.sites_with_delivery(settings, PERIOD, date(2025, 6, 10)) == []
    for period, today in ((PERIOD, date(2025, 6, 11)), ("2025-06", date(2025, 6, 10))):
        with pytest.raises(OutcomesError) as alert:
            pipeline.sites_with_delivery(settings, period, today)
        assert (alert.value.code, alert.value.exit_status) == ("nothing_delivered", 81)


def test_months_side_by_side_begin_with_different_sites(settings: Settings) -> None:
    """Else the workers would all be at the same site, of which one intake runs at a time."""
    months = months_until("2026-02", 4)
    for period in months:
        for site_id in ("east", "north", "south", "west"):
            deliver(settings, site_id, period)
    orders = [pipeline.sites_with_delivery(settings, period, TODAY) for period in months]
    assert all(sorted(order) == ["east", "north", "south", "west"] for order in orders)
    for same_place in zip(*orders, strict=True):
        assert len(set(same_place)) == len(months)


# New deliveries


class Runs:
    """The intake runs that there are, as Airflow would remember them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.states: dict[str, str] = {}

    def look(self, state: str = "success", today: date = TODAY) -> list[tuple[str, str]]:
        """Start a run for each new delivery; they are in this state from now on."""
        new = pipeline.new_deliveries(self._settings, today, self.states.get)
        self.states |= dict.fromkeys((each.name for each in new), state)
        return [(each.site_id, each.period) for each in new]


def test_a_delivery_is_taken_up_once(settings: Settings) -> None:
    runs = Runs(settings)
    settings.landing.mkdir()
    assert runs.look() == []
    deliver(settings)
    assert runs.look(state="queued") == [("east", PERIOD)]
    assert runs.look() == []
    ingest(settings)
    runs.states = {}
    assert runs.look() == []


def test_deliveries_of_months_that_were_skipped_are_seen_the_oldest_first(settings: Settings) -> None:
    """As after a downtime over two ends of months, or when months come in another order."""
    for site_id, period in (("east", "2025-06"), ("north", "2025-04"), ("east", "2025-04")):
        deliver(settings, site_id, period)
    assert Runs(settings).look() == [("east", "2025-04"), ("north", "2025-04"), ("east", "2025-06")]


def test_a_landing_folder_that_is_not_there_is_no_empty_one(settings: Settings) -> None:
    settings.lake.mkdir()
    with pytest.raises(FileNotFoundError, match="there is no landing folder"):
        Runs(settings).look()


def test_an_unfinished_delivery_is_not_seen(settings: Settings) -> None:
    (deliver(settings) / "manifest.json").unlink()
    assert Runs(settings).look() == []


def test_a_correction_is_seen(settings: Settings) -> None:
    runs = Runs(settings)
    deliver(settings)
    runs.look()
    ingest(settings)
    deliver(settings, patients=2)
    assert runs.look() == [("east", PERIOD)]


def test_a_refused_delivery_is_seen_again_only_when_its_folder_changes(settings: Settings) -> None:
    runs = Runs(settings)
    folder = deliver(settings)
    sound = spoil(folder)
    runs.look(state="failed")
    ingest(settings)
    for today in (TODAY, date(2025, 7, 12), date(2025, 8, 12)):
        assert runs.look(today=today) == []
    (folder / "patients.csv").write_bytes(sound)  # under the same manifest
    assert runs.look() == [("east", PERIOD)]


def test_a_file_that_is_replaced_by_one_of_the_same_size_and_time_is_seen(settings: Settings) -> None:
    """As `rsync --times` does it."""
    runs = Runs(settings)
    folder = deliver(settings)
    restate(folder, more_rows=1)
    runs.look(state="failed")
    ingest(settings)
    before = (folder / "patients.csv").stat()
    replacement = folder / ".new"
    replacement.write_bytes((folder / "patients.csv").read_bytes())
    os.utime(replacement, ns=(before.st_atime_ns, before.st_mtime_ns))
    replacement.replace(folder / "patients.csv")
    assert runs.look() == [("east", PERIOD)]


def test_a_technical_failure_is_tried_again_once_a_day(settings: Settings) -> None:
    runs = Runs(settings)
    deliver(settings)
    assert runs.look(state="failed") == [("east", PERIOD)]
    assert runs.look(state="running") == [("east", PERIOD)]
    assert runs.look() == []
    tomorrow = date(2025, 7, 12)
    assert runs.look(state="failed", today=tomorrow) == [("east", PERIOD)]
    assert runs.look(today=tomorrow) == []


def test_a_run_under_way_is_not_doubled(settings: Settings) -> None:
    runs = Runs(settings)
    deliver(settings)
    runs.look(state="running")
    assert runs.look(today=date(2025, 7, 12)) == []


def test_no_more_than_so_many_are_named_at_a_time_and_known_ones_do_not_count(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expected, "AT_ONCE", 2)
    periods = ["2025-01", "2025-02", "2025-03"]
    for period in periods:
        deliver(settings, period=period)
    runs = Runs(settings)
    assert runs.look(state="queued") == [("east", period) for period in periods[:2]]
    assert runs.look(state="queued") == [("east", "2025-03")]


def test_names_serve_as_names_of_runs(settings: Settings) -> None:
    deliver(settings)
    (new,) = pipeline.new_deliveries(settings, TODAY, lambda name: None)
    assert new == NewDelivery(new.name, "east", PERIOD)
    assert new.name.startswith(f"delivery_east_{PERIOD}_")
    assert new.name.replace("_", "").replace("-", "").isalnum()


def test_the_refusal_of_another_site_s_folder_is_its_own(settings: Settings) -> None:
    spoil(deliver(settings, "north"))
    with pytest.raises(SubmissionRefused):
        pipeline.ingest(settings, "north", PERIOD)
    deliver(settings, "east")
    runs = Runs(settings)
    assert runs.look(state="failed") == [("east", PERIOD), ("north", PERIOD)]
    assert runs.look() == [("east", PERIOD)]
