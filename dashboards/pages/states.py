"""Pages for when there is nothing to show."""

from dash import dcc, html

from dashboards.cards import Card
from dashboards.charts.style import Component
from dashboards.pages import frame
from dashboards.pages.frame import Page


def no_release() -> Component:
    """Before the first release: what to run."""
    return frame.bare_page(
        "No release yet",
        html.P("The dashboards show the current release, and there is none that this version can read. To make one:"),
        html.Ol(
            [
                html.Li(["Ingest the submissions of the sites: ", html.Code("outcomes ingest")]),
                html.Li(["Publish a release: ", html.Code("outcomes release")]),
                html.Li("Reload this page."),
            ]
        ),
    )


def not_found() -> Page:
    """An address of no page."""
    return _page(
        "No such page",
        "There is no page at this address",
        "The page may have been renamed, or you may not have access to it. Go to the ",
        dcc.Link("overview", href="/"),
        ".",
    )


def denied() -> Page:
    """An address of a site that is not the reader's."""
    return _page(
        "No access",
        "This is another site's page",
        "Exact numbers are shown only to the site that they belong to. Numbers that everybody may see are in the ",
        dcc.Link("overview of all sites", href="/?site=all"),
        ".",
    )


def unknown_filter(path: str) -> Page:
    """An address with a filter that the release does not have."""
    return _page(
        "No such filter",
        "Unknown filter in the address",
        "The release has no such year, group or peers. ",
        dcc.Link("Show the page without filters", href=path),
        ".",
    )


def _page(title: str, heading: str, *said: Component) -> Page:
    return Page(title, [Card("nothing", heading, body=[html.P(list(said))])])
