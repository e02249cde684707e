"""Charts as they stand in a card: the figure, what it hides, and its numbers as a table."""

from collections.abc import Iterable
from typing import Any

from dash import html

from dashboards import words
from dashboards.charts.bars import Bar, bars
from dashboards.charts.shares import by_site, over_time
from dashboards.charts.style import Component, graph
from dashboards.pages import frame
from dashboards.pages.frame import View
from dashboards.queries import Share

_MOST_ROWS = 12


def hidden_note(view: View, shares: Iterable[Share]) -> str:
    """Why numbers are hidden, where one of the shares is; else nothing."""
    return words.hidden_note(view.threshold) if any(share.is_suppressed for share in shares) else ""


def trend(view: View, title: str, shares: list[Share], *notes: str, css_class: str = "chart") -> Component:
    """A label's share by year of fusion, with notes below it."""
    if not shares:
        return html.P("No year of fusion is known yet; it comes with the first episodes.")
    if all(share.share is None for share in shares):
        shown = [html.P(words.no_year(any(share.is_suppressed for share in shares), view.threshold))]
    else:
        shown = [_scrolling_trend(view, title, shares, css_class), frame.footnote(*notes)]
    table = frame.as_table(
        f"{title} by year of fusion",
        ("Year of fusion", *frame.SHARE_HEAD),
        [[str(share.index_year), *frame.share_cells(share, view.threshold)] for share in shares],
    )
    return html.Div([*shown, table])


def sites(view: View, title: str, overall: Share, shares: list[Share]) -> Component:
    """A label's share over all sites and site by site, sites by name."""
    names = {site.site_id: site.name for site in view.release.sites()}
    named = [("All sites", overall), *((names[share.site_id or ""], share) for share in shares)]
    return html.Div(
        [
            frame.rows_beside(
                by_site(shares, overall, view.threshold),
                f"{title}: share with 95 % interval of each site, sites by name",
                [(name, _site_value(share, view.threshold)) for name, share in named],
                "rows--sites",
            ),
            frame.footnote(
                "Sites by name; n = number assessed. Differences between their patients are not adjusted for.",
                hidden_note(view, shares),
            ),
            frame.as_table(
                f"{title} by site",
                ("Site", *frame.SHARE_HEAD),
                [[name, *frame.share_cells(share, view.threshold)] for name, share in named],
            ),
        ]
    )


def tally(view: View, head: tuple[str, str], rows: list[Bar], marker: dict[str, Any], css_class: str = "") -> Component:
    """Counts by category as bars; of many categories the chart has the first few, and the table all.

    Args:
        view: the release.
        head: what the rows are, and what their numbers count; also the chart's sentence.
        rows: the categories, in the order to show.
        marker: how the bars are filled.
        css_class: a further class of the rows.
    """
    sentence = f"{head[1]} by {head[0].lower()}"
    drawn = rows[:_MOST_ROWS]
    return html.Div(
        [
            frame.rows_beside(
                bars(drawn, marker), sentence, [(row.name, "") for row in drawn], f"rows--bars {css_class}".strip()
            ),
            frame.footnote(
                f"The first {len(drawn)} of {len(rows)}; the table has all." if len(drawn) < len(rows) else "",
                words.hidden_note(view.threshold) if any(row.length is None for row in drawn) else "",
            ),
            frame.as_table(sentence, head, [[row.name, row.text] for row in rows]),
        ]
    )


def _scrolling_trend(view: View, title: str, shares: list[Share], css_class: str) -> Component:
    years = f"{shares[0].index_year} to {shares[-1].index_year}"
    return html.Div(
        graph(
            over_time(shares, view.threshold),
            f"{title}: share with 95 % interval by year of fusion, {years}",
            css_class,
        ),
        className="scroll",
        style={"--points": len(shares)},
        tabIndex=0,
        role="region",
        **{"aria-label": f"{title} by year"},
    )


def _site_value(share: Share, threshold: int) -> str:
    value = words.share_value(share, threshold)
    return value if share.assessed is None else f"{value}, n = {words.count(share.assessed)}"
