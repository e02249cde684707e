"""Shares by visit window: small charts of one scale, one's own patients beside all sites."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.charts import style
from dashboards.charts.style import Figure

TICKS = {"baseline": "Before", "6_weeks": "1½", "3_months": "3", "6_months": "6", "12_months": "12", "24_months": "24"}
"""The visit windows that charts show, as months since fusion. Later ones hold the few who were operated on long ago."""

AXIS_TITLE = "Months since fusion"
BESIDE = 0.1
"""How far the two points of a window stand from its middle, so that neither covers the other."""
_COLUMNS = 2
_GAP = 0.08
"""Parts of the width between two columns."""
_TITLE, _TICKS = 0.05, 0.055
"""Parts of the height for a title above each row, and for the ticks below it."""


@dataclass(frozen=True)
class Panel:
    """One small chart: percent with the ends of its interval in each window, None where there is none to show.

    `others` are the values of all sites, `hover` says what each of one's own is, `hidden` what stands in a window
    whose value is suppressed.
    """

    title: str
    own: Sequence[tuple[float, float, float] | None]
    others: Sequence[float | None]
    hover: Sequence[str]
    hidden: Sequence[str | None]


def panels(windows: Sequence[str], shown: Sequence[Panel]) -> Figure:
    """Small charts from the left to the right and down, all of them from 0 to 100 percent.

    Args:
        windows: codes of visit windows, in the order of time.
        shown: the charts; a single one takes the whole width.
    """
    columns = min(_COLUMNS, max(len(shown), 1))
    axes: dict[str, Any] = {}
    notes = []
    for place, panel in enumerate(shown):
        across, down = _domain(place, columns, -(-len(shown) // columns))
        which = _which(place)
        axes[f"xaxis{which}"] = window_axis(windows, domain=across, anchor=f"y{which}")
        axes[f"yaxis{which}"] = style.axis(
            domain=down,
            anchor=f"x{which}",
            range=[0, 100],
            showgrid=True,
            tickvals=[0, 50, 100],
            ticktext=["0 %", "50 %", "100 %"],
            showticklabels=place % columns == 0,
        )
        notes += [style.note(panel.title, across[0], down[1], xanchor="left", yanchor="bottom", yshift=6)]
        notes += _hidden(panel, place)
    return {
        "data": [trace for place, panel in enumerate(shown) for trace in _traces(panel, place)],
        "layout": style.layout(
            (8, 12, 44, 44),
            **axes,
            annotations=[*notes, style.note(AXIS_TITLE, 1, 0, xanchor="right", yanchor="top", yshift=-24)],
        ),
    }


def window_axis(windows: Sequence[str], **parts: Any) -> dict[str, Any]:
    """An axis of visit windows, each as wide as the others: they are not as far apart as in time."""
    return style.axis(
        range=[-0.5, len(windows) - 0.5],
        tickvals=list(range(len(windows))),
        ticktext=[TICKS[window] for window in windows],
        tickangle=0,
        **parts,
    )


def hidden_point(text: str, place: float, **parts: Any) -> dict[str, Any]:
    """Upright text in the place of a hidden point, so that it fits between its neighbours on a narrow screen."""
    at = {"x": place, "y": 0, "xref": "x", "yref": "paper", "yanchor": "bottom", "yshift": 6, "textangle": -90}
    return style.note(text, **{**at, **parts})


def _which(place: int) -> str:
    """The number of a panel's axes: the first have none."""
    return "" if place == 0 else str(place + 1)


def _domain(place: int, columns: int, rows: int) -> tuple[list[float], list[float]]:
    """The parts of the width and of the height that a panel takes."""
    row, column = divmod(place, columns)
    width = (1 - (columns - 1) * _GAP) / columns
    height = 1 / rows
    left, top = column * (width + _GAP), 1 - row * height
    # The ticks of the last row stand in the margin.
    bottom = top - height + (0 if row == rows - 1 else _TICKS)
    return [round(left, 4), round(left + width, 4)], [round(bottom, 4), round(top - _TITLE, 4)]


def _traces(panel: Panel, place: int) -> list[dict[str, Any]]:
    own, all_sites = _own(panel), _all_sites(panel)
    on = {"xaxis": f"x{_which(place)}", "yaxis": f"y{_which(place)}"}
    return [trace | on for trace in ([all_sites, own] if all_sites["x"] else [own])]


def _own(panel: Panel) -> dict[str, Any]:
    known = [(place, own, text) for place, (own, text) in enumerate(zip(panel.own, panel.hover, strict=True)) if own]
    return style.points(
        [place - BESIDE for place, _, _ in known],
        [own[0] for _, own, _ in known],
        style.BLUE,
        [text for _, _, text in known],
        mode="lines+markers",
        line={"width": 1, "color": style.BLUE},
        error_y=style.error_bars(
            [round(own[2] - own[0], 2) for _, own, _ in known],
            [round(own[0] - own[1], 2) for _, own, _ in known],
            style.band(style.BLUE),
        ),
    )


def _all_sites(panel: Panel) -> dict[str, Any]:
    known = [(place, value) for place, value in enumerate(panel.others) if value is not None]
    return style.points(
        [place + BESIDE for place, _ in known],
        [value for _, value in known],
        style.GREY,
        [f"All sites: {value:.1f} %" for _, value in known],
        mode="lines+markers",
        line={"width": 1, "color": style.GREY, "dash": "dot"},
    )


def _hidden(panel: Panel, place: int) -> list[dict[str, Any]]:
    return [
        hidden_point(text, window, xref=f"x{_which(place)}", yref=f"y{_which(place)} domain")
        for window, text in enumerate(panel.hidden)
        if text
    ]
