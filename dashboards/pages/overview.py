"""The first page: one row per measure, those with a signal first."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.charts.spark import assurance_sign, sparkline, variation_sign
from dashboards.data import alarms, answers, comparison, control, measures
from dashboards.data.alarms import Alarm
from dashboards.data.answers import MissingAnswers
from dashboards.data.comparison import Compared
from dashboards.data.control import ChartPoint
from dashboards.data.measures import Measure, Value
from dashboards.pages.frame import Page, View
from dashboards.pages.number import VALUE_HEAD, big_number, counted, value_cells
from dashboards.rendering import part
from outcomes.periods import add_months

_MONTHS = 24
_VALUE = ("Value", "95 % interval", "Assessed", "Share assessed")
_HEAD = ("Measure", "Variation", "Target", "24 months", "Among sites", *_VALUE)
_HEAD_ALL = ("Measure", "By year", *_VALUE)
_BUDGET = (
    "Named where observed against expected lies far out, or a month is confirmed by the next: in a registry in which "
    "nothing changes, at most 2 of 100 measures would be. Control charts show more signals, most of them chance."
)
_ORDER = ("special_concerning", "special_neutral", "special_improving", "common", None)
"""What asks for attention first; within each, the order of the definitions."""


def overview(view: View) -> Page:
    """The overview of a site, or of all sites together."""
    found = measures.values(view.reader, view.filters)
    listed = [one for one in view.measures.values() if one.measure in found]
    lately = _lately(view)
    table = _all_sites(view, listed, found) if lately is None else _own(view, listed, found, lately)
    cards = [*([_look_at_this(view, lately)] if lately else []), _headlines(view, found, lately), table]
    return Page("Overview", cards, filters=("period", "group"))


@dataclass(frozen=True)
class _Lately:
    """Of a site, by measure: the last months of its control chart, its place in the funnel, what stands out, and who
    did not answer."""

    months: dict[str, list[ChartPoint]]
    places: dict[str, Compared]
    alarms: dict[str, Alarm]
    missing: dict[str, MissingAnswers]


def _lately(view: View) -> _Lately | None:
    """None for all sites together."""
    if view.site is None:
        return None
    since = add_months(view.info.data_to, 1 - _MONTHS)
    reader, site_id = view.reader, view.site.site_id
    return _Lately(
        control.recent_charts(reader, site_id, since),
        comparison.own(reader, site_id),
        alarms.own(reader, site_id),
        answers.missing(reader, site_id),
    )


def _headlines(view: View, found: dict[str, Value], lately: _Lately | None) -> Card:
    """The measures compared between sites, each as a number and a sentence."""
    headlines = sorted(
        (one for one in view.measures.values() if one.headline is not None), key=lambda one: one.headline or 0
    )
    rows = [[_name(view, one), *value_cells(one, found[one.measure])] for one in headlines if one.measure in found]
    return Card(
        "headlines",
        f"{view.who}: headline outcomes" + (f", {wording.narrowed(view.filters)}" if view.filters.are_narrow else ""),
        body=[part("headlines", [_headline(view, one, found.get(one.measure), lately) for one in headlines])],
        table=Table("Headline outcomes", ("Outcome", *VALUE_HEAD), rows, numbers=5),
        notes=["In brackets: 95 % confidence interval. A patient without a usable visit is not assessed, never a no."],
    )


def _headline(
    view: View, measure: Measure, value: Value | None, lately: _Lately | None
) -> tuple[str, str, Markup, list[str]]:
    """Title and address of the measure, its number, and what puts it in context."""
    href = view.href(f"/measure/{measure.measure}")
    return measure.title, href, big_number(measure, value), _in_context(measure, lately)


def _in_context(measure: Measure, lately: _Lately | None) -> list[str]:
    """Beside other sites, and beside those who did not answer; nothing of all sites together."""
    if lately is None:
        return []
    place, missing = lately.places.get(measure.measure), lately.missing.get(measure.measure)
    said = [f"{wording.position(place)}{' for its case mix' if place and place.position else ''}." if place else ""]
    return [text for text in (*said, wording.unanswered(missing) if missing else "") if text]


def _look_at_this(view: View, lately: _Lately) -> Card:
    """What stands out over time or among sites, in words; the charts show more, most of it chance."""
    title = "Look at this"
    named = [one for one in lately.alarms.values() if one.measure in view.measures]
    if not named:
        return Card("look-at-this", title, body=["Nothing stands out over time or among sites."], notes=[_BUDGET])
    said = {one.measure: wording.alarm(one) for one in named}
    rows: list[list[Cell | str]] = [
        [
            _name(view, view.measures[one.measure]),
            wording.variation(one.variation),
            wording.sentence_case(said[one.measure]),
        ]
        for one in named
    ]
    entries = [
        (
            variation_sign(one.variation, wording.variation(one.variation)),
            view.measures[one.measure].title,
            view.href(f"/measure/{one.measure}"),
            said[one.measure],
        )
        for one in named
    ]
    return Card(
        "look-at-this",
        title,
        body=[part("alarms", entries)],
        table=Table("What stands out", ("Measure", "Kind", "Why"), rows),
        notes=[_BUDGET],
    )


def _own(view: View, listed: Sequence[Measure], found: dict[str, Value], lately: _Lately) -> Card:
    latest = {one.measure: _latest_variation(lately.months.get(one.measure, ())) for one in listed}
    ordered = sorted(
        listed, key=lambda one: (one.measure not in lately.alarms, _ORDER.index(latest[one.measure]), one.place)
    )
    concerning = sum(one.variation == "special_concerning" for one in lately.alarms.values())
    rows = [
        _own_row(view, one, found[one.measure], lately.months.get(one.measure, ()), lately.places.get(one.measure))
        for one in ordered
    ]
    return Card(
        "measures",
        "All measures",
        sentence=f"{wording.plural(len(ordered), 'measure')}, {concerning or 'none'} of concern; what stands out comes "
        "first, then the latest signals of control charts, of which chance alone gives several.",
        table=Table("All measures, those that stand out first", _HEAD, rows, numbers=4),
        is_table=True,
        notes=[
            wording.left_out_of_a_year(view.filters),
            _legend(),
            "Variation and 24 months are by month or quarter of fusion and include all patients, whatever the filters.",
            "No value: the measure has no fixed exposure and only describes, or no month of it is mature.",
        ],
    )


def _own_row(
    view: View, measure: Measure, value: Value, months: Sequence[ChartPoint], place: Compared | None
) -> list[Cell | str]:
    latest = _latest(months)
    variation = wording.variation(latest.variation if latest else None)
    assurance = wording.assurance(latest.assurance if latest else None)
    position = wording.position(place)
    line = sparkline(
        [point.value for point in months],
        f"{measure.title}, the last {_MONTHS} months of fusion: {variation}",
        [point.variation for point in months],
    )
    return [
        _name(view, measure),
        Cell(variation, content=variation_sign(latest.variation if latest else None, variation)),
        Cell(assurance, content=assurance_sign(latest.assurance if latest else None, assurance)),
        Cell(variation, content=line),
        Cell(position),
        *_value_cells(view, measure, value),
    ]


def _all_sites(view: View, listed: Sequence[Measure], found: dict[str, Value]) -> Card:
    rows = []
    for one in listed:
        years = measures.by_year(view.reader, one.measure, None) if one.is_compared else []
        line = sparkline([year.estimate for year in years], f"{one.title} by year of fusion")
        rows.append([_name(view, one), Cell("", content=line), *_value_cells(view, one, found[one.measure])])
    return Card(
        "measures",
        "All measures",
        sentence=f"{wording.plural(len(rows), 'measure')} of all sites together, in the order of the patient guide.",
        table=Table("All measures of all sites together", _HEAD_ALL, rows, numbers=4),
        is_table=True,
        notes=[wording.left_out_of_a_year(view.filters), wording.hidden_note(view.minimum_cell_count)],
    )


def _name(view: View, measure: Measure) -> Cell:
    return Cell(measure.title, measure.measure, href=view.href(f"/measure/{measure.measure}"))


def _value_cells(view: View, measure: Measure, value: Value) -> list[Cell]:
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


def _latest(months: Sequence[ChartPoint]) -> ChartPoint | None:
    """The latest month that is mature and has a value."""
    return next((point for point in reversed(months) if point.value is not None and point.is_judged), None)


def _latest_variation(months: Sequence[ChartPoint]) -> str | None:
    latest = _latest(months)
    return latest.variation if latest else None


def _legend() -> str:
    return (
        "Variation: wave, common cause; triangle, concerning signal; ring, improving signal; diamond, signal that is "
        "neither. Target: filled circle, consistently met; triangle, consistently missed; ring, met or missed by "
        "chance variation. Among sites: position in the funnel of case-mix adjusted shares. Assessed: patients in the "
        "denominator, and their share of all the site's patients. py: person-years. Mature: of a month, its patients "
        "have complete follow-up for the measure."
    )
