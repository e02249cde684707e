"""What a page function gets, over a release of invented numbers, and what it gives."""

from pathlib import Path

from dashboards.access.scope import Scope
from dashboards.cards import Card
from dashboards.data import measures
from dashboards.data.reader import Reader, Releases
from dashboards.filters import parse
from dashboards.pages.frame import Page, View
from outcomes.site_files import Role
from tests.support.dashboard_release import OWN


def reader_of(home: Path, *sites: str, role: Role = "quality") -> Reader:
    """The release of a home, for somebody of this role at these sites."""
    reader = Releases(home / "releases").read(Scope("somebody", frozenset(sites), role))
    assert reader is not None
    return reader


def view_at(path: str, home: Path, query: str = "", sites: tuple[str, ...] = OWN) -> View:
    """The view of an address, for somebody of the quality role at these sites."""
    reader = reader_of(home, *sites)
    choices = measures.choices(reader)
    return View(reader, parse(query, choices), choices, path)


def cards(page: Page | None) -> dict[str, Card]:
    """The cards of a page by name."""
    assert page is not None
    return {card.name: card for card in page.cards}


def texts(card: Card) -> list[list[str]]:
    """The texts of a card's table, by row."""
    assert card.table is not None
    return [[cell.text for cell in row] for row in card.table.cells()]
