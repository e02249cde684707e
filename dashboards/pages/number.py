"""A measure as a number: the one that is seen first, and the cells of a table's row."""

from markupsafe import Markup

from dashboards import wording
from dashboards.cards import Cell
from dashboards.charts.trend import scale
from dashboards.data.measures import Measure, Value
from dashboards.rendering import part

VALUE_HEAD = ("Value", "95 % interval", "With the outcome", "Assessed", "Not assessed")
"""The columns of `value_cells`."""


def sentence(number: str, interval: str, basis: str) -> Markup:
    """A number as it is seen first, what belongs to it, and what it rests on."""
    return part("sentence", number, interval, basis)


def counted(number: int | None) -> Cell:
    """A count as a cell; a dash where there is none."""
    return Cell(wording.DASH if number is None else wording.count(number), number)


def hidden_or_counted(number: int | None) -> Cell:
    """A count as a cell; None is one that is suppressed."""
    return Cell(wording.SUPPRESSED, "suppressed") if number is None else counted(number)


def big_number(measure: Measure, value: Value | None) -> Markup:
    """The first thing seen: a number, its interval, and what it rests on; or why there is none."""
    if value is None or value.estimate is None:
        is_hidden = value is not None and value.is_suppressed
        said = wording.SUPPRESSED if is_hidden else f"{wording.no_value(measure, value)} yet"
        return part("no_number", said)
    basis = wording.counted_among(measure, value)
    return sentence(wording.amount(measure, value), wording.in_brackets(measure, value), basis)


def value_cells(measure: Measure, value: Value) -> list[Cell]:
    """Value, interval and counts of one row of a table."""
    if value.is_suppressed:
        return [Cell(wording.SUPPRESSED, "suppressed")] * 5
    return [
        Cell(wording.amount(measure, value), value.estimate),
        Cell(wording.interval(measure, value)),
        *map(counted, (value.numerator, value.patients, value.excluded)),
    ]


def with_interval(measure: Measure, value: Value) -> tuple[float, float, float] | None:
    """A value and the ends of its 95 % interval as they are drawn, in percent or per 100 person-years."""
    if value.estimate is None or value.estimate_low is None or value.estimate_high is None:
        return None
    factor = scale(measure, None)
    low, high = factor * value.estimate_low, factor * value.estimate_high
    return round(factor * value.estimate, 2), round(low, 2), round(high, 2)


def in_short(measure: Measure, value: Value) -> str:
    """A value and how many patients it rests on, or why there is none."""
    if value.estimate is None:
        return wording.SUPPRESSED if value.is_suppressed else wording.no_value(measure, value)
    return f"{wording.short_amount(measure, value)}, n = {wording.count(value.patients or 0)}"
