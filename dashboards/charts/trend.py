"""A measure over time: control charts of one's own site by month, and values with intervals by year."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

from dashboards import wording
from dashboards.charts import style
from dashboards.charts.style import Figure
from dashboards.data.control import ChartPoint
from dashboards.data.measures import Measure, Value
from outcomes.periods import add_months
from outcomes.statistics.control_charts import QUARTER

_UNITS = {"g": "Patients between outcomes"}
_MARKS = {
    "special_concerning": ("Concerning", ("triangle-up", style.VERMILION, 11)),
    "special_improving": ("Improving", ("circle-open-dot", style.BLUE, 12)),
    "special_neutral": ("Changed", ("diamond", style.GREY, 10)),
}
"""Name, and shape, colour and size, of each kind of special cause."""
_RIGHT = 96
"""Pixels for the names of the limits, at their ends."""
_ON_A_PHONE = 24
"""So many months have room on a narrow screen."""
_YEARS_ON_A_PHONE = 7
"""And so many years, with their names."""


def scale(measure: Measure, chart: str | None) -> float:
    """By what the values of a chart are multiplied to be shown: shares become percent."""
    return 1 if measure.is_rate or chart in _UNITS else 100


def unit(measure: Measure, chart: str | None) -> str:
    """What the values of a chart are, with their unit."""
    return _UNITS.get(chart or "", "Per 100 person-years" if measure.is_rate else "Percent of assessed patients")


def control_chart(measure: Measure, points: Sequence[ChartPoint], patients: Mapping[str, int]) -> Figure:
    """Values by month over the expected range; what a rule marks has a shape and a colour of its own.

    The expected range is the band between the limits, around the centre line. Months that are not mature are hollow,
    and have no limits. Limits start anew with each phase. The last month is where limits are named.

    Args:
        measure: what is charted.
        points: its months, oldest first.
        patients: how many each point rests on, by its index period.
    """
    chart = next((point.chart for point in points if point.chart), None)
    factor = scale(measure, chart)
    shown = [point for point in points if point.value is not None]
    months = [point.index_period for point in points]
    top = max([factor * (limit or 0) for point in points for limit in (point.value, point.upper)], default=1)
    axis = style.axis(type="date", range=_month_range(months), tickformat="%b<br>%Y", nticks=8)
    notes = [
        style.note(unit(measure, chart), 0, 1, xanchor="left", yanchor="bottom", yshift=10, xshift=-40),
        style.note(f"{_period_word(points)} of fusion", 1, 0, xanchor="right", yanchor="top", yshift=-38),
        *_target(points, chart, factor),
        *_notes(points),
    ]
    layout = style.layout(
        (32, _RIGHT, 56, 44),
        xaxis=axis,
        yaxis=style.axis(range=[0, 1.08 * top or 1], showgrid=True, nticks=5, ticksuffix=_suffix(measure, chart)),
        annotations=[*notes, *_ends(points, factor, is_inside=False)],
        shapes=[*_rebase_lines(points), *_target_line(points, chart, factor)],
    )
    latest = [point.index_period for point in shown[-_ON_A_PHONE:]]
    return {
        "data": [
            *_bands(points, factor),
            *(_line(points, name, factor) for name in ("lower", "upper", "centre")),
            _values(measure, points, patients, chart),
            *_special(shown, factor),
        ],
        "layout": style.with_narrow(
            layout,
            f"On this narrow screen: the latest {len(latest)} of {len(shown)} {_period_word(points).lower()}s with a "
            "value; the table has all."
            if len(latest) < len(shown)
            else "",
            margin={**layout["margin"], "r": 12},
            xaxis={**axis, "range": _month_range(latest), "nticks": 4},
            annotations=[*notes, *_ends(points, factor, is_inside=True)],
        ),
    }


def _period_word(points: Sequence[ChartPoint]) -> str:
    return "Quarter" if points and points[-1].months == QUARTER else "Month"


def by_year(measure: Measure, values: Sequence[Value], peers: Sequence[Value] = ()) -> Figure:
    """Values by year of fusion with intervals; the years of all sites behind them as grey points without intervals.

    A suppressed year keeps its place on the axis and has no point.
    """
    years = [value.index_period or "" for value in values]
    top = max([_shown(measure, value.estimate_high) for value in (*values, *peers)], default=0)
    behind = [value for value in peers if value.estimate is not None and value.index_period in years]
    axis = style.axis(
        type="category",
        categoryarray=years,
        categoryorder="array",
        range=[-0.5, len(years) - 0.5],
        tickvals=years,
        ticktext=[f"{value.index_period}<br>{_patients(value)}" for value in values],
        tickangle=0,
    )
    layout = style.layout(
        (32, 16, 56, 44),
        xaxis=axis,
        yaxis=style.axis(range=[0, 1.08 * top or 1], showgrid=True, nticks=5, ticksuffix=_suffix(measure, None)),
        annotations=[
            style.note(unit(measure, None), 0, 1, xanchor="left", yanchor="bottom", yshift=10, xshift=-40),
            style.note("Year of fusion, assessed patients", 1, 0, xanchor="right", yanchor="top", yshift=-40),
            *(_hidden_year(value) for value in values if value.is_suppressed),
        ],
    )
    if len(years) > _YEARS_ON_A_PHONE:
        said = f"On this narrow screen: the latest {_YEARS_ON_A_PHONE} of {len(years)} years; the table has all."
        latest = {**axis, "range": [len(years) - _YEARS_ON_A_PHONE - 0.5, len(years) - 0.5]}
        layout = style.with_narrow(layout, said, xaxis=latest)
    return {"data": [*([_peer_years(measure, behind)] if behind else []), _years(measure, values)], "layout": layout}


def _values(
    measure: Measure, points: Sequence[ChartPoint], patients: Mapping[str, int], chart: str | None
) -> dict[str, Any]:
    factor, suffix = scale(measure, chart), _suffix(measure, chart)
    trace = style.points(
        [point.index_period for point in points],
        [None if point.value is None else round(factor * point.value, 2) for point in points],
        style.BLUE,
        [_known_of(point, patients[point.index_period], factor, suffix) for point in points],
        mode="lines+markers",
        line={"width": 1, "color": style.BLUE},
        connectgaps=True,
    )
    symbols = ["circle" if point.is_judged else "circle-open" for point in points]
    return trace | {"marker": trace["marker"] | {"symbol": symbols}}


def _known_of(point: ChartPoint, patients: int, factor: float, suffix: str) -> str:
    """What is known of a point: its value and patients, centre line and limits, and the rules that hold."""
    value = wording.DASH if point.value is None else f"{factor * point.value:.1f}{suffix}"
    period = wording.sentence_case(wording.span(point.index_period, point.months))
    lines = [f"{period}: {value}, {wording.plural(patients, 'patient')}"]
    if point.centre is not None and point.lower is not None and point.upper is not None:
        centre, lower, upper = (f"{factor * number:.1f}" for number in (point.centre, point.lower, point.upper))
        lines.append(f"average {centre}, limits {lower} to {upper}{suffix}")
    if point.rules is not None:
        lines.append(wording.rules(point.rules))
    return "<br>".join(lines)


def _special(points: Sequence[ChartPoint], factor: float) -> list[dict[str, Any]]:
    """One trace a kind of special cause, drawn over the values; its hover is that of the value below."""
    traces = []
    for variation, (name, shape) in _MARKS.items():
        if marked := [point for point in points if point.variation == variation]:
            values = [round(factor * (point.value or 0), 2) for point in marked]
            traces.append(style.marks([point.index_period for point in marked], values, shape, 1, name=name))
    return traces


def _bands(points: Sequence[ChartPoint], factor: float) -> list[dict[str, Any]]:
    """The expected range of each phase that has one; it goes on over months without a value, which have no limits."""
    bands = []
    for _, phase in groupby(points, key=lambda point: point.phase):
        months = [point for point in phase if point.centre is not None]
        lower, upper = (
            [None if limit is None else round(factor * limit, 2) for limit in limits]
            for limits in ([point.lower for point in months], [point.upper for point in months])
        )
        bands.append(style.expected_range([point.index_period for point in months], lower, upper))
    return [band for band in bands if band["x"]]


def _line(points: Sequence[ChartPoint], name: str, factor: float) -> dict[str, Any]:
    """A limit or the centre over all phases, broken where a phase ends, and not at months without a value."""
    x: list[str] = []
    y: list[float | None] = []
    for _, phase in groupby((point for point in points if point.centre is not None), key=lambda point: point.phase):
        for point in phase:
            limit = getattr(point, name)
            x.append(point.index_period)
            y.append(None if limit is None else round(factor * limit, 2))
        y[-1:] = [*y[-1:], None]
        x.append(x[-1])
    return style.line(x, y, dash="solid" if name == "centre" else "dot", line={"shape": "hvh"})


def _ends(points: Sequence[ChartPoint], factor: float, *, is_inside: bool) -> list[dict[str, Any]]:
    """The names of the limits at their ends: beside the plot, or where that is too narrow above the lines."""
    place: dict[str, Any] = {"xanchor": "right", "yanchor": "bottom"} if is_inside else {"xanchor": "left", "xshift": 6}
    last = next((point for point in reversed(points) if point.centre is not None), None)
    if last is None:
        return []
    names = {"upper": "upper limit", "centre": "average", "lower": "lower limit"}
    ends = [(factor * getattr(last, name), text) for name, text in names.items() if getattr(last, name) is not None]
    return [style.note(text, 1, at, yref="y", **place) for at, text in ends if at > 0 or text == "average"]


def _drawn_target(points: Sequence[ChartPoint], chart: str | None) -> float | None:
    """The target where it is of the unit that is drawn: patients between outcomes have none."""
    return points[-1].target if points and chart not in _UNITS else None


def _target_line(points: Sequence[ChartPoint], chart: str | None, factor: float) -> list[dict[str, Any]]:
    target = _drawn_target(points, chart)
    if target is None:
        return []
    return [style.level(factor * target, style.BLUE)]


def _target(points: Sequence[ChartPoint], chart: str | None, factor: float) -> list[dict[str, Any]]:
    target = _drawn_target(points, chart)
    if target is None:
        return []
    return [style.note("target", 0, factor * target, yref="y", xanchor="left", yanchor="bottom", xshift=4)]


def _rebase_lines(points: Sequence[ChartPoint]) -> list[dict[str, Any]]:
    line = {"color": style.GREY, "width": 1}
    return [
        {"type": "line", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1, "line": line}
        for at in (point.index_period for point in points if point.is_rebased or point.annotation)
    ]


def _notes(points: Sequence[ChartPoint]) -> list[dict[str, Any]]:
    """Annotations, numbered: their words stand below the chart."""
    noted = [point for point in points if point.annotation]
    return [
        style.note(str(place), point.index_period, 1, xref="x", xanchor="center", yanchor="bottom")
        for place, point in enumerate(noted, 1)
    ]


def _years(measure: Measure, values: Sequence[Value]) -> dict[str, Any]:
    def shown(name: str) -> list[float | None]:
        return [None if value.estimate is None else _shown(measure, getattr(value, name)) for value in values]

    estimates, lows, highs = shown("estimate"), shown("estimate_low"), shown("estimate_high")
    above = [None if value is None else (high or 0) - value for value, high in zip(estimates, highs, strict=True)]
    below = [None if value is None else value - (low or 0) for value, low in zip(estimates, lows, strict=True)]
    return style.points(
        [value.index_period or "" for value in values],
        estimates,
        style.BLUE,
        [
            f"{value.index_period}: {wording.short_amount(measure, value)}"
            f" {wording.in_brackets(measure, value)}<br>{wording.basis(measure, value).replace('; ', '<br>')}"
            for value in values
        ],
        mode="lines+markers",
        line={"width": 1, "color": style.BLUE},
        error_y=style.error_bars(above, below, style.band(style.BLUE)),
    )


def _peer_years(measure: Measure, values: Sequence[Value]) -> dict[str, Any]:
    return style.points(
        [value.index_period or "" for value in values],
        [_shown(measure, value.estimate) for value in values],
        style.GREY,
        [f"All sites, {value.index_period}: {_shown(measure, value.estimate):.1f}" for value in values],
        mode="lines+markers",
        line={"width": 1, "color": style.GREY, "dash": "dot"},
    )


def _shown(measure: Measure, number: float | None) -> float:
    return round((number or 0) * scale(measure, None), 2)


def _suffix(measure: Measure, chart: str | None) -> str:
    return "" if measure.is_rate or chart in _UNITS else " %"


def _patients(value: Value) -> str:
    return wording.DASH if value.patients is None else wording.count(value.patients)


def _hidden_year(value: Value) -> dict[str, Any]:
    """Upright text in the place of the point, so that it fits between its neighbours on a narrow screen."""
    return style.note(wording.SUPPRESSED, value.index_period, 0.04, xref="x", yanchor="bottom", textangle=-90)


def _month_range(months: Sequence[str]) -> list[str] | None:
    """Half a month of air on both sides."""
    if not months:
        return None
    return [f"{add_months(months[0], -1)}-15", f"{months[-1]}-15"]
