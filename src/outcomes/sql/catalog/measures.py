"""The measures as `measures.yaml` defines them: one source for the cube, the docs and the hover texts."""

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from itertools import product
from math import ceil
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import PositiveInt, StringConstraints

from outcomes.errors import OutcomesError
from outcomes.periods import MONTH
from outcomes.sql.catalog.declaration import Declaration, Text
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.catalog.texts import days_of_period, with_thresholds
from outcomes.sql.files import read_yaml
from outcomes.sql.reference import reference_rows
from outcomes.sql.shipped import shipped

_FILE = "measures.yaml"
_DAYS_PER_MONTH = 30.5
"""Slightly more than a mean month has, so that a horizon of whole years takes whole years."""
_NAMES = ("id", "label", "kinds", "relation", "part_of", "among", "class_of", "baseline_score", "horizon")
"""Fields that name something; the others are texts."""


class Horizon(Declaration):
    """An event by a fixed day after surgery: which outcome of `time_to_event` or `early_outcomes`, by which day."""

    outcome: str
    day: PositiveInt


class MeasureDefinition(Declaration):
    """One measure: a share of patients, a cumulative incidence at a horizon, or a rate per 100 person-years.

    Exactly one of `label` and `relation` is given. `kinds` limits the yes of a label. `part_of` names the measures
    whose numerator by definition holds the whole numerator of this one; `among` the measure whose numerator by
    definition holds the whole denominator. Measures of one `class_of` part the same denominator between them. A share
    of what patients themselves report names the score before surgery by which those who did not answer are compared
    with those who did (`baseline_score`). `headline` is its place among the measures compared between sites. `exposure`
    says for how long a patient is looked at: in fixed days (`window`), up to a `horizon`, or at any time while observed
    (`ever`), which only describes.
    """

    id: str
    category: Text
    title: Text
    why: Text
    numerator: Text
    denominator: Text
    exclusions: Text
    direction: Literal["lower_is_better", "higher_is_better", "neutral"]
    unit: Literal["share", "rate", "incidence"]
    exposure: Literal["window", "horizon", "ever"]
    owner: Text
    next_review: Annotated[str, StringConstraints(pattern=f"^{MONTH}$")]
    version: PositiveInt
    label: str | None = None
    kinds: tuple[str, ...] = ()
    relation: str | None = None
    part_of: tuple[str, ...] = ()
    among: str | None = None
    class_of: str | None = None
    baseline_score: str | None = None
    horizon: Horizon | None = None
    headline: PositiveInt | None = None

    @property
    def is_rate(self) -> bool:
        """Whether it counts events per person-time, not a share of patients."""
        return self.unit == "rate"

    @property
    def is_compared(self) -> bool:
        """Whether its exposure is fixed, so that it can be compared between sites, over time or with a target."""
        return self.exposure != "ever"

    @property
    def judged_after_months(self) -> int:
        """After how many months a month of fusion may be judged: once every patient could reach the horizon."""
        return 0 if self.horizon is None else ceil(self.horizon.day / _DAYS_PER_MONTH)


@cache
def measure_definitions() -> tuple[MeasureDefinition, ...]:
    """All measures, in the order of the file.

    Raises:
        OutcomesError: definition_malformed; a definition is incomplete or contradicts another one.
    """
    given = read_yaml(shipped("sql", "definitions", _FILE))
    return parse_definitions(given, {label.name: label.status == "accepted" for label in label_definitions()})


