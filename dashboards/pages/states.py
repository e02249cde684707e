"""Pages for when there is nothing to show."""

from dash import dcc, html

from dashboards.charts.style import Component
from dashboards.pages import frame
from dashboards.pages.frame import View


def no_release() -> Component:
    """Before the first release: what to run."""
    return frame.bare_page(
        "Nothing has been released yet",
        html.P("The dashboards show the current release, and there is none so far. To make one:"),
        html.Ol(
            [
                html.Li(["Take in what the sites have delivered: ", html.Code("outcomes ingest")]),
                html.Li(["Publish a release: ", html.Code("outcomes release")]),
                html.Li("Reload this page."),
            ]
        ),
    )


def not_found(view: View, pathname: str) -> Component:
    """An address that leads nowhere."""
    return frame.page(
        view,
        pathname,
        html.H1("No such page"),
        frame.card(
            "This address leads nowhere",
            html.P(["The label may have been renamed. Go to the ", dcc.Link("overview", href="/"), "."]),
        ),
    )
