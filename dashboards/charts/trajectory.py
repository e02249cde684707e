"""Scores by visit window: the median of each window with its quartiles."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboards import wording
from dashboards.charts import style
from dashboards.charts.style import Figure
from dashboards.charts.windows import AXIS_TITLE, BESIDE, TICKS, hidden_point, window_axis
from dashboards.data.scores import Scores

_HEIGHT = 188
"""Pixels of the plot, about: what the style sheet gives the card, without margins."""
_LINE = 14
"""Pixels that a label needs."""


@dataclass(frozen=True)
class Scale:
    """How an instrument is drawn: its unit, where its axis begins, and a score worth reaching.

    `reference` is the score of the median patient before surgery, better by the minimal clinically important
    difference; None where nothing is known of the time before surgery.
    """

    unit: str
    lowest: float
    reference: float | None


def drawn(scores: Sequence[Scores]) -> list[Scores]:
    """The windows that the chart shows."""
    return [each for each in scores if each.visit_window in TICKS]


def trajectory(own: Sequence[Scores], others: Sequence[Scores], scale: Scale, own_name: str) -> Figure:
    """Medians with quartiles by window; all sites behind in grey.

    Args:
        own: what the page is about, in the order of time.
        others: all sites, or nothing to compare with.
        scale: of the instrument.
        own_name: what stands at the end of the line.
    """
    own, others = drawn(own), drawn(others)
    windows = [each.visit_window for each in own]
    highest = max(
        [each.upper_quartile for each in (*own, *others) if each.upper_quartile is not None]
        + ([scale.reference] if scale.reference is not None else []),
        default=scale.lowest + 1,
    )
    top = scale.lowest + 1.08 * (highest - scale.lowest)
    return {
        "data": [
            *([_medians(others, windows, style.GREY, BESIDE, "All sites: ")] if others else []),
            _medians(own, windows, style.BLUE, -BESIDE if others else 0, ""),
        ],
        "layout": style.layout(
            (32, 64, 44, 44),
            xaxis=window_axis(windows),
            yaxis=style.axis(range=[scale.lowest, round(top, 2)], showgrid=True, nticks=5),
            annotations=[
                style.note(scale.unit, 0, 1, xanchor="left", yanchor="bottom", yshift=10, xshift=-40),
                style.note(AXIS_TITLE, 1, 0, xanchor="right", yanchor="top", yshift=-24),
                *_ends({own_name: own, "all sites": others}, top - scale.lowest),
                *([_reference_name(scale.reference)] if scale.reference is not None else []),
                *(hidden_point(wording.SUPPRESSED, place) for place, each in enumerate(own) if each.is_suppressed),
            ],
            shapes=[style.level(scale.reference)] if scale.reference is not None else [],
        ),
    }


def patients_below(scores: Sequence[Scores], windows: Sequence[str]) -> list[tuple[float, str]]:
    """How many have a score in each window, at the place of its tick."""
    return [
        (round((windows.index(each.visit_window) + 0.5) / len(windows), 4), _brief(each.patients))
        for each in scores
        if each.visit_window in windows
    ]


def score(number: float) -> str:
    """A score with a decimal only where it has one."""
    return f"{number:.1f}".removesuffix(".0")


def _brief(patients: int | None) -> str:
    """A count that fits under a tick on a narrow screen; the table has the whole one."""
    if patients is None:
        return wording.DASH
    return wording.count(patients) if patients < 10_000 else f"{round(patients / 1000)}k"


def _medians(scores: Sequence[Scores], windows: Sequence[str], colour: str, shift: float, whose: str) -> dict[str, Any]:
    known = [
        (each, each.lower_quartile, each.median, each.upper_quartile)
        for each in scores
        if each.visit_window in windows
        and each.lower_quartile is not None
        and each.median is not None
        and each.upper_quartile is not None
    ]
    return style.points(
        [windows.index(each.visit_window) + shift for each, *_ in known],
        [round(median, 2) for _, _, median, _ in known],
        colour,
        [
            f"{whose}{wording.in_words(each.visit_window)}"
            f"<br>median {score(median)}, quartiles {score(low)} and {score(high)}"
            f"<br>{wording.plural(each.patients or 0, 'patient')}"
            for each, low, median, high in known
        ],
        mode="lines+markers",
        line={"width": 1, "color": colour, "dash": "dot" if whose else "solid"},
        error_y=style.error_bars(
            [round(high - median, 2) for _, _, median, high in known],
            [round(median - low, 2) for _, low, median, _ in known],
            style.band(colour),
        ),
    )


def _ends(lines: dict[str, Sequence[Scores]], height: float) -> list[dict[str, Any]]:
    """The names at the ends of the lines, moved apart where they would touch."""
    ends = [
        (median, name)
        for name, scores in lines.items()
        if (median := next((each.median for each in reversed(scores) if each.median is not None), None)) is not None
    ]
    ends.sort()
    apart = (ends[-1][0] - ends[0][0]) / height * _HEIGHT if ends else 0
    push = max(_LINE - apart, 0) / 2 if len(ends) == 2 else 0
    return [
        style.note(name, 1, median, yref="y", xanchor="left", xshift=4, yshift=push if place else -push)
        for place, (median, name) in enumerate(ends)
    ]


def _reference_name(at: float) -> dict[str, Any]:
    return style.note("MCID", 0, at, yref="y", xanchor="left", yanchor="bottom", xshift=2)
