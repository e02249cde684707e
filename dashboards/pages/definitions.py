"""What every measure counts and what every label means, each with an anchor of its own."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from dash import dcc, html

from dashboards import wording
from dashboards.cards import Card
from dashboards.charts.style import Component
from dashboards.data import definitions as queries
from dashboards.data.definitions import LabelDefinition
from dashboards.data.measures import Measure
from dashboards.pages.frame import Page, View


def definitions(view: View) -> Page:
    """Measures by category, then labels by category."""
    measures, labels = defaultdict[str, list[Measure]](list), defaultdict[str, list[LabelDefinition]](list)
    for measure in view.measures.values():
        measures[measure.category].append(measure)
    for label in queries.labels(view.reader):
        labels[label.category].append(label)
    return Page(
        "Definitions",
        [
            _contents(measures, labels),
            *(_measures(view, category, found) for category, found in measures.items()),
            *(_labels(view, category, found) for category, found in labels.items()),
        ],
    )


def _contents(measures: Mapping[str, Sequence[Measure]], labels: Mapping[str, Sequence[LabelDefinition]]) -> Card:
    """What the page holds, and where."""
    places = [
        *((_anchor("measures", category), f"Measures: {category}", len(found)) for category, found in measures.items()),
        *((_anchor("labels", category), f"Labels: {category}", len(found)) for category, found in labels.items()),
    ]
    counted = wording.plural(sum(map(len, measures.values())), "measure")
    defined = wording.plural(sum(map(len, labels.values())), "label")
    return Card(
        "contents",
        f"{counted}, {defined}",
        sentence="A label answers yes, no or not assessable for a patient; a measure adds up answers or days. "
        "Not assessable never counts as a no.",
        body=[html.Ul([html.Li(html.A(f"{said} ({number})", href=f"#{anchor}")) for anchor, said, number in places])],
    )


def _measures(view: View, category: str, found: Sequence[Measure]) -> Card:
    return Card(
        _anchor("measures", category),
        f"Measures: {category}",
        body=[part for one in found for part in _measure(view, one)],
    )


def _measure(view: View, one: Measure) -> list[Component]:
    return [
        html.H3(dcc.Link(one.title, href=view.href(f"/measure/{one.measure}")), id=one.measure),
        html.P(
            [
                one.why,
                *_term("With the outcome", one.numerator),
                *_term("Assessed", one.denominator),
                html.Br(),
                f"{wording.DIRECTIONS[one.direction]}. Owner: {one.owner}. "
                f"Next review: {wording.period(one.next_review)}. Version {one.version}.",
            ]
        ),
    ]


def _labels(view: View, category: str, found: Sequence[LabelDefinition]) -> Card:
    return Card(
        _anchor("labels", category), f"Labels: {category}", body=[part for one in found for part in _label(view, one)]
    )


def _label(view: View, one: LabelDefinition) -> list[Component]:
    """The label's definition; its title leads to the measure that counts it, where there is one."""
    is_measured = one.label in view.measures
    title = dcc.Link(one.title, href=view.href(f"/measure/{one.label}")) if is_measured else one.title
    return [
        html.H3(title, id=f"label-{one.label}"),
        html.P([one.definition_text, *_term("The patient guide", one.guide), f" Version {one.version}."]),
    ]


def _term(name: str, text: str) -> list[Component]:
    return [html.Br(), html.Strong(f"{name}: "), text if text.endswith(".") else f"{text}."]


def _anchor(kind: str, category: str) -> str:
    return f"{kind}-{category.replace(' ', '-')}"
