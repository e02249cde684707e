"""The log for the board: which signals arose in a month, what was made of them, and what was open at its end."""

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, replace
from datetime import date, timedelta
from json import dumps
from pathlib import Path

import duckdb
import pytest

from dashboards import wording
from dashboards.access.scope import Denied, Scope
from dashboards.cards import Card, as_csv
from dashboards.data.arisen import Arisen, arisen
from dashboards.data.reader import Releases
from dashboards.data.signals import signals
from dashboards.pages import frame, monthly_log
from dashboards.pages.signals import signals_page
from dashboards.reviews import queue
from dashboards.reviews.queue import Decision, Move, Reviews
from outcomes.release import history
from outcomes.release.open import RESEARCH
from outcomes.release.verify import seal
from tests.support.dashboard_release import FIRST_ID, SECOND_ID, write_release
from tests.support.dashboard_views import texts, view_at
from tests.support.html_tree import parsed

SITE = "ashworth"
SCOPE = Scope("ada", frozenset({SITE}), "quality")
PAIN = f"{SITE}/pain_12_months/funnel/2026"
GONE = f"{SITE}/asd_rate/run/2019-05"
TODAY = date(2026, 6, 10)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two releases, of 20 April and 20 May; pain stands out in the second alone."""
    home = tmp_path_factory.mktemp("home")
    folder = write_release(home)
    with duckdb.connect(str(folder / RESEARCH)) as con:
        con.execute("delete from alarms where measure = 'pain_12_months'")
    seal(folder)
    write_release(home, SECOND_ID, after=FIRST_ID)
    _published(home, {FIRST_ID: "2026-04-20T08:00:00+00:00", SECOND_ID: "2026-05-20T08:00:00+00:00"})
    return home


def _published(home: Path, times: Mapping[str, str]) -> None:
    lines = [dumps(asdict(history.Move(time, "ada", history.RELEASE, None, name))) for name, time in times.items()]
    (home / "releases" / history.HISTORY).write_text("\n".join(lines), encoding="utf-8")


@pytest.fixture(autouse=True)
def june(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (frame, monthly_log):
        monkeypatch.setattr(module, "today", lambda: TODAY)


@pytest.fixture
def reviews(tmp_path: Path) -> Reviews:
    """Work on an older signal, agreed in April and closed in June, and on pain, begun in May."""
    reviews = Reviews(tmp_path / "reviews.sqlite")
    plan = Decision("chance", "train_the_team", "nursing_lead", queue.today() + timedelta(days=1))
    steps = [
        (GONE, "reviewing", Decision(), "2026-04-02"),
        (GONE, "acting", plan, "2026-04-03"),
        (PAIN, "reviewing", Decision(), "2026-05-21"),
        (PAIN, "explained", Decision("data_error"), "2026-05-22"),
        (GONE, "closed", Decision(outcome="improved"), "2026-06-01"),
    ]
    for place, (signal, to, decision, _) in enumerate(steps):
        after = sum(other == signal for other, *_ in steps[:place])
        reviews.move(SCOPE, Move(SITE, signal, to, after, decision))  # type: ignore[arg-type]
    with closing(sqlite3.connect(tmp_path / "reviews.sqlite")) as database:
        for number, (*_, day) in enumerate(steps, 1):
            database.execute("update moves set at = ? where rowid = ?", (f"{day}T09:00:00+00:00", number))
        database.execute("update moves set due = '2026-05-15' where due is not null")
        database.commit()
    return reviews


def _log(home: Path, reviews: Reviews, query: str = "") -> Card:
    view = replace(view_at("/signals", home, query, (SITE,)), reviews=reviews, releases=Releases(home / "releases"))
    return {card.name: card for card in signals_page(view).cards}["log"]


def _of(home: Path, month: str) -> Arisen:
    return arisen(Releases(home / "releases"), SCOPE, SITE, month)


def test_a_signal_arises_with_the_first_release_that_finds_it(home: Path) -> None:
    everything = {one.id for one in signals(view_at("/", home, sites=(SITE,)).reader, SITE) if not one.is_archived}
    assert _of(home, "2026-03") == Arisen(frozenset(), frozenset(), is_whole=True)
    assert _of(home, "2026-04") == Arisen(frozenset(everything - {PAIN}), frozenset(everything - {PAIN}), is_whole=True)
    assert _of(home, "2026-05") == Arisen(frozenset({PAIN}), frozenset(everything), is_whole=True)
    assert _of(home, "2026-06") == Arisen(frozenset(), frozenset(everything), is_whole=True)


def test_what_arose_is_not_known_where_a_release_is_not_kept(home: Path, tmp_path: Path) -> None:
    (tmp_path / "releases").mkdir()
    for name in (SECOND_ID, "current"):
        (tmp_path / "releases" / name).symlink_to(home / "releases" / SECOND_ID)
    _published(tmp_path, {FIRST_ID: "2026-04-20T08:00:00+00:00", SECOND_ID: "2026-05-20T08:00:00+00:00"})
    assert not _of(tmp_path, "2026-05").is_whole
    assert _of(tmp_path, "2026-05").arose == frozenset()


def test_signals_that_arose_at_a_foreign_site_are_denied(home: Path) -> None:
    with pytest.raises(Denied):
        arisen(Releases(home / "releases"), SCOPE, "calder", "2026-05")


def test_the_last_whole_month_is_shown_with_what_arose_what_was_decided_and_what_is_open(
    home: Path, reviews: Reviews
) -> None:
    log = _log(home, reviews)
    assert log.title == "Log for the board: May\u00a02026"
    waiting = len(_of(home, "2026-05").standing) - 1
    assert log.sentence == (
        "1 signal arose; 1 finding, 0 actions agreed, 0 closed. Open at the end of the month: work on 2 signals "
        f"(1 overdue), and {waiting} signals that nobody has taken up."
    )
    month, due = "May\u00a02026", wording.day(date(2026, 5, 15))
    plan = ["Chance", "Train the team", "Nursing lead", due, ""]
    title, arose = "Suspected adjacent segment disease per 100 person-years", "Arose; Under review; Explained"
    assert texts(log) == [
        [
            month,
            title,
            "Chart (run of 7 or more on one side of the average), May\u00a02019",
            "–",
            *plan,
            "Open: action agreed, overdue",
        ],
        [month, "Neck pain at 12 months", "Funnel, 2026", arose, "Data error", "", "", "", "", "Open: explained"],
    ]


def test_another_month_can_be_chosen_also_the_one_that_is_running(home: Path, reviews: Reviews) -> None:
    june = _log(home, reviews, "month=2026-06")
    assert "1 closed. Open so far: work on 1 signal, and" in june.sentence
    assert next(row[3:] for row in texts(june)) == [
        "Closed", "Chance", "Train the team", "Nursing lead", wording.day(date(2026, 5, 15)), "Improved", "Closed",
    ]  # fmt: skip
    assert _log(home, reviews, "month=2026-03").table is None
    # What was worked on stands before what merely arose.
    assert [row[3] for row in texts(_log(home, reviews, "month=2026-04"))][:3] == [
        "Under review; Action agreed",
        "Arose",
        "Arose",
    ]


def test_of_a_month_to_come_nothing_is_told(home: Path, reviews: Reviews) -> None:
    to_come = _log(home, reviews, "month=2026-07")
    assert (to_come.sentence, to_come.table, to_come.notes) == ("", None, ())
    assert to_come.body == ["This month has not begun. Choose another above."]


def test_as_a_file_each_line_says_its_month_and_nothing_tells_of_a_patient_or_of_who_moved_it(
    home: Path, reviews: Reviews
) -> None:
    table = _log(home, reviews).table
    assert table is not None
    text = as_csv(table)
    assert "\n2026-05,pain_12_months," in text
    assert ",2026-05-15," in text
    assert not any(word in text for word in ("patienta", "ada,"))


def test_the_page_offers_the_months_and_says_which_is_chosen(home: Path, reviews: Reviews) -> None:
    for query, value in (("", ""), ("month=2026-05", ""), ("month=2026-06", "2026-06"), ("month=2020-01", "2020-01")):
        view = replace(view_at("/signals", home, query, (SITE,)), reviews=reviews)
        select = next(
            one
            for one in parsed(frame.whole_page(view, signals_page(view))).all("select")
            if one.get("name") == "month"
        )
        (chosen,) = [one for one in select.all("option") if "selected" in one.attributes]
        assert chosen.get("value") == value
    assert [one.text for one in select.all("option")][:2] == ["June\u00a02026", "May\u00a02026"]