def parse_definitions(given: dict[str, Any], labels: Mapping[str, bool]) -> tuple[MeasureDefinition, ...]:
    """Read the definitions from the content of the file.

    Args:
        given: the file's content.
        labels: the labels there are, and whether each is accepted, so that it needs a measure of its own name.

    Raises:
        OutcomesError: definition_malformed; a definition is incomplete or contradicts another one.
    """
    places = {measure: place for place, measure in enumerate(given["headlines"], 1)}
    measures = [
        MeasureDefinition.read(one | {"headline": places.get(one["id"])}, f"{_FILE}, {one['id']}")
        for category, entries in given["groups"].items()
        for entry in entries
        for one in expanded(given["defaults"] | {"category": category} | entry)
    ]
    if unknown := places.keys() - {measure.id for measure in measures}:
        raise OutcomesError("definition_malformed", f"{_FILE}: headlines: unknown measure {min(unknown)}")
    _check(measures, labels)
    return tuple(measures)


def definitions_table() -> pa.Table:
    """The definitions as a table, one row per measure; `place` is the order of the file."""
    text, texts, number = pa.string(), pa.list_(pa.string()), pa.int32()
    numbers = ("version", "headline", "horizon_day", "judged_after_months")
    types = {"kinds": texts, "part_of": texts} | dict.fromkeys(numbers, number)
    fields = [name for name in MeasureDefinition.model_fields if name != "horizon"]
    names = [*fields, "horizon_outcome", "horizon_day", "judged_after_months"]
    schema = pa.schema([("place", number), *((name, types.get(name, text)) for name in names)])
    rows = [{"place": place} | _row(measure) for place, measure in enumerate(measure_definitions(), 1)]
    return pa.Table.from_pylist(rows, schema=schema).rename_columns(
        ["measure" if name == "id" else name for name in schema.names]
    )


def _row(measure: MeasureDefinition) -> dict[str, Any]:
    """A definition as a row of the table."""
    horizon = measure.horizon
    return dict(measure) | {
        "horizon_outcome": horizon and horizon.outcome,
        "horizon_day": horizon and horizon.day,
        "judged_after_months": measure.judged_after_months,
    }


def expanded(entry: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """One definition for each combination of an entry's words: their keys in names, the words in texts."""
    words = entry.pop("each", {})
    for choice in product(*words.values()):
        keys = dict(zip(words, choice, strict=True))
        names = {field: with_thresholds(value, keys) for field, value in entry.items() if field in _NAMES}
        spoken = {word: words[word][key] for word, key in keys.items()} | days_of_period(names.get("label", ""))
        yield {field: with_thresholds(value, spoken) for field, value in entry.items()} | names


def _check(measures: list[MeasureDefinition], labels: Mapping[str, bool]) -> None:
    by_id = {measure.id: measure for measure in measures}
    problems = [f"{measure.id}: {problem}" for measure in measures for problem in _problems(measure, by_id, labels)]
    if len(by_id) < len(measures):
        problems.append("a measure is defined twice")
    accepted = {label for label, is_accepted in labels.items() if is_accepted}
    own = {measure.id for measure in measures if not measure.kinds and measure.label in (measure.id, None)}
    without = accepted - own
    problems += [f"{label}: a label without a measure" for label in sorted(without)]
    if problems:
        raise OutcomesError("definition_malformed", f"{_FILE}: {'; '.join(problems)}")


def _problems(
    measure: MeasureDefinition, by_id: dict[str, MeasureDefinition], labels: Collection[str]
) -> Iterator[str]:
    if (measure.label is None) == (measure.relation is None):
        yield "it needs a label or a relation"
    if measure.label is not None and measure.label not in labels:
        yield "unknown label"
    if measure.baseline_score not in (None, *(row["instrument"] for row in reference_rows("instruments"))):
        yield "unknown baseline score"
    if measure.kinds and measure.label is None:
        yield "kinds without a label"
    if len({measure.unit == "incidence", measure.exposure == "horizon", measure.horizon is not None}) > 1:
        yield "an incidence is of a horizon, and a horizon of an incidence"
    if measure.headline and not measure.is_compared:
        yield "a headline needs a fixed exposure"
    wholes = {*measure.part_of, *((measure.among,) if measure.among else ())}
    if measure.id in wholes or wholes - by_id.keys():
        yield "part of itself or of an unknown measure"
