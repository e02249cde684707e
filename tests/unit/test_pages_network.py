"""The page over all sites: what it says of a release of invented numbers, and that it names nobody with an outcome."""

from pathlib import Path

from dashboards.cards import Cell
from dashboards.data import comparison
from dashboards.pages.network import network
from tests.support.dashboard_release import OWN
from tests.support.dashboard_views import cards, texts, view_at


def test_spread_counts_sites_and_names_none(home: Path) -> None:
    view = view_at("/network", home)
    found = cards(network(view))
    names = {site.name for site in view.sites.values()}
    assert not names & {text for row in texts(found["spread"]) for text in row}
    for measure, row in zip(view.headlines, texts(found["spread"]), strict=True):
        sites = comparison.peers(view.reader, measure.measure)
        shares = [one.adjusted_share for one in sites if one.adjusted_share is not None]
        far = sum("99_8" in (one.widened_position or one.position or "") for one in sites)
        assert row[0] == measure.title
        assert (row[3], row[5]) == (str(len(shares)), str(far))


def test_sites_stand_by_name_with_how_complete_they_are_and_what_they_delivered(home: Path) -> None:
    view = view_at("/network", home)
    found = cards(network(view))
    names = [site.name for site in view.sites.values()]
    assert names == sorted(names, key=str.lower)
    assert [row[0] for row in texts(found["completeness"])] == [row[0] for row in texts(found["deliveries"])] == names
    of_outcomes = [cell for row in found["completeness"].table.rows for cell in row[1:]]  # type: ignore[union-attr]
    shown = [cell for cell in of_outcomes if isinstance(cell, Cell) and isinstance(cell.value, float)]
    assert shown
    assert all(("▽" in cell.text) == (cell.value < 0.8) for cell in shown)  # type: ignore[operator]


def test_how_complete_follow_up_is_stands_beside_outcomes_that_patients_can_be_lost_for(home: Path) -> None:
    """Whether follow-up is complete is known of everybody: its 100 % would be read as complete follow-up."""
    view = view_at("/network", home)
    table = cards(network(view))["completeness"].table
    assert table is not None
    assert table.head[1:] == tuple(one.title for one in view.headlines if one.category != "follow-up")
    assert len(table.head) == len(view.headlines)


def test_everybody_sees_the_same(home: Path) -> None:
    own, all_sites = (network(view_at("/network", home, query, sites)) for query, sites in (("", OWN), ("", ())))
    assert [texts(card) for card in own.cards] == [texts(card) for card in all_sites.cards]
