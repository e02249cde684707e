"""Numbers by month delivered, one line each, with its name at its end."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards import wording
from dashboards.charts import style
from dashboards.charts.style import Figure

_RIGHT = 80
"""Pixels for the names of the lines, at their ends."""
_CLOSE = 0.07
"""Ends nearer to each other than this part of the height would have their names overlap."""
_TICKS = 6
"""At most so many months are named, which a narrow screen has room for."""


@dataclass(frozen=True)
class Line:
    """One line: its name, a value for each month (None leaves a gap), and its colour."""

    name: str
    values: Sequence[float | None]
    colour: str


def lines(months: Sequence[str], shown: Sequence[Line], unit: str, suffix: str = "") -> Figure:
    """Lines by month.

    Args:
        months: periods `YYYY-MM`, oldest first.
        shown: one line each, with as many values as there are months.
        unit: what the values are.
        suffix: of the numbers of the axis.
    """
    top = max((value for line in shown for value in line.values if value is not None), default=0) or 1
    every = -(-len(months) // _TICKS)
    ticks = months[(len(months) - 1) % every :: every] if months else []
    return {
        "data": [
            style.points(
                months,
                [None if value is None else round(value, 2) for value in line.values],
                line.colour,
                [
                    f"{wording.period(month)}: {line.name} {value or 0:.1f}{suffix}"
                    for month, value in zip(months, line.values, strict=True)
                ],
                mode="lines+markers",
                line={"width": 1, "color": line.colour},
            )
            for line in shown
        ],
        "layout": style.layout(
            (32, _RIGHT, 48, 44),
            xaxis=style.axis(
                type="category",
                categoryorder="array",
                categoryarray=list(months),
                range=[-0.5, len(months) - 0.5],
                tickvals=ticks,
                ticktext=[f"{wording.period(month)[:3]}<br>{month[:4]}" for month in ticks],
                tickangle=0,
                # Below the points, which may lie at 0.
                ticks="outside",
                ticklen=6,
                tickcolor="rgba(0,0,0,0)",
            ),
            yaxis=style.axis(range=[0, 1.15 * top], showgrid=True, nticks=5, ticksuffix=suffix),
            annotations=[
                style.note(unit, 0, 1, xanchor="left", yanchor="bottom", yshift=10, xshift=-40),
                *_ends(shown, top),
            ],
        ),
    }


def _ends(shown: Sequence[Line], top: float) -> list[dict[str, object]]:
    """The name of each line at its last value; of two that are close, the higher above and the lower below."""
    last = sorted(
        (next(value for value in reversed(line.values) if value is not None), line.name)
        for line in shown
        if any(value is not None for value in line.values)
    )
    are_close = len(last) == 2 and last[1][0] - last[0][0] < _CLOSE * top
    anchors = ("top", "bottom") if are_close else ("middle", "middle")
    return [
        style.note(name, 1, value, yref="y", xanchor="left", xshift=6, yanchor=anchor)
        for (value, name), anchor in zip(last, anchors, strict=False)
    ]
