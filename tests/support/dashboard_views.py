"""What a page function gets, over a release of invented numbers."""

from pathlib import Path

from dashboards.access.scope import Scope
from dashboards.data import measures
from dashboards.data.reader import Releases
from dashboards.filters import parse
from dashboards.pages.frame import View
from tests.support.dashboard_release import OWN


def view_at(path: str, home: Path, query: str = "", sites: tuple[str, ...] = OWN) -> View:
    """The view of an address, for somebody of the quality role at these sites."""
    reader = Releases(home / "releases").read(Scope("somebody", frozenset(sites), "quality"))
    assert reader is not None
    choices = measures.choices(reader)
    return View(reader, parse(query, choices), choices, path)
