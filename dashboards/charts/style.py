"""What all charts share: colours with one meaning each, and a quiet layout.

Text and grid colours come from the style sheet, so that one figure serves light and dark.
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

Figure = dict[str, Any]

BLUE = "#0072B2"
"""The patients that the page is about."""
GREY = "#768692"
"""Peers, history, and what is counted rather than judged."""
HATCHED = {
    "color": GREY,
    "pattern": {"shape": "/", "fillmode": "replace", "size": 6, "solidity": 0.3},
    "line": {"color": GREY, "width": 1},
}
"""Patients who could not be assessed."""

VERMILION = "#D55E00"
"""Concern, always with a triangle. Improvement is blue with a ring: no colour stands alone."""

POINT = 7
_TEXT = 12
# The style sheet's stack: Plotly measures its texts with the family that it is told.
_FAMILY = 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Arial, sans-serif'


def band(colour: str) -> str:
    """The colour of an interval: its point's, at 15 %."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, 0.15)"


def layout(margin: tuple[int, int, int, int], **parts: Any) -> dict[str, Any]:
    """A layout without box, legend or background.

    Args:
        margin: pixels at the top, right, bottom and left.
        parts: axes, shapes and annotations.
    """
    top, right, bottom, left = margin
    return {
        "margin": {"t": top, "r": right, "b": bottom, "l": left, "pad": 0},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": _TEXT, "family": _FAMILY},
        "showlegend": False,
        "dragmode": False,
        "hovermode": "closest",
        "hoverlabel": {"align": "left", "font": {"size": _TEXT, "family": _FAMILY}},
        **parts,
    }


def with_narrow(wide: dict[str, Any], said: str, **parts: Any) -> dict[str, Any]:
    """A layout that a narrow screen has otherwise (charts.js).

    Args:
        wide: the layout of other screens and of paper.
        said: what the narrow one leaves out, said below the chart there.
        parts: what stands in the place of parts of `wide`.
    """
    return {**wide, "meta": {"narrow": {**parts}, "said": said}}


def axis(**parts: Any) -> dict[str, Any]:
    """An axis that cannot be zoomed and draws neither box nor zero line."""
    return {"fixedrange": True, "zeroline": False, "showgrid": False, "showline": False, "automargin": False, **parts}


def note(text: str, x: Any, y: float, **parts: Any) -> dict[str, Any]:
    """A text at a place of the plot, in parts of its width and height where `parts` names no axis."""
    return {"text": text, "x": x, "y": y, "xref": "paper", "yref": "paper", "showarrow": False, **parts}


def points(
    x: Sequence[Any], y: Sequence[float | None], colour: str, hover: Sequence[str], **parts: Any
) -> dict[str, Any]:
    """Points of the one size, with their hover texts."""
    return {
        "type": "scatter",
        "mode": "markers",
        "x": list(x),
        "y": list(y),
        "text": list(hover),
        "hovertemplate": "%{text}<extra></extra>",
        "marker": {"size": POINT, "color": colour},
        "cliponaxis": False,
        **parts,
    }


def line(
    x: Sequence[Any], y: Sequence[float | None], colour: str = GREY, dash: str = "solid", **parts: Any
) -> dict[str, Any]:
    """A thin line without hover; a None breaks it."""
    stroke = {"width": 1, "color": colour, "dash": dash, **parts.pop("line", {})}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": stroke, "hoverinfo": "skip", **parts}


def expected_range(x: Sequence[Any], low: Sequence[float | None], high: Sequence[float | None]) -> dict[str, Any]:
    """The shaded band between two limits, in steps like theirs; a gap wherever a limit is None."""
    runs = [list(run) for has, run in groupby(zip(x, low, high, strict=True), _has_limits) if has]
    outlines = [
        [*((at, below) for at, below, _ in run), *((at, above) for at, _, above in reversed(run)), (run[-1][0], None)]
        for run in runs
    ]
    places = [place for outline in outlines for place in outline]
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [at for at, _ in places],
        "y": [height for _, height in places],
        "fill": "toself",
        "fillcolor": band(GREY),
        "line": {"width": 0, "shape": "hvh"},
        "hoverinfo": "skip",
    }


def _has_limits(place: tuple[Any, float | None, float | None]) -> bool:
    return place[1] is not None and place[2] is not None


def level(at: float, colour: str = GREY) -> dict[str, Any]:
    """A dashed line across the plot at a height, as one of the layout's shapes."""
    stroke = {"color": colour, "width": 1, "dash": "dash"}
    return {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": at, "y1": at, "line": stroke}


def marks(
    x: Sequence[Any], y: Sequence[float], shape: tuple[str, str, int], width: int, **parts: Any
) -> dict[str, Any]:
    """Marks over values, whose hover stays theirs: symbol, colour and size of `shape`, its outline `width` wide."""
    symbol, colour, size = shape
    return {
        "type": "scatter",
        "mode": "markers",
        "x": x,
        "y": y,
        "marker": {"symbol": symbol, "size": size, "color": colour, "line": {"width": width, "color": colour}},
        "hoverinfo": "skip",
        "cliponaxis": False,
        **parts,
    }


def error_bars(above: Sequence[float | None], below: Sequence[float | None], band: str) -> dict[str, Any]:
    """Intervals as wide pale bars around points: how far they reach above and below each value."""
    return {
        "type": "data",
        "symmetric": False,
        "array": list(above),
        "arrayminus": list(below),
        "color": band,
        "thickness": POINT + 5,
        "width": 0,
    }
