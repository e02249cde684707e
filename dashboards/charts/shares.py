"""Shares with their intervals: over the years, and site by site."""

from dashboards import words
from dashboards.charts import style
from dashboards.charts.style import Figure
from dashboards.queries import Share

AXIS_HEIGHT = 32
"""Pixels below the last row of a chart by site, for its axis; the style sheet leaves the same room."""


def over_time(shares: list[Share], threshold: int) -> Figure:
    """A label's share by year of fusion; a suppressed year keeps its place on the axis and has no point."""
    shown = _with_share(shares)
    years = [share.index_year for share in shares if share.index_year is not None]
    values, lows, highs = _percents(shown)
    trace = style.points(
        [share.index_year or 0 for share in shown],
        values,
        style.BLUE,
        [f"{share.index_year}: {_hover(share, threshold)}" for share in shown],
        mode="lines+markers",
        line={"width": 1, "color": style.BLUE},
        error_y=style.whiskers(values, lows, highs, style.band(style.BLUE)),
    )
    return {
        "data": [_broken_at_gaps(trace, years)],
        "layout": style.layout(
            (32, 44, 56, 8),
            xaxis=style.axis(
                range=[min(years, default=0) - 0.5, max(years, default=1) + 0.5],
                tickvals=years,
                ticktext=[f"{share.index_year}<br>{_assessed(share)}" for share in shares],
                tickangle=0,
            ),
            # At the right, beside the latest year: there a narrow screen opens.
            yaxis=style.share_axis(_highest(shown), showgrid=True, side="right"),
            annotations=[
                style.note("Share of those assessed", 1, 1, xanchor="right", yanchor="bottom", xshift=40, yshift=12),
                style.note("Year of fusion, number assessed", 1, 0, xanchor="right", yanchor="top", yshift=-40),
                *(_hidden_year(share, threshold) for share in shares if share.is_suppressed),
            ],
        ),
    }


def by_site(shares: list[Share], overall: Share, threshold: int) -> Figure:
    """A label's share over all sites in the first row, then site by site, one row each.

    The rows carry no names: the page writes those beside them, at the same height.
    """
    rows = [overall, *shares]
    shown = [(place, share) for place, share in enumerate(rows) if share.share is not None]
    return {
        "data": [
            _site_points([(place, share) for place, share in shown if place == 0], style.BLUE, threshold),
            _site_points([(place, share) for place, share in shown if place > 0], style.GREY, threshold),
        ],
        "layout": style.layout(
            (0, 20, AXIS_HEIGHT, 20),
            xaxis=style.share_axis(_highest([share for _, share in shown])),
            yaxis=style.axis(range=[len(rows) - 0.5, -0.5], showticklabels=False),
            shapes=[] if overall.share is None else [_reference_line(100 * overall.share, len(rows))],
        ),
    }


def _site_points(rows: list[tuple[int, Share]], colour: str, threshold: int) -> Figure:
    values, lows, highs = _percents([share for _, share in rows])
    return style.points(
        values,
        [place for place, _ in rows],
        colour,
        [_hover(share, threshold) for _, share in rows],
        error_x=style.whiskers(values, lows, highs, style.band(colour)),
    )


def _with_share(shares: list[Share]) -> list[Share]:
    return [share for share in shares if share.share is not None]


def _percents(shown: list[Share]) -> tuple[list[float], list[float], list[float]]:
    values = [100 * (share.share or 0) for share in shown]
    lows = [100 * (share.share_low or 0) for share in shown]
    highs = [100 * (share.share_high or 0) for share in shown]
    return values, lows, highs


def _highest(shown: list[Share]) -> float:
    return max((share.share_high or 0 for share in shown), default=0)


def _assessed(share: Share) -> str:
    return words.DASH if share.assessed is None else words.count(share.assessed)


def _hover(share: Share, threshold: int) -> str:
    return f"{words.share_value(share, threshold)}<br>{words.basis(share).replace('; ', '<br>')}"


def _broken_at_gaps(trace: Figure, years: list[int]) -> Figure:
    """The line must not run across a year that is hidden: such a year enters as a point without a value."""
    known = set(trace["x"])
    missing = [year for year in years if year not in known]
    if not missing:
        return trace
    errors = trace["error_y"]
    rows = list(zip(trace["x"], trace["y"], trace["text"], errors["array"], errors["arrayminus"], strict=True))
    rows += [(year, None, "", None, None) for year in missing]
    x, y, text, above, below = (list(column) for column in zip(*sorted(rows, key=lambda row: row[0]), strict=True))
    return trace | {"x": x, "y": y, "text": text, "error_y": errors | {"array": above, "arrayminus": below}}


def _hidden_year(share: Share, threshold: int) -> Figure:
    """Upright text in the place of the point, so that it fits between its neighbours on a narrow screen."""
    return style.note(words.hidden(threshold), share.index_year or 0, 0.04, xref="x", yanchor="bottom", textangle=-90)


def _reference_line(at: float, rows: int) -> Figure:
    """From the point of all sites down past every site."""
    return {
        "type": "line",
        "x0": at,
        "x1": at,
        "y0": 0,
        "y1": rows - 0.5,
        "layer": "below",
        "line": {"color": style.BLUE, "width": 1},
    }
