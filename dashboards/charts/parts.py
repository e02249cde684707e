"""Parts of a whole, one stacked bar a row: visits held, still to come and lost."""

from collections.abc import Sequence

from dashboards.charts import style
from dashboards.charts.groups import AXIS_HEIGHT
from dashboards.charts.style import Figure

_SOLID = {"color": style.BLUE}
_HOLLOW = {"color": "rgba(0,0,0,0)", "line": {"color": style.GREY, "width": 1}}


def stacked_rows(names: Sequence[str], rows: Sequence[tuple[int, int, int]]) -> Figure:
    """One bar a row from the top, each as long as the others: a solid, a hollow and a hatched part.

    The rows carry no names: the page writes those beside them, at the same height.

    Args:
        names: of the three parts, for the hover.
        rows: the counts of the parts of each row; a row of zeros stays empty.
    """
    totals = [sum(row) or 1 for row in rows]
    markers = (_SOLID, _HOLLOW, style.HATCHED)
    return {
        "data": [
            {
                "type": "bar",
                "orientation": "h",
                "x": [round(100 * row[part] / total, 1) for row, total in zip(rows, totals, strict=True)],
                "y": list(range(len(rows))),
                "width": 0.5,
                "marker": marker,
                "text": [f"{name}: {row[part]:,} of {sum(row):,}" for row in rows],
                "textposition": "none",
                "hovertemplate": "%{text}<extra></extra>",
            }
            for part, (name, marker) in enumerate(zip(names, markers, strict=True))
        ],
        "layout": style.layout(
            (0, 20, AXIS_HEIGHT, 20),
            barmode="stack",
            xaxis=style.axis(range=[0, 100], ticksuffix=" %", nticks=5),
            yaxis=style.axis(range=[len(rows) - 0.5, -0.5], showticklabels=False),
        ),
    }
