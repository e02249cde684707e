"""The summary of a report: the first screen on paper, the same of a release whenever it is printed."""

from dataclasses import replace
from pathlib import Path

import pytest

from dashboards.data.signals import signals
from dashboards.pages.overview import printed_overview
from dashboards.pages.signals import listed_signals
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
