"""Pages for when there is nothing to show."""

from urllib.parse import quote

from dashboards.cards import Card
from dashboards.pages.frame import Page
from dashboards.rendering import part


def not_found() -> Page:
    """An address of no page."""
    return _page(
        "No such page",
        "There is no page at this address",
        "The page may have been renamed, or you may not have access to it. Go to the ",
        ("overview", "/"),
    )


def denied() -> Page:
    """An address of a site that is not the reader's."""
    return _page(
        "No access",
        "This is another site's page",
        "Exact numbers are shown only to the site that they belong to. Numbers that everybody may see are in the ",
        ("overview of all sites", "/?site=all"),
    )


def unknown_filter(path: str) -> Page:
    """An address with a filter that the release does not have."""
    return _page(
        "No such filter",
        "Unknown filter in the address",
        "The release has no such year, group or peers. ",
        ("Show the page without filters", quote(path)),
    )


def _page(title: str, heading: str, said: str, way_on: tuple[str, str]) -> Page:
    return Page(title, [Card("nothing", heading, body=[part("way_on", said, *way_on)])])
