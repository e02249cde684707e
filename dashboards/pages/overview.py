"""The first page: how we are, what changed, what to do, and every measure in a table."""

from collections.abc import Sequence

from dashboards import wording
from dashboards.cards import Card, Cell, Pins, Table
from dashboards.charts.spark import assurance_sign, sparkline, variation_sign
from dashboards.data import alarms, measures
from dashboards.data.comparison import Compared
from dashboards.data.control import RecentMonth
from dashboards.data.measures import Measure, Value
from dashboards.pages.frame import Page, View
from dashboards.pages.news import changed, data_state
from dashboards.pages.number import counted
from dashboards.pages.signals import listed_signals
from dashboards.pages.standing_out import standing_out
from dashboards.pages.tiles import Lately, lately, latest, tiles, trend
from outcomes.errors import OutcomesError

_VALUE = ("Value", "95 % interval", "Assessed", "Share assessed")
_HEAD = ("Measure", "Variation", "Value", "95 % interval", "Target", "24 months", "Among sites", *_VALUE[2:])
_HEAD_ALL = ("Measure", "By year", *_VALUE)
_HEADLINES = "headline outcomes"
_ORDER = ("special_concerning", "special_neutral", "special_improving", "common", None)
"""What asks for attention first; within each, the order of the definitions."""


def overview(view: View) -> Page:
    """The overview of a site, or of all sites together."""
    found = measures.values(view.reader, view.filters)
    listed = [one for one in view.measures.values() if one.measure in found]
    if view.site is None:
        cards = [tiles(view, found, None), _all_sites(view, listed, found)]
    else:
        cards = _of_site(view, view.site.site_id, listed, found)
    return Page("Overview", cards, filters=("period", "group"))


def printed_overview(view: View) -> tuple[Page, Page]:
    """The first screen on paper: what fits two pages, and the table of every measure, which does not.

    It says the same of a release whenever it is printed: nothing of other releases or of today, and of reviews only
    what was known of earlier years' when the release was published.
    """
    site_id = str(view.filters.site)
    found = measures.values(view.reader, view.filters)
    listed = [one for one in view.measures.values() if one.measure in found]
    of_site = lately(view, site_id)
    brief = [
        standing_out(view, site_id),
        tiles(view, found, of_site),
        listed_signals(view, site_id),
        data_state(view, site_id),
    ]
    return Page("Summary", brief), Page("All measures", [_own(view, site_id, listed, found, of_site)])


def _of_site(view: View, site_id: str, listed: Sequence[Measure], found: dict[str, Value]) -> list[Card]:
    """How we are, what changed, what to do, and on which data that rests."""
    of_site = lately(view, site_id)
    return [
        standing_out(view, site_id),
        tiles(view, found, of_site),
        changed(view, site_id),
        data_state(view, site_id),
        _own(view, site_id, listed, found, of_site),
    ]


def _own(view: View, site_id: str, listed: Sequence[Measure], found: dict[str, Value], of_site: Lately) -> Card:
    named = alarms.own(view.reader, site_id)
    kinds = {one.measure: _latest_variation(of_site.months.get(one.measure, ())) for one in listed}
    ordered = _by_group(
        sorted(listed, key=lambda one: (one.measure not in named, _ORDER.index(kinds[one.measure]), one.place))
    )
    concerning = sum(one.variation == "special_concerning" for one in named.values())
    rows = [
        _own_row(view, one, found[one.measure], of_site.months.get(one.measure, ()), of_site.places.get(one.measure))
        for one in ordered
    ]
    return Card(
        "measures",
        "All measures",
        sentence=f"{wording.plural(len(ordered), 'measure')}, {concerning or 'none'} of concern; in each group what "
        "stands out comes first, then the latest signals of control charts, of which chance alone gives several.",
        table=Table(
            "All measures by group, those that stand out first",
            _HEAD,
            rows,
            numbers=2,
            groups=_groups(ordered),
            pins=_pins(view),
        ),
        is_table=True,
        notes=[
            wording.left_out_of_a_year(view.filters),
            _legend(),
            "Variation and 24 months are by month or quarter of fusion and include all patients, whatever the filters.",
            "No value: the measure has no fixed exposure and only describes, or no month of it is mature.",
        ],
    )


