"""The summary of a report: the first screen on paper, the same of a release whenever it is printed."""

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from dashboards.access.scope import Scope
from dashboards.data.signals import signals
from dashboards.pages.overview import printed_overview
from dashboards.pages.signals import listed_signals
from dashboards.reports import write_report
from dashboards.reviews.queue import Decision, Move, Reviews, today
from outcomes.release import history
from outcomes.settings import Settings
from tests.support.dashboard_release import EMPTY, write_release
from tests.support.dashboard_views import cards, texts, view_at

SITE = "ashworth"
MOST = 12


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    write_release(folder)
    return folder


def test_the_summary_is_what_stands_out_the_tiles_the_signals_and_the_data(home: Path) -> None:
    summary, long_table = printed_overview(replace(view_at("/", home, f"site={SITE}"), is_file=True))
    assert [card.name for card in summary.cards] == ["look-at-this", "headlines", "signals", "data-state"]
    assert [card.name for card in long_table.cards] == ["measures"]


def test_it_says_nothing_of_reviews_of_other_releases_or_of_today(home: Path) -> None:
    summary, _ = printed_overview(replace(view_at("/", home, f"site={SITE}"), is_file=True))
    said = " ".join(str(part) for card in summary.cards for part in card.body)
    assert not any(word in said for word in ("Reviewed", "overdue", "Late:", "since release"))


def test_a_report_says_what_was_open_of_an_earlier_year_when_its_release_was_published(tmp_path: Path) -> None:
    folder, settings = write_release(tmp_path), Settings(home=tmp_path)
    reviews, scope = Reviews(settings.reviews_file), Scope("ada", frozenset({SITE}), "quality")
    earlier = f"{SITE}/pain_12_months/funnel/2025"
    reviews.move(scope, Move(SITE, earlier, "reviewing", 0))
    reviews.move(scope, Move(SITE, earlier, "acting", 1, Decision("chance", "train_the_team", "nursing_lead", today())))
    with closing(sqlite3.connect(settings.reviews_file)) as database:
        database.execute("update moves set at = '2026-04-01T08:00:00+00:00'")
        database.commit()
    moved = history.Move("2026-04-02T08:00:00+00:00", "ada", history.RELEASE, None, folder.name)
    (settings.releases / history.HISTORY).write_text(json.dumps(asdict(moved)), encoding="utf-8")
    text = write_report(settings, SITE).read_text(encoding="utf-8")
    said = "Work on this since the signal of 2025 is open: train the team, nursing lead, due"
    assert said in text
    assert "to be reviewed" not in text
    # What is decided later, or about the signal itself, changes no word of the report.
    reviews.move(scope, Move(SITE, earlier, "closed", 2, Decision(outcome="improved")))
    reviews.move(scope, Move(SITE, f"{SITE}/pain_12_months/funnel/2026", "reviewing", 0))
    assert write_report(settings, SITE).read_text(encoding="utf-8") == text


def test_signals_are_listed_concerning_ones_first_as_many_as_there_is_room_for(home: Path) -> None:
    view = view_at("/", home, f"site={SITE}")
    found = [one for one in signals(view.reader, SITE) if not one.is_archived]
    card = listed_signals(view, SITE)
    assert [row[0] for row in texts(card)] == [view.measures[one.measure].title for one in found[:MOST]]
    assert card.sentence.startswith(f"{len(found)} signals, ")
    assert "The first 12 are listed" in card.sentence


def test_a_site_without_signals_has_a_sentence_in_their_place(home: Path) -> None:
    view = view_at("/", home, f"site={EMPTY}", sites=(EMPTY,))
    card = cards(printed_overview(view)[0])["signals"]
    assert (card.table, card.body) == (None, ["The release holds no signal of this site."])
