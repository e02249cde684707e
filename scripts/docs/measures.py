"""The page of the measures, from `sql/definitions/measures.yaml`."""

from itertools import groupby

from outcomes.sql.catalog.measures import MeasureDefinition, measure_definitions
from outcomes.sql.files import load
from outcomes.sql.shipped import shipped
from scripts.docs.labels import thresholds_table
from scripts.docs.markdown import bullets, document, section

_DIRECTIONS = {"lower_is_better": "lower is better", "higher_is_better": "higher is better", "neutral": "neither way"}
_UNITS = {
    "share": "share of patients",
    "rate": "events per 100 person-years",
    "incidence": "cumulative incidence (Aalen-Johansen)",
}
_EVER = (
    "At any time while observed: it grows with the time observed, so that it describes and is neither charted over "
    "time nor compared between sites."
)


def page() -> str:
    """Every measure, in the order and the groups of its file."""
    groups = groupby(measure_definitions(), lambda measure: measure.category)
    return document(
        "Measures",
        "What is counted, among whom, and why it matters. The same words are the marts `measure_definitions` and stand "
        "behind each figure of the dashboards; they come from [measures.yaml](../sql/definitions/measures.yaml). A "
        "patient who is neither in the numerator nor among the others is excluded, and the mart `measure_exclusions` "
        "counts why.",
        *(section(category.capitalize(), *map(_measure, measures)) for category, measures in groups),
        section("Thresholds", thresholds_table(load(shipped("sql", "relations", "measures")))),
    )


def _measure(measure: MeasureDefinition) -> str:
    facts = (
        f"**Numerator:** {measure.numerator}.",
        f"**Denominator:** {measure.denominator}.",
        f"**Left out:** {measure.exclusions}.",
        f"{_UNITS[measure.unit].capitalize()}, {_DIRECTIONS[measure.direction]}; from {_origin(measure)}; version "
        f"{measure.version}, owned by the {measure.owner}, next review {measure.next_review}.",
        *([] if measure.is_compared else [_EVER]),
        *([_waits(measure)] if measure.judged_after_months else []),
    )
    return f"### `{measure.id}`: {measure.title}\n\n{measure.why}\n\n{bullets(facts)}"


def _waits(measure: MeasureDefinition) -> str:
    months = measure.judged_after_months
    return f"A month of fusion is judged on control charts after {months} {'month' if months == 1 else 'months'}."


def _origin(measure: MeasureDefinition) -> str:
    if measure.relation:
        return f"[{measure.relation}](../sql/relations/measures/{measure.relation}.sql)"
    kinds = f" (kind {', '.join(measure.kinds)})" if measure.kinds else ""
    return f"the label [{measure.label}](labels/{measure.label}.md){kinds}"
