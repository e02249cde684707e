"""The first page: each headline label as a sentence with its proof, then the others by part of the guide."""

from itertools import chain

from dash import dcc, html

from dashboards.charts.style import Component
from dashboards.pages import drawn, frame
from dashboards.pages.frame import View
from dashboards.pages.statement import statement
from dashboards.queries import LabelDefinition, Share


def overview(view: View) -> Component:
    """The overview of a release."""
    headline = [definition for definition in view.definitions if definition.is_headline]
    others = [definition for definition in view.definitions if not definition.is_headline]
    by_year = {definition.label: view.release.by_year(definition.label) for definition in headline}
    return frame.page(
        view,
        "/",
        html.H1("Overview"),
        *(_headline(view, definition, by_year[definition.label]) for definition in headline),
        *(_others(view, title, listed) for title, listed in frame.by_category(others)),
        frame.footnote(
            "Share: patients with the label, of those who could be assessed, with its 95 % confidence interval.",
            "A patient without a usable visit is counted as not assessable, never as no.",
            drawn.hidden_note(view, chain(view.overall.values(), *by_year.values())),
        ),
    )


def _headline(view: View, definition: LabelDefinition, shares: list[Share]) -> Component:
    return html.Section(
        [
            html.Div(
                [
                    html.H2(dcc.Link(definition.title, href=frame.label_path(definition.label))),
                    statement(view, definition),
                    html.P(definition.definition_text, className="footnote"),
                ]
            ),
            drawn.trend(view, definition.title, shares, css_class="chart chart--compact"),
        ],
        className="card card--headline",
    )


def _others(view: View, title: str, definitions: list[LabelDefinition]) -> Component:
    shares = [(definition, view.overall.get(definition.label)) for definition in definitions]
    return frame.card(
        title,
        frame.table(
            f"{title}: share of each label over all patients",
            ("Label", *frame.SHARE_HEAD),
            [
                [
                    dcc.Link(definition.title, href=frame.label_path(definition.label)),
                    *(["No result yet"] * 5 if share is None else frame.share_cells(share, view.threshold)),
                ]
                for definition, share in shares
            ],
            numbers=len(frame.SHARE_HEAD),
        ),
    )