def _pins(view: View) -> Pins | None:
    """What the reader has pinned; None where nothing can be, or the pins cannot be read."""
    if view.pins is None:
        return None
    try:
        return Pins(view.pins.of(view.reader.scope), f"/pins{view.query}")
    except OutcomesError:
        return None


def _own_row(
    view: View, measure: Measure, value: Value, months: Sequence[RecentMonth], place: Compared | None
) -> list[Cell | str]:
    point = latest(months)
    variation = wording.variation(point.variation if point else None)
    assurance = wording.assurance(point.assurance if point else None)
    values = _value_cells(measure, value)
    return [
        _name(view, measure),
        Cell(variation, content=variation_sign(point.variation if point else None, variation)),
        *values[:2],
        Cell(assurance, content=assurance_sign(point.assurance if point else None, assurance)),
        Cell(variation, content=trend(measure, months)),
        Cell(wording.position(place)),
        *values[2:],
    ]


def _all_sites(view: View, listed: Sequence[Measure], found: dict[str, Value]) -> Card:
    rows: list[list[Cell | str]] = []
    ordered = _by_group(listed)
    for one in ordered:
        years = measures.by_year(view.reader, one.measure, None) if one.is_compared else []
        line = sparkline([year.estimate for year in years], f"{one.title} by year of fusion")
        rows.append([_name(view, one), Cell("", content=line), *_value_cells(one, found[one.measure])])
    return Card(
        "measures",
        "All measures",
        sentence=f"{wording.plural(len(rows), 'measure')} of all sites together, in the order of the patient guide.",
        table=Table(
            "All measures of all sites together by group",
            _HEAD_ALL,
            rows,
            numbers=4,
            groups=_groups(ordered),
            pins=_pins(view),
        ),
        is_table=True,
        notes=[wording.left_out_of_a_year(view.filters), wording.hidden_note(view.minimum_cell_count)],
    )


def _by_group(listed: Sequence[Measure]) -> list[Measure]:
    """The same order within each group; headline outcomes first, then the groups in the order of the definitions."""
    places = {_group(one): place for place, one in reversed([*enumerate(sorted(listed, key=lambda one: one.place))])}
    return sorted(listed, key=lambda one: (_group(one) != _HEADLINES, places[_group(one)]))


def _groups(ordered: Sequence[Measure]) -> list[str]:
    return [wording.sentence_case(_group(one)) for one in ordered]


def _group(measure: Measure) -> str:
    return measure.category if measure.headline is None else _HEADLINES


def _name(view: View, measure: Measure) -> Cell:
    return Cell(measure.title, measure.measure, href=view.href(f"/measure/{measure.measure}"))


def _value_cells(measure: Measure, value: Value) -> list[Cell]:
    unit = " per 100 py" if measure.is_rate and value.estimate is not None else ""
    everybody = (value.patients or 0) + (value.excluded or 0)
    share = (value.patients or 0) / everybody if everybody else None
    assessed = wording.DASH if share is None or value.is_suppressed else wording.percent(share, everybody)
    return [
        Cell(f"{wording.short_amount(measure, value)}{unit}", value.estimate),
        Cell(wording.interval(measure, value)),
        counted(value.patients),
        Cell(assessed, share),
    ]


def _latest_variation(months: Sequence[RecentMonth]) -> str | None:
    point = latest(months)
    return point.variation if point else None


def _legend() -> str:
    return (
        f"Variation: {wording.SPARK} Target: filled circle, consistently passing; triangle, consistently failing; "
        "ring, hit and miss. Among sites: position in the funnel of case-mix adjusted shares. Assessed: "
        "patients in the denominator, and their share of all the site's patients. py: person-years. Mature: of a "
        "month, its patients have complete follow-up for the measure."
    )
