"""What a page function gets, over a release of invented numbers."""

from pathlib import Path

from dashboards.access import Scope
from dashboards.filters import parse
from dashboards.pages.frame import View
from dashboards.queries import measures
from dashboards.queries.reader import Releases
from tests.support.dashboard_release import OWN


def view_at(path: str, home: Path, query: str = "", sites: tuple[str, ...] = OWN) -> View:
    """The view of an address, for somebody of the quality role at these sites."""
    reader = Releases(home / "releases").read(Scope("somebody", frozenset(sites), "quality"))
    assert reader is not None
    choices = measures.choices(reader)
    return View(reader, parse(query, choices), choices, path)
