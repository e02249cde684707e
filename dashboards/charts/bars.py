"""Counts by category as horizontal bars, value at the bar's end."""

from dataclasses import dataclass
from typing import Any

from dashboards.charts import style
from dashboards.charts.style import Figure


@dataclass(frozen=True)
class Bar:
    """One category: its length, and what stands at its end. A hidden length is None."""

    name: str
    length: int | None
    text: str


def bars(rows: list[Bar], marker: dict[str, Any]) -> Figure:
    """One bar a row from the top; a hidden one has its text and no bar.

    The rows carry no names: the page writes those beside them, at the same height.
    """
    longest = max((row.length or 0 for row in rows), default=0)
    shown = [(place, row, row.length) for place, row in enumerate(rows) if row.length is not None]
    trace = {
        "type": "bar",
        "orientation": "h",
        "x": [length for _, _, length in shown],
        "y": [place for place, _, _ in shown],
        "width": 0.5,
        "marker": marker,
        "text": [row.text for _, row, _ in shown],
        "textposition": "outside",
        "cliponaxis": False,
        "hoverinfo": "skip",
    }
    return {
        "data": [trace],
        "layout": style.layout(
            (0, 128, 0, 0),
            xaxis=style.axis(range=[0, max(longest, 1)], showticklabels=False),
            yaxis=style.axis(range=[len(rows) - 0.5, -0.5], showticklabels=False),
            annotations=[
                style.note(row.text, 0, place, yref="y", xanchor="left")
                for place, row in enumerate(rows)
                if row.length is None
            ],
        ),
    }
