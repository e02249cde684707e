"""A funnel of sites: one's own named, peers without names, and the limits that chance leaves."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from dashboards import wording
from dashboards.charts import style
from dashboards.charts.style import Figure
from dashboards.data.comparison import Compared

_DASHES = {"low_99_8": "solid", "high_99_8": "solid", "low_95": "dot", "high_95": "dot"}
"""How the exact limits are drawn."""
_WIDENED = {f"widened_{name}": {"solid": "longdash", "dot": "dashdot"}[dash] for name, dash in _DASHES.items()}
"""And those widened for differences between sites, beside them."""


_LINE_OF_NAME = 18
"""Characters."""
_NAME = (0.38, 0.14)
"""The room that a name takes of the width and of the height of the plot."""


def funnel(peers: Sequence[Compared], own: Compared | None, own_name: str) -> Figure:
    """Adjusted shares against patients followed, between the funnel's limits.

    Args:
        peers: the other sites, as everybody may see them; those without an adjusted share are left out.
        own: one's own site, exact, or None.
        own_name: its name.
    """
    shown = [one for one in peers if one.adjusted_share is not None]
    mine = own if own is not None and own.adjusted_share is not None else None
    everybody = sorted([*shown, *([mine] if mine else [])], key=lambda one: one.patients or 0)
    shares = [one.adjusted_share or 0 for one in everybody]
    is_widened = any(one.widened_high_99_8 is not None for one in everybody)
    limits = [max(one.high_99_8 or 0, one.widened_high_99_8 or 0) for one in everybody]
    widest = 1.06 * max((one.patients or 0 for one in everybody), default=1)
    top = 108 * max([*shares, *limits], default=0.1)
    target = next((one.target_share for one in everybody if one.target_share is not None), None)
    return {
        "data": [
            *(_limit_line(everybody, *each) for each in (_DASHES | (_WIDENED if is_widened else {})).items()),
            _sites(shown, style.GREY, "circle", "Another site"),
            *([_sites([mine], style.BLUE, "diamond", own_name, size=12)] if mine else []),
        ],
        "layout": style.layout(
            (32, 72, 48, 44),
            xaxis=style.axis(range=[0, widest], nticks=6),
            yaxis=style.axis(range=[0, top], showgrid=True, nticks=5, ticksuffix=" %"),
            annotations=[
                style.note("Adjusted share", 0, 1, xanchor="left", yanchor="bottom", yshift=10, xshift=-40),
                style.note("Patients followed", 1, 0, xanchor="right", yanchor="top", yshift=-28),
                *_limit_names(everybody),
                *(
                    [style.note("all sites", 1, 100 * target, yref="y", xanchor="left", yanchor="top", xshift=6)]
                    if target
                    else []
                ),
                *([_own_name(mine, own_name, shown, (widest, top))] if mine else []),
            ],
            shapes=[style.level(100 * target)] if target else [],
        ),
    }


def _sites(sites: Sequence[Compared], colour: str, symbol: str, name: str, size: int = style.POINT) -> dict[str, Any]:
    """Points of sites; those that say little, as few of their patients were followed, are hollow."""
    trace = style.points(
        [one.patients or 0 for one in sites],
        [round(100 * (one.adjusted_share or 0), 2) for one in sites],
        colour,
        [
            f"{name}: {100 * (one.adjusted_share or 0):.1f} %, {one.patients:,} patients followed"
            f"<br>observed over expected {one.ratio or 0:.2f}{_limits(one)}"
            for one in sites
        ],
    )
    symbols = [f"{symbol}-open" if (one.completeness or 0) < 0.8 else symbol for one in sites]
    return trace | {"marker": {"size": size, "color": colour, "symbol": symbols}}


def _limits(one: Compared) -> str:
    """The exact limits at a site's size, as a line of its hover."""
    if None in (one.low_95, one.high_95, one.low_99_8, one.high_99_8):
        return ""
    near, far = wording.limits(one.low_95, one.high_95, 0), wording.limits(one.low_99_8, one.high_99_8, 0)
    return f"<br>limits of 95 %: {near}; of 99.8 %: {far}"


def _limit_line(sites: Sequence[Compared], name: str, dash: str) -> dict[str, Any]:
    """A limit along the sites by size; between them it is drawn straight, at a site alone as a short line."""
    limits = [getattr(one, name) for one in sites]
    percent = [None if each is None else round(100 * each, 2) for each in limits]
    sizes: list[float] = [one.patients or 0 for one in sites]
    if len(sites) == 1:
        sizes, percent = [0.94 * sizes[0], 1.06 * sizes[0]], percent * 2
    return style.line(sizes, percent, dash=dash)


def _limit_names(sites: Sequence[Compared]) -> list[dict[str, Any]]:
    """The outer exact limit is named above its end and the inner one at it: they may lie close together."""
    if not sites:
        return []
    ends = ((sites[-1].high_99_8, "99.8 %", "bottom"), (sites[-1].high_95, "95 %", "middle"))
    return [
        style.note(text, 1, 100 * at, yref="y", xanchor="left", yanchor=anchor, xshift=6)
        for at, text, anchor in ends
        if at is not None
    ]


def _own_name(own: Compared, name: str, peers: Sequence[Compared], reach: tuple[float, float]) -> dict[str, Any]:
    """The name of one's own site beside its point, where it lies on the fewest others.

    In short lines: on a narrow screen there is room for no more.

    Args:
        own: the site.
        name: its name.
        peers: the points of the others.
        reach: how far the axes go.
    """
    x, y = own.patients or 0, 100 * (own.adjusted_share or 0)
    width, height = (part * whole for part, whole in zip(_NAME, reach, strict=True))
    right, left, above, below = (x, x + width), (x - width, x), (y, y + height), (y - height, y)
    sides = [(right, above), (left, above), (right, below), (left, below)]
    inside = [(across, up) for across, up in sides if across[0] >= 0 and across[1] <= reach[0] and up[0] >= 0]
    across, up = min(inside or sides, key=lambda side: sum(_is_within(one, *side) for one in peers))
    return style.note(
        "<br>".join(wrap(name, _LINE_OF_NAME, max_lines=2, placeholder=" …")),
        own.patients,
        y,
        xref="x",
        yref="y",
        xanchor="left" if across is right else "right",
        yanchor="bottom" if up is above else "top",
        xshift=10 if across is right else -10,
        font={"color": style.BLUE},
    )


def _is_within(one: Compared, across: tuple[float, float], up: tuple[float, float]) -> bool:
    x, y = one.patients or 0, 100 * (one.adjusted_share or 0)
    return across[0] <= x <= across[1] and up[0] <= y <= up[1]
