"""All sites for the board and the network: how far they lie apart, how complete they are, what they delivered.

From protected marts alone, so that everybody may see it. Sites stand by name, and no outcome is told beside a name. Who
knows how many patients a site has may still recognise it in a funnel (docs/privacy.md).
"""

from collections import Counter
from collections.abc import Sequence

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.data import comparison, deliveries, measures
from dashboards.data.comparison import Compared
from dashboards.data.deliveries import Submission
from dashboards.data.measures import Measure
from dashboards.filters import Filters
from dashboards.pages.frame import Page, View
from dashboards.pages.number import counted
from dashboards.rendering import part

_FAR = ("above_99_8", "below_99_8")
_OUT = (*_FAR, "above_95", "below_95")


def network(view: View) -> Page:
    """Spread, completeness and deliveries of all sites."""
    compared = {one.measure: comparison.peers(view.reader, one.measure) for one in view.headlines}
    return Page(
        "Network",
        [_spread(view, compared), _completeness(view, compared), _delivered(view)],
        lead="All sites, as everybody may see them. Nobody is ranked.",
    )


def _spread(view: View, compared: dict[str, list[Compared]]) -> Card:
    """How far sites lie apart, and how many of them further than chance explains."""
    values = measures.values(view.reader, Filters(None))
    rows = [_spread_row(view, one, values, compared[one.measure]) for one in view.headlines]
    placed = [one for one in view.headlines if _placed(compared[one.measure]) > 1]
    far = sum(_beyond(compared[one.measure], _FAR) > 0 for one in placed)
    said = (
        f"Of {wording.plural(len(placed), 'headline outcome')} with sites that can be compared, {wording.count(far)} "
    )
    return Card(
        "spread",
        "How far sites lie apart",
        sentence=f"{said}{'has' if far == 1 else 'have'} a site beyond the 99.8 % limits of the funnel."
        if placed
        else "No outcome has two sites that can be compared and shown.",
        table=Table(
            "Spread of the sites by outcome",
            ("Outcome", "All sites", "Lowest to highest site", "Sites compared", "Beyond 95 %", "Beyond 99.8 %"),
            rows,
            numbers=3,
            is_stacked=True,
        ),
        is_table=True,
        notes=[
            "Shares of sites are adjusted for case mix. By chance alone 1 site in 20 lies beyond the 95 % limits, 1 in "
            "500 beyond the 99.8 %. Widened limits count where sites differ beyond chance.",
            wording.hidden_note(view.minimum_cell_count),
        ],
    )


def _spread_row(
    view: View, measure: Measure, values: dict[str, measures.Value], sites: Sequence[Compared]
) -> list[Cell | str]:
    shares = sorted((one.adjusted_share, one.patients or 0) for one in sites if one.adjusted_share is not None)
    between = wording.DASH
    if len(shares) > 1:
        (low, of_low), (high, of_high) = shares[0], shares[-1]
        between = f"{wording.percent(low, of_low)} to {wording.percent(high, of_high)}"
    value = values.get(measure.measure)
    return [
        Cell(measure.title, measure.measure, href=view.href(f"/measure/{measure.measure}", site=None)),
        wording.DASH if value is None else wording.short_amount(measure, value),
        between,
        counted(len(shares)),
        counted(_beyond(sites, _OUT)),
        counted(_beyond(sites, _FAR)),
    ]


def _placed(sites: Sequence[Compared]) -> int:
    return sum((one.widened_position or one.position) is not None for one in sites)


def _beyond(sites: Sequence[Compared], positions: Sequence[str]) -> int:
    return sum((one.widened_position or one.position) in positions for one in sites)


def _completeness(view: View, compared: dict[str, list[Compared]]) -> Card:
    """Of those who could be followed, how many were: by site and outcome.

    Whether follow-up is complete is left out: that is known of everybody, and its 100 % would be read as its value.
    """
    outcomes = [one for one in view.headlines if one.category != "follow-up"]
    places = {(place.site_id, one.measure): place for one in outcomes for place in compared[one.measure]}
    rows: list[list[Cell | str]] = [
        [
            site.name,
            *(_followed(places.get((site.site_id, one.measure))) for one in outcomes),
        ]
        for site in view.sites.values()
    ]
    known = [one.completeness for one in places.values() if one.completeness is not None]
    below = sum(one < wording.COMPLETE for one in known)
    mark = f"{100 * wording.COMPLETE:.0f}\u00a0%"
    return Card(
        "completeness",
        "How complete follow-up is",
        sentence=f"{wording.count(below)} of {wording.count(len(known))} shown are below the mark of {mark}."
        if known
        else "No share can be shown.",
        table=Table(
            "Followed among those who could be, by site and outcome",
            ("Site", *(one.title for one in outcomes)),
            rows,
            numbers=len(outcomes),
        ),
        is_table=True,
        notes=[f"▽: below the mark of {mark}.", wording.hidden_note(view.minimum_cell_count)],
    )


def _followed(place: Compared | None) -> Cell:
    if place is None or place.completeness is None:
        is_hidden = place is not None and place.marking is None
        return Cell(wording.SUPPRESSED, "suppressed") if is_hidden else Cell(wording.DASH)
    below = "▽\u00a0" if place.completeness < wording.COMPLETE else ""
    return Cell(f"{below}{wording.followed_share(place.completeness, place.eligible or 0)}", place.completeness)


def _delivered(view: View) -> Card:
    """The latest month of each site, and what was refused."""
    attempts: dict[str, list[Submission]] = {}
    for one in deliveries.submissions(view.reader):
        attempts.setdefault(one.site_id, []).append(one)
    rows = [_delivered_row(site.name, attempts.get(site.site_id, [])) for site in view.sites.values()]
    behind = sum(row[1] != wording.period(view.info.data_to) for row in rows)
    return Card(
        "deliveries",
        "What sites delivered",
        sentence=f"{wording.count(behind)} of {wording.plural(len(rows), 'site')} without an accepted submission for "
        f"{wording.period(view.info.data_to)}.",
        table=Table("Deliveries by site", ("Site", "Latest month accepted", "Accepted", "Refused"), rows, numbers=2),
        is_table=True,
        body=[part("way", "Data quality of all sites", view.href("/data-quality", site=None))],
    )


def _delivered_row(name: str, attempts: Sequence[Submission]) -> list[Cell | str]:
    status = Counter(one.status for one in attempts)
    latest = max((one.submission_period for one in attempts if one.status == "accepted"), default=None)
    return [
        name,
        wording.period(latest) if latest else wording.DASH,
        *map(counted, (status["accepted"], status["refused"])),
    ]
