"""A label in one sentence: the number first, what it rests on beside it, and how the patients divide."""

from dash import html

from dashboards import words
from dashboards.charts.style import Component
from dashboards.pages.frame import View
from dashboards.queries import LabelDefinition, Share


def statement(view: View, definition: LabelDefinition) -> Component:
    """The sentence of a label, and below it yes, no and not assessable as parts of one bar."""
    share = view.overall.get(definition.label)
    if share is None:
        return html.P("This release holds no result for this label yet.", className="sentence")
    return html.Div([_sentence(share, view.threshold), _composition(definition.title, share, view.threshold)])


def _sentence(share: Share, threshold: int) -> Component:
    if share.is_suppressed or share.share is None or share.assessed is None:
        value: list[Component] = [html.Span(words.share_value(share, threshold), className="sentence-hidden")]
    else:
        value = [
            html.Strong(words.percent(share.share, share.assessed), className="number"),
            html.Span([" ", words.interval(share)], className="interval"),
        ]
    rest = words.basis(share)
    return html.P([*value, html.Span([" ", rest], className="basis") if rest else None], className="sentence")


def _composition(title: str, share: Share, threshold: int) -> Component:
    if share.is_suppressed:
        return html.P(words.hidden_note(threshold), className="footnote")
    parts = [
        ("yes", "Yes", share.yes or 0),
        ("no", "No", share.no or 0),
        ("na", "Not assessable", share.not_assessable or 0),
    ]
    said = ", ".join(f"{name} {words.count(number)}" for _, name, number in parts)
    return html.Div(
        [
            html.Div(
                [html.Span(className=f"part part--{key}", style={"flexGrow": number}) for key, _, number in parts],
                className="composition",
                role="img",
                **{"aria-label": f"{title}, number of patients: {said}"},
            ),
            html.Ul(
                [
                    html.Li([html.Span(className=f"swatch part--{key}"), f"{name} {words.count(number)}"])
                    for key, name, number in parts
                ],
                className="key",
            ),
        ]
    )
