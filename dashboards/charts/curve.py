"""Cumulative incidence: steps with a band, numbers at risk under the ticks, and where it stands in each group."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from dashboards import wording
from dashboards.charts import style
from dashboards.charts.groups import AXIS_HEIGHT
from dashboards.charts.style import Figure
from dashboards.data.curves import Curve, CurvePoint

DAYS_OF_A_YEAR = 365
"""The days on which curves are read off count so: 1, 2 and 5 years are the days 365, 730 and 1,825."""

_LEFT, _RIGHT = 44, 96
"""Pixels beside the plot; `.below` of the style sheet leaves the same room."""
_HEIGHT = 280
"""Pixels of the plot itself, in a tall chart: for names that must not lie on each other."""
_LINE_OF_TEXT = 15
_ALMOST = 0.9
_TICKS = 5
"""At most so many numbers at risk stand side by side on a narrow screen."""


@dataclass(frozen=True)
class Line:
    """A curve as it is drawn: what stands at its end, whose it is in full, and its colour."""

    name: str
    who: str
    curve: Curve
    colour: str


def incidence(lines: Sequence[Line]) -> Figure:
    """Curves with their 95 % bands, the first on top.

    A curve is a solid line of steps where one known day follows another. Days withheld between two known ones are
    bridged by a dotted line, as there the curve lies somewhere between their values.

    Args:
        lines: curves, each with a known day.
    """
    behind_first = list(reversed(lines))
    top = max((100 * (point.high or point.incidence or 0) for line in lines for point in line.curve.shown), default=0)
    return {
        "data": [
            *(_band(line) for line in behind_first),
            *(trace for line in behind_first for trace in (_bridges(line), _steps(line)) if trace["x"]),
        ],
        "layout": style.layout(
            (32, _RIGHT, 48, _LEFT),
            xaxis=style.axis(
                range=[0, _years(last_day(lines))],
                tickvals=[_years(day) for day in tick_days(lines)],
                ticks="outside",
                ticklen=4,
                tickcolor=style.GREY,
                zeroline=False,
            ),
            yaxis=style.axis(range=[0, 1.08 * top or 1], showgrid=True, nticks=5, ticksuffix=" %", zeroline=True),
            annotations=[
                style.note("Share of patients", 0, 1, xanchor="left", yanchor="bottom", yshift=10, xshift=-40),
                style.note("Years since fusion", 1, 0, xanchor="right", yanchor="top", yshift=-28),
                *_names(lines, 1.08 * top or 1),
            ],
        ),
    }


def last_day(lines: Sequence[Line]) -> int:
    """Where the axis of days ends: with the longest curve."""
    return max((line.curve.last_day for line in lines), default=0) or DAYS_OF_A_YEAR


def tick_days(lines: Sequence[Line]) -> list[int]:
    """The days at the ticks of the axis: whole years, or halves and quarters where the curves are short."""
    end = last_day(lines)
    step = next((days for days in (73, 146, 365, 730, 1825) if end / days < _TICKS), 3650)
    return list(range(0, end + 1, step))


def at_risk(line: Line, lines: Sequence[Line]) -> list[tuple[float, str]]:
    """Patients at risk of a curve at each tick, with their places along the axis; a dash where they are not known."""
    end = last_day(lines)
    texts = []
    for day in tick_days(lines):
        point = line.curve.near(day)
        texts.append((day / end, wording.DASH if point is None else wording.count(point.at_risk or 0)))
    return texts


def at_horizon(
    points: Sequence[CurvePoint | None], spans: Sequence[tuple[float, float] | None], hover: Sequence[str]
) -> Figure:
    """One row per group from the top: the incidence with its interval, or the span in which a withheld one lies.

    Args:
        points: where it is known.
        spans: shares from 0 to 1 between which it lies where it is not known; None where nothing can be said.
        hover: what each row says.
    """
    known = [(place, *_triple(point)) for place, point in enumerate(points) if point is not None]
    between = [(place, _percent(span[0]), _percent(span[1])) for place, span in enumerate(spans) if span is not None]
    top = max([*(high for *_, high in known), *(high for *_, high in between)], default=0)
    return {
        "data": [
            style.line(
                [x for _, low, high in between for x in (low, high, None)],
                [y for place, *_ in between for y in (place, place, None)],
                dash="dot",
                line={"width": 2},
            ),
            style.points(
                [share for _, share, _, _ in known],
                [place for place, *_ in known],
                style.GREY,
                [hover[place] for place, *_ in known],
                error_x=style.error_bars(
                    [round(high - share, 2) for _, share, _, high in known],
                    [round(share - low, 2) for _, share, low, _ in known],
                    style.band(style.GREY),
                ),
            ),
        ],
        "layout": style.layout(
            (0, 20, AXIS_HEIGHT, 20),
            xaxis=style.axis(range=[0, 1.08 * top or 1], ticksuffix=" %", nticks=5, zeroline=True),
            yaxis=style.axis(range=[len(points) - 0.5, -0.5], showticklabels=False),
        ),
    }


def _steps(line: Line) -> dict[str, Any]:
    points = _with_gaps(line.curve)
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [None if point is None else _years(point.day) for point in points],
        "y": [None if point is None else _percent(point.incidence) for point in points],
        "line": {"width": 2, "color": line.colour, "shape": "hv"},
        "customdata": [None if point is None else [_interval(point), point.at_risk] for point in points],
        "hovertemplate": f"{line.name}, %{{x:.1f}} years<br>%{{y:.1f}} %%{{customdata[0]}}<br>"
        "%{customdata[1]:,} at risk<extra></extra>",
    }


def _bridges(line: Line) -> dict[str, Any]:
    """Over the days withheld, from the last day known to the next; both are marked."""
    x: list[float | None] = []
    y: list[float | None] = []
    for before, after in _withheld(line.curve):
        x += [_years(before.day), _years(after.day), None]
        y += [_percent(before.incidence), _percent(after.incidence), None]
    return style.line(x, y, line.colour, "dot", mode="lines+markers", marker={"size": 4, "color": line.colour})


def _band(line: Line) -> dict[str, Any]:
    """The area between the limits, around which the line runs: forth along the upper ones, back along the lower."""
    known = [point for point in line.curve.shown if point.low is not None and point.high is not None]
    withheld = {(before.day, after.day) for before, after in _withheld(line.curve)}
    upper = _outline([(point.day, point.high or 0) for point in known], withheld)
    lower = _outline([(point.day, point.low or 0) for point in known], withheld)
    around = [*upper, *reversed(lower)]
    return {
        **style.line([_years(day) for day, _ in around], [_percent(share) for _, share in around]),
        "line": {"width": 0},
        "fill": "toself",
        "fillcolor": style.band(line.colour),
    }


def _outline(places: Sequence[tuple[int, float]], withheld: set[tuple[int, int]]) -> list[tuple[int, float]]:
    """The corners of a limit: steps, straight where days are withheld."""
    corners = list(places[:1])
    for (before, level), (day, share) in pairwise(places):
        if (before, day) not in withheld and share != level:
            corners.append((day, level))
        corners.append((day, share))
    return corners


def _withheld(curve: Curve) -> list[tuple[CurvePoint, CurvePoint]]:
    """The known points on both sides of each stretch of withheld days."""
    places = [place for place, point in enumerate(curve.points) if point.is_shown]
    return [(curve.points[here], curve.points[there]) for here, there in pairwise(places) if there > here + 1]


def _with_gaps(curve: Curve) -> list[CurvePoint | None]:
    """The known points, with None for each stretch of withheld days between them."""
    ends = {before.day for before, _ in _withheld(curve)}
    return [each for point in curve.shown for each in ([point, None] if point.day in ends else [point])]


def _names(lines: Sequence[Line], top: float) -> list[dict[str, Any]]:
    """Names at the ends of the curves, pushed apart where they would lie on each other."""
    end = last_day(lines)
    ends = sorted((_percent(line.curve.shown[-1].incidence), line.curve.last_day, line.name) for line in lines)
    notes: list[dict[str, Any]] = []
    lowest_free = 0.0
    for share, day, name in ends:
        if day <= _ALMOST * end:
            notes.append(_name_within(name, day, share, lines))
            continue
        height = share / top * _HEIGHT
        place = max(height, lowest_free)
        lowest_free = place + _LINE_OF_TEXT
        # A curve that ends almost at the edge has its name beside the plot too, clear of the others.
        shift = round(place - height)
        notes.append(style.note(name, _years(end), share, xref="x", yref="y", xanchor="left", xshift=6, yshift=shift))
    return notes


def _name_within(name: str, day: int, share: float, lines: Sequence[Line]) -> dict[str, Any]:
    """The name of a curve that ends within the plot: below its end where a longer one goes on above, else above it."""
    later = [line.curve.around(day + 1)[1] for line in lines]
    is_below = any(point is not None and _percent(point.incidence) >= share for point in later)
    side = {"yanchor": "top", "yshift": -6} if is_below else {"yanchor": "bottom", "yshift": 6}
    return style.note(name, _years(day), share, xref="x", yref="y", xanchor="left", xshift=6, **side)


def _triple(point: CurvePoint) -> tuple[float, float, float]:
    """A share with its limits; where it has none, it stands for them."""
    low, high = (point.incidence if limit is None else limit for limit in (point.low, point.high))
    return _percent(point.incidence), _percent(low), _percent(high)


def _interval(point: CurvePoint) -> str:
    if point.low is None or point.high is None:
        return ""
    return f" ({100 * point.low:.1f}–{100 * point.high:.1f})"


def _years(day: int) -> float:
    return round(day / DAYS_OF_A_YEAR, 3)


def _percent(share: float | None) -> float:
    return round(100 * (share or 0), 2)
