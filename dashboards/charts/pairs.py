"""Shares by category as horizontal bars: one's own above, all sites below, on the same scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.charts import style
from dashboards.charts.style import Figure

_APART = 0.19
"""Half of the distance between the two bars of a row, in parts of its height."""
_WIDTH = 0.26


@dataclass(frozen=True)
class Share:
    """A share from 0 to 1, and what stands at its bar's end. A hidden share is None and has no bar."""

    share: float | None
    text: str


def paired_bars(rows: Sequence[Share], others: Sequence[Share]) -> Figure:
    """One row per category from the top, each with a bar of its own share and, below it, one of all sites.

    The rows carry no names: the page writes those beside them, at the same height.

    Args:
        rows: the shares that the page is about.
        others: those of all sites in the same order; empty where the page is about all sites itself.
    """
    longest = max((round(100 * (one.share or 0), 2) for one in (*rows, *others)), default=0)
    sides = [(rows, -_APART if others else 0, style.BLUE), (others, _APART, style.GREY)]
    return {
        "data": [_bars(shares, shift, colour) for shares, shift, colour in sides if shares],
        "layout": style.layout(
            (0, 176, 0, 0),
            xaxis=style.axis(range=[0, longest or 1], showticklabels=False),
            yaxis=style.axis(range=[len(rows) - 0.5, -0.5], showticklabels=False),
            barmode="overlay",
            annotations=[
                style.note(one.text, 0, place + shift, yref="y", xanchor="left")
                for shares, shift, _ in sides
                for place, one in enumerate(shares)
                if one.share is None
            ],
        ),
    }


def _bars(shares: Sequence[Share], shift: float, colour: str) -> dict[str, Any]:
    shown = [(place, one.share, one.text) for place, one in enumerate(shares) if one.share is not None]
    return {
        "type": "bar",
        "orientation": "h",
        "x": [round(100 * share, 2) for _, share, _ in shown],
        "y": [place + shift for place, _, _ in shown],
        "width": _WIDTH,
        "marker": {"color": colour},
        "text": [text for _, _, text in shown],
        "textposition": "outside",
        "constraintext": "none",
        "cliponaxis": False,
        "hoverinfo": "skip",
    }
