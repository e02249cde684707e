"""A patient's records by day, one row for each kind of record; what an answer rests on is marked."""

from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.charts import style
from dashboards.charts.groups import AXIS_HEIGHT
from dashboards.charts.style import Figure

_UNIT_HEIGHT = 16
"""Pixels below the axis for its unit; the style sheet leaves the same room."""


@dataclass(frozen=True)
class Mark:
    """One record: its row from the top, its day, whether it is evidence, and what it says."""

    row: int
    day: int
    is_evidence: bool
    text: str


def timeline(rows: int, marks: Sequence[Mark]) -> Figure:
    """Grey points, and blue diamonds for evidence.

    The rows carry no names: the page writes those beside them, at the same height.

    Args:
        rows: how many there are.
        marks: the records, their days counted from the index fusion.
    """
    days = [mark.day for mark in marks] or [0]
    first, last = min(0, *days), max(1, *days)
    air = 0.04 * (last - first)
    shapes = {False: ("circle", style.GREY, style.POINT), True: ("diamond", style.BLUE, style.POINT + 4)}
    return {
        "data": [
            style.points(
                [mark.day for mark in marks if mark.is_evidence is is_evidence],
                [mark.row for mark in marks if mark.is_evidence is is_evidence],
                colour,
                [mark.text for mark in marks if mark.is_evidence is is_evidence],
                marker={"symbol": symbol, "color": colour, "size": size, "opacity": 0.8},
            )
            for is_evidence, (symbol, colour, size) in shapes.items()
        ],
        "layout": style.layout(
            (0, 20, AXIS_HEIGHT + _UNIT_HEIGHT, 20),
            xaxis=style.axis(range=[first - air, last + air], zeroline=True, nticks=5),
            yaxis=style.axis(range=[rows - 0.5, -0.5], showticklabels=False),
            annotations=[
                style.note("Days since the index fusion", 1, 0, xanchor="right", yanchor="top", yshift=-AXIS_HEIGHT + 8)
            ],
        ),
    }
