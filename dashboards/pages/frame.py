"""What pages are made of: the header, cards, tables, and rows that stand beside a chart."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from dash import dcc, html

from dashboards import words
from dashboards.charts.style import Component, Figure, graph
from dashboards.queries import LabelDefinition, Release, ReleaseInfo, Share, Submission

PRODUCT = "Outcomes after cervical fusion"
DATA_QUALITY = "/data-quality"


@dataclass(frozen=True)
class View:
    """What every page of one release needs, read once per page view."""

    release: Release

    @cached_property
    def info(self) -> ReleaseInfo:
        """The header of the release."""
        return self.release.info()

    @cached_property
    def definitions(self) -> list[LabelDefinition]:
        """Every label, headline labels first."""
        return self.release.definitions()

    @cached_property
    def overall(self) -> dict[str, Share]:
        """The share of every label over all patients."""
        return self.release.overall()

    @cached_property
    def submissions(self) -> list[Submission]:
        """Every attempt of every site."""
        return self.release.submissions()

    @property
    def threshold(self) -> int:
        """The smallest count of patients that may be shown."""
        return self.info.suppression_threshold


def label_path(label: str) -> str:
    """The address of a label's page."""
    return f"/label/{label}"


def page(view: View, pathname: str, *content: Component) -> Component:
    """A whole page: navigation, the line that says what is being looked at, and the content."""
    return html.Div(
        [
            html.A("Skip to content", href="#content", className="skip"),
            html.Header([_navigation(view.definitions, pathname), _status_line(view)], className="header"),
            html.Main(list(content), id="content", className="content"),
        ],
        # A new key makes a fresh page, so that an open menu closes on navigation.
        key=pathname,
    )


def bare_page(title: str, *content: Component) -> Component:
    """A page without a release behind it."""
    return html.Div(
        [
            html.Header(html.Nav(html.Span(PRODUCT, className="product"), className="nav"), className="header"),
            html.Main(card(title, *content), className="content"),
        ]
    )


def card(title: str, *content: Component, wide: bool = True) -> Component:
    """A card with its heading; a narrow one takes half the width where there is room."""
    return html.Section([html.H2(title), *content], className="card" if wide else "card card--half")


def table(caption: str, head: Sequence[str], rows: Sequence[Sequence[Component]], numbers: int = 0) -> Component:
    """A table whose first column names the row and whose last `numbers` columns are numbers."""
    kinds = ["number-cell" if place >= len(head) - numbers else None for place in range(len(head))]
    return html.Div(
        html.Table(
            [
                html.Caption(caption),
                html.Thead(
                    html.Tr(
                        [html.Th(title, scope="col", className=kind) for title, kind in zip(head, kinds, strict=True)]
                    )
                ),
                html.Tbody([_table_row(row, kinds) for row in rows]),
            ]
        ),
        className="table",
        tabIndex=0,
        role="region",
        **{"aria-label": caption},
    )


def as_table(caption: str, head: Sequence[str], rows: Sequence[Sequence[Component]]) -> Component:
    """The numbers of a chart, folded away below it; every column but the first is numbers."""
    return html.Details(
        [html.Summary("Show as table"), table(caption, head, rows, numbers=len(head) - 1)], className="as-table"
    )


def share_cells(share: Share, threshold: int) -> list[str]:
    """Share, interval and counts of one row of a table of shares."""
    if share.is_suppressed:
        return [words.hidden(threshold)] * 5
    counts = [share.yes, share.assessed, share.not_assessable]
    value = "None assessed" if share.share is None else words.percent(share.share, share.assessed or 0)
    return [value, words.interval(share).strip("()"), *(words.count(number or 0) for number in counts)]


SHARE_HEAD = ("Share", "95 % interval", "Yes", "Assessed", "Not assessable")


def rows_beside(figure: Figure, sentence: str, rows: Sequence[tuple[str, str]], css_class: str) -> Component:
    """A chart of one row per name: names at the left, values at the right, the figure between them.

    On a narrow screen names and values stand above their marks.

    Args:
        figure: a figure with one row per entry of `rows`, from the top.
        sentence: what the chart shows, for those who cannot see it.
        rows: name and value of each row.
        css_class: the kind of rows, which the style sheet gives a height.
    """
    return html.Div(
        [
            html.Ul([html.Li([html.Span(name, title=name), html.Span(value)]) for name, value in rows]),
            graph(figure, sentence, "rows-plot"),
        ],
        className=f"rows {css_class}",
        style={"--rows": len(rows)},
    )


def footnote(*texts: str) -> Component | None:
    """Small print below a chart; nothing when there is nothing to say."""
    said = " ".join(text for text in texts if text)
    return html.P(said, className="footnote") if said else None


def _table_row(row: Sequence[Component], kinds: Sequence[str | None]) -> Component:
    cells = [html.Td(cell, className=kind) for cell, kind in zip(row[1:], kinds[1:], strict=True)]
    return html.Tr([html.Th(row[0], scope="row"), *cells])


def by_category(definitions: Sequence[LabelDefinition]) -> list[tuple[str, list[LabelDefinition]]]:
    """The definitions under the part of the guide that they belong to, in the guide's order; empty parts left out."""
    parts = {
        category: [definition for definition in definitions if definition.category == category]
        for category in words.CATEGORIES
    }
    return [(words.sentence_case(category), listed) for category, listed in parts.items() if listed]


def _navigation(definitions: list[LabelDefinition], pathname: str) -> Component:
    headline = [definition for definition in definitions if definition.is_headline]
    others = [definition for definition in definitions if not definition.is_headline]
    menu = html.Details(
        [
            html.Summary("More labels"),
            html.Div(
                [
                    html.Section([html.P(title), html.Ul([html.Li(_label_link(one, pathname)) for one in listed])])
                    for title, listed in by_category(others)
                ]
            ),
        ],
        className="menu",
    )
    return html.Nav(
        [
            dcc.Link(PRODUCT, href="/", className="product"),
            html.Ul(
                [
                    html.Li(_link("Overview", "/", pathname)),
                    *(html.Li(_label_link(definition, pathname)) for definition in headline),
                    *([html.Li(menu)] if others else []),
                    html.Li(_link("Data quality", DATA_QUALITY, pathname)),
                ]
            ),
        ],
        className="nav",
        **{"aria-label": "Pages"},
    )


def _label_link(definition: LabelDefinition, pathname: str) -> Component:
    return _link(definition.title, label_path(definition.label), pathname)


def _link(text: str, href: str, pathname: str) -> Component:
    is_here = pathname == href or pathname.startswith(f"{href}/")
    return dcc.Link(text, href=href, className="here" if is_here else None)


def _patients(info: ReleaseInfo) -> str:
    if info.patient_count_rounded is None:
        return f"fewer than {info.suppression_threshold}"
    return f"about {words.count(info.patient_count_rounded)}"


def _status_line(view: View) -> Component:
    info = view.info
    refused = sum(submission.status == "refused" for submission in view.submissions)
    parts = [
        words.plural(info.site_count, "site"),
        f"{_patients(info)} patients",
        f"data to {words.period(info.data_to)}",
        f"release {info.release_id}",
        f"{words.plural(len(view.submissions), 'submission')} checked, {words.count(refused)} refused",
        f"counts of 1–{view.threshold - 1} patients are hidden",
    ]
    return html.P(" · ".join(parts), className="status")
