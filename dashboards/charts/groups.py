"""Values with intervals, one row each: groups of patients, one's own beside all sites."""

from collections.abc import Sequence
from typing import Any

from dashboards.charts import style
from dashboards.charts.style import Figure

AXIS_HEIGHT = 32
"""Pixels below the last row, for the axis; the style sheet leaves the same room."""


def interval_rows(
    rows: Sequence[tuple[float, float, float] | None],
    others: Sequence[float | None],
    hover: Sequence[str],
    suffix: str = " %",
) -> Figure:
    """One row per group from the top: a point with its interval, and a grey circle where all sites lie.

    The rows carry no names: the page writes those beside them, at the same height.

    Args:
        rows: value, lower and upper limit of each row; None leaves it empty.
        others: the value of all sites in each row; None where there is none to compare with.
        hover: what each row says.
        suffix: of the axis' numbers.
    """
    known = [(place, row, text) for place, (row, text) in enumerate(zip(rows, hover, strict=True)) if row]
    behind = [(place, value) for place, value in enumerate(others) if value is not None]
    top = max([*(row[2] for _, row, _ in known), *(value for _, value in behind)], default=0)
    return {
        "data": [
            *([_all_sites(behind)] if behind else []),
            style.points(
                [row[0] for _, row, _ in known],
                [place for place, _, _ in known],
                style.BLUE,
                [text for _, _, text in known],
                error_x=style.error_bars(
                    [row[2] - row[0] for _, row, _ in known],
                    [row[0] - row[1] for _, row, _ in known],
                    style.band(style.BLUE),
                ),
            ),
        ],
        "layout": style.layout(
            (0, 20, AXIS_HEIGHT, 20),
            xaxis=style.axis(
                range=[0, 1.08 * top or 1], ticksuffix=suffix, nticks=5, zeroline=True, showticklabels=top > 0
            ),
            yaxis=style.axis(range=[len(rows) - 0.5, -0.5], showticklabels=False),
        ),
    }


def _all_sites(behind: Sequence[tuple[int, float]]) -> dict[str, Any]:
    trace = style.points(
        [value for _, value in behind],
        [place for place, _ in behind],
        style.GREY,
        [f"All sites: {value:.1f}" for _, value in behind],
    )
    return trace | {"marker": {"size": style.POINT + 2, "color": style.GREY, "symbol": "circle-open"}}
