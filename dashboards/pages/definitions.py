"""What every measure counts and what every label means, each with an anchor of its own."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from dashboards import wording
from dashboards.cards import Card
from dashboards.data import definitions as queries
from dashboards.data.definitions import LabelDefinition
from dashboards.data.measures import Measure
from dashboards.pages.frame import Page, View
from dashboards.rendering import part


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
        body=[part("contents", places)],
    )


def _measures(view: View, category: str, found: Sequence[Measure]) -> Card:
    return Card(
        _anchor("measures", category),
        f"Measures: {category}",
        body=[_measure(view, one) for one in found],
    )


def _measure(view: View, one: Measure) -> Markup:
    about = (
        f"{wording.DIRECTIONS[one.direction]}. Owner: {one.owner}. "
        f"Next review: {wording.period(one.next_review)}. Version {one.version}."
    )
    terms = [("With the outcome", one.numerator), ("Assessed", one.denominator)]
    return part("definition", one.measure, one.title, view.href(f"/measure/{one.measure}"), one.why, terms, about)


def _labels(view: View, category: str, found: Sequence[LabelDefinition]) -> Card:
    return Card(_anchor("labels", category), f"Labels: {category}", body=[_label(view, one) for one in found])


def _label(view: View, one: LabelDefinition) -> Markup:
    """The label's definition; its title leads to the measure that counts it, where there is one."""
    href = view.href(f"/measure/{one.label}") if one.label in view.measures else ""
    guide = f"{one.guide.removesuffix('.')}. Version {one.version}."
    return part(
        "definition", f"label-{one.label}", one.title, href, one.definition_text, [("The patient guide", guide)]
    )


def _anchor(kind: str, category: str) -> str:
    return f"{kind}-{category.replace(' ', '-')}"
