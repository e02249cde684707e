"""Pages for when there is nothing to show."""

from urllib.parse import parse_qsl, quote, urlencode

from dashboards import wording
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


def patients_denied() -> Page:
    """An address of single patients, for who may see none."""
    return _page(
        "No access",
        "Single patients are for the clinical role",
        "Your role sees the numbers of your site, and not its patients. Ask the administrator of these dashboards if "
        "that is wrong. Numbers are in the ",
        ("overview", "/"),
    )


def unknown_filter(path: str, query: str, parameter: str) -> Page:
    """An address with a filter that the release does not have; the way on is the same address without it.

    Args:
        path: of the address.
        query: its query string.
        parameter: the filter.
    """
    title, said, way_on = wording.UNKNOWN_FILTERS[parameter]
    rest = urlencode([(name, value) for name, value in parse_qsl(query) if name != parameter], safe=":")
    address = f"{quote(path)}{f'?{rest}' if rest else ''}"
    return _page(title, f"{title}: “{parameter}” in the address", f"{said} ", (way_on, address))


def _page(title: str, heading: str, said: str, way_on: tuple[str, str]) -> Page:
    return Page(title, [Card("nothing", heading, body=[part("way_on", said, *way_on)])])
