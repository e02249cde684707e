"""Cumulative charts of one's own site: patients more than expected, and the two sums of the CUSUM that judge them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from dashboards.charts import style
from dashboards.charts.style import Figure
from dashboards.data.control import CusumPoint
from dashboards.data.signals import variation_of

_MARKS: dict[str, tuple[str, str, int]] = {
    "special_concerning": ("triangle-up", style.VERMILION, 12),
    "special_improving": ("circle-open", style.BLUE, 12),
    "special_neutral": ("diamond", style.GREY, 10),
}
"""Shape, colour and size of a signal, by what it means."""
_AIR = 1.15
_YEARS_NAMED = 5
_MARGIN = (32, 96, 56, 44)
"""Pixels; at the right for the names of the lines."""


def cusum_chart(points: Sequence[CusumPoint], direction: str) -> Figure:
    """Both sums by period: of more outcomes than expected upwards from zero, of fewer downwards.

    Each has its threshold as a line, with the expected range shaded between the two; where a sum reaches one, a mark
    says what that means.

    Args:
        points: of one outcome, oldest first; at least one.
        direction: of the measure.
    """
    last = points[-1]
    reach = _AIR * max(
        *(max(point.cusum_upper, point.threshold_upper) for point in points),
        *(max(point.cusum_lower, point.threshold_lower) for point in points),
    )
    at_ticks = [tick for tick in range(-20, 21, 2) if abs(tick) <= reach]
    return {
        "data": [
            _expected_range(points),
            *(_threshold(points, side) for side in ("upper", "lower")),
            *(_sum(points, side) for side in ("upper", "lower")),
            *_signals(points, direction, partial(_values, name="cusum")),
        ],
        "layout": style.layout(
            _MARGIN,
            xaxis=_periods(points),
            yaxis=style.axis(
                range=[-reach, reach],
                showgrid=True,
                zeroline=True,
                tickvals=at_ticks,
                ticktext=[str(abs(tick)) for tick in at_ticks],
            ),
            annotations=[
                _unit("Log-likelihood ratio"),
                _of_periods(points),
                _end("signal: more", last.threshold_upper),
                _end("as expected", 0),
                _end("signal: fewer", -last.threshold_lower),
            ],
        ),
    }


def excess_chart(points: Sequence[CusumPoint], direction: str) -> Figure:
    """Observed minus expected, added up: upwards more patients with the outcome than expected, downwards fewer.

    This is the variable life-adjusted display upside down, as people read a rising line as more. Marks are where the
    CUSUM signals.

    Args:
        points: of one outcome, oldest first; at least one.
        direction: of the measure.
    """
    values = [_excess(point) for point in points]
    reach = _AIR * max(1.0, *(abs(value) for value in values))
    return {
        "data": [
            _line(points, values, f"{_period(points)}: %{{y:.1f}} patients more than expected, cumulative"),
            *_signals(points, direction, lambda found, _: [_excess(point) for point in found]),
        ],
        "layout": style.layout(
            _MARGIN,
            xaxis=_periods(points),
            yaxis=style.axis(range=[-reach, reach], showgrid=True, zeroline=True, nticks=7),
            annotations=[
                _unit("Patients more than expected"),
                _of_periods(points),
                _end("as expected", 0),
                _end("more", 0.9 * reach),
                _end("fewer", -0.9 * reach),
            ],
        ),
    }


def _excess(point: CusumPoint) -> float:
    return round(-point.vlad, 1) + 0.0  # no minus zero


def said_net(vlad: float) -> str:
    """A sum of expected minus observed patients in words, without the sign that is easily misread."""
    patients = f"{abs(vlad):.1f}"
    if float(patients) == 0:
        return "as many patients as expected"
    return f"{patients} {'fewer' if vlad > 0 else 'more'} patients than expected"


def _values(points: Sequence[CusumPoint], side: str, name: str) -> list[float]:
    sign = 1 if side == "upper" else -1
    return [round(sign * getattr(point, f"{name}_{side}"), 2) for point in points]


def _sum(points: Sequence[CusumPoint], side: str) -> dict[str, Any]:
    """A sum; the side of fewer outcomes is drawn downwards, and said without a sign."""
    heights = _values(points, side, "cusum")
    limit = f"signals at {getattr(points[-1], f'threshold_{side}'):.1f}"
    if side == "upper":
        return _line(points, heights, f"{_period(points)}: %{{y:.1f}}, of more outcomes; {limit}")
    said = _line(points, heights, f"{_period(points)}: %{{text}}, of fewer outcomes; {limit}")
    return {**said, "text": [f"{abs(height):.1f}" for height in heights]}


def _line(points: Sequence[CusumPoint], heights: Sequence[float], hover: str) -> dict[str, Any]:
    """A line whose hover is one template: no text for each of its points, which would double what is sent."""
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [point.index_period for point in points],
        "y": list(heights),
        "customdata": [point.patients for point in points],
        "hovertemplate": f"{hover}<br>patients: %{{customdata:,}}<extra></extra>",
        "line": {"width": 2, "color": style.BLUE},
        "cliponaxis": False,
    }


def _expected_range(points: Sequence[CusumPoint]) -> dict[str, Any]:
    ends = (points[0], points[-1])
    return style.expected_range(
        [point.index_period for point in ends],
        _values(ends, "lower", "threshold"),
        _values(ends, "upper", "threshold"),
    )


def _threshold(points: Sequence[CusumPoint], side: str) -> dict[str, Any]:
    ends = (points[0], points[-1])
    return style.line([point.index_period for point in ends], _values(ends, side, "threshold"), dash="dot")


def _signals(
    points: Sequence[CusumPoint], direction: str, heights: Callable[[Sequence[CusumPoint], str], list[float]]
) -> list[dict[str, Any]]:
    """A mark on the line of each side where that side signals; its hover is that of the line below it."""
    marks = []
    for side in ("upper", "lower"):
        if found := [point for point in points if point.signal in (side, "both")]:
            shape = _MARKS[variation_of(side, direction)]
            months = [point.index_period for point in found]
            marks.append(style.marks(months, heights(found, side), shape, 2))
    return marks


def _periods(points: Sequence[CusumPoint]) -> dict[str, Any]:
    """The axis of periods, months or years, as time."""
    if _are_years(points):
        years = [point.index_period for point in points]
        every = -(-len(years) // _YEARS_NAMED)
        return style.axis(type="date", tickformat="%Y", tickvals=years[::every], tickangle=0)
    return style.axis(type="date", tickformat="%b<br>%Y", nticks=4, tickangle=0)


def _of_periods(points: Sequence[CusumPoint]) -> dict[str, Any]:
    unit = "Year" if _are_years(points) else "Month"
    return style.note(f"{unit} of fusion", 1, 0, xanchor="right", yanchor="top", yshift=-36)


def _period(points: Sequence[CusumPoint]) -> str:
    """The period of a point, for a hover."""
    return "%{x|%Y}" if _are_years(points) else "%{x|%B %Y}"


def _are_years(points: Sequence[CusumPoint]) -> bool:
    return len(points[-1].index_period) == len("YYYY")


def _unit(text: str) -> dict[str, Any]:
    return style.note(text, 0, 1, xanchor="left", yanchor="bottom", yshift=10, xshift=-40)


def _end(text: str, at: float) -> dict[str, Any]:
    """The name of a line at its end."""
    return style.note(text, 1, round(at, 2), yref="y", xanchor="left", xshift=6)
