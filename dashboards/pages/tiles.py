"""The headline outcomes: each a number, and what it means beside its target, its past, other sites and its gaps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from markupsafe import Markup

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.charts.spark import assurance_sign, sparkline, variation_sign
from dashboards.data import answers, comparison, control, measures
from dashboards.data.answers import MissingAnswers
from dashboards.data.comparison import Compared
from dashboards.data.control import ChartPoint, RecentMonth
from dashboards.data.measures import Measure, Value
from dashboards.pages.frame import View
from dashboards.pages.number import VALUE_HEAD, big_number, value_cells
from dashboards.rendering import part, render

MONTHS = 24
PICTURE_WIDTH, PICTURE_HEIGHT = 480, 264
"""Pixels of a tile as a picture."""
_NO_MONTH = "No month that can be judged"
_RARE = ", of patients between outcomes"
"""Of a g-chart, whose values are no shares."""
_SAID_IN_A_PICTURE = ("Trend", "Among sites")


@dataclass(frozen=True)
class Lately:
    """Of a site, by measure: the last months of its control chart, its place in the funnel, and who did not answer."""

    months: Mapping[str, Sequence[RecentMonth]]
    places: Mapping[str, Compared]
    missing: Mapping[str, MissingAnswers]
    targets: Mapping[str, ChartPoint]


def lately(view: View, site_id: str) -> Lately:
    """What the tiles and the table of a site say beside the values."""
    return Lately(
        control.recent_charts(view.reader, site_id, MONTHS),
        comparison.own(view.reader, site_id),
        answers.missing(view.reader, site_id),
        control.targets(view.reader, site_id),
    )


def latest(months: Sequence[RecentMonth]) -> RecentMonth | None:
    """The latest month that is mature and has a value."""
    return next((point for point in reversed(months) if point.value is not None and point.is_judged), None)


def trend(measure: Measure, months: Sequence[RecentMonth]) -> Markup:
    """The last months as a line."""
    point = latest(months)
    variation = wording.variation(point.variation) if point else _NO_MONTH
    return sparkline(
        [point.value for point in months],
        f"{measure.title}, the last {MONTHS} months of fusion that can be judged: {variation}",
        [point.variation for point in months],
        connects_gaps=True,
    )


def tiles(view: View, found: Mapping[str, Value], of_site: Lately | None) -> Card:
    """The measures compared between sites; of a site with target, trend, position and completeness."""
    rows: list[list[Cell | str]] = [
        [
            Cell(one.title, one.measure, href=view.href(f"/measure/{one.measure}")),
            *value_cells(one, found[one.measure]),
        ]
        for one in view.headlines
        if one.measure in found
    ]
    is_hidden = any(found[one.measure].is_suppressed for one in view.headlines if one.measure in found)
    return Card(
        "headlines",
        f"{view.who}: headline outcomes" + (f", {wording.narrowed(view.filters)}" if view.filters.are_narrow else ""),
        body=[part("tiles", [_tile(view, one, found.get(one.measure), of_site) for one in view.headlines])],
        table=Table("Headline outcomes", ("Outcome", *VALUE_HEAD), rows, numbers=5),
        notes=[
            "In brackets: 95 % confidence interval. A patient without a usable visit is not assessed, never a no.",
            f"Trend, target and position include all patients, whatever the filters. Signs: {wording.SPARK}"
            if of_site
            else "",
            wording.hidden_note(view.minimum_cell_count) if is_hidden else "",
        ],
    )


def pictures(view: View) -> dict[str, str]:
    """The tiles as drawings (SVG) by measure, each with whose number it is, up to when, and of which release."""
    found = measures.values(view.reader, view.filters)
    of_site = lately(view, view.site.site_id) if view.site else None
    return {
        one.measure: _picture(view, one, found[one.measure], of_site) for one in view.headlines if one.measure in found
    }


def _picture(view: View, measure: Measure, value: Value, of_site: Lately | None) -> str:
    has_number = value.estimate is not None
    context = [
        f"{name}: {words[0].lower()}{words[1:]}."
        for name, _, words in (_context(measure, of_site, view) if of_site else [])
        if name in _SAID_IN_A_PICTURE
    ]
    paragraphs = [f"{wording.sentence_case(wording.counted_among(measure, value))}." if has_number else "", *context]
    return render(
        "tile.svg",
        width=PICTURE_WIDTH,
        height=PICTURE_HEIGHT,
        title=wrap(measure.title, 40),
        number=wording.amount(measure, value) if has_number else wording.short_amount(measure, value),
        interval=wording.in_brackets(measure, value),
        said=[line for paragraph in paragraphs for line in wrap(paragraph, 58)],
        source=wrap(f"{view.who}, data to {wording.period(view.info.data_to)}, release {view.reader.release_id}", 72),
    )


def _tile(
    view: View, measure: Measure, value: Value | None, of_site: Lately | None
) -> tuple[str, str, Markup, list[tuple[str, str | Markup, str]]]:
    """Title and address of the measure, its number, and what puts it in context: a name, a sign and words each."""
    href = view.href(f"/measure/{measure.measure}")
    return measure.title, href, big_number(measure, value), [] if of_site is None else _context(measure, of_site, view)


def _context(measure: Measure, of_site: Lately, view: View) -> list[tuple[str, str | Markup, str]]:
    months = of_site.months.get(measure.measure, ())
    point, place = latest(months), of_site.places.get(measure.measure)
    # Neither is known of some patients alone.
    missing = None if view.filters.are_narrow else of_site.missing.get(measure.measure)
    is_followed = not view.filters.are_narrow and measure.category != "follow-up"
    variation = wording.variation(point.variation) if point else _NO_MONTH
    drawn_as = _RARE if point and point.chart == "g" else ""
    assurance = assurance_sign(point.assurance, wording.assurance(point.assurance)) if point and point.assurance else ""
    sign = variation_sign(point.variation, variation) if point else ""
    said = [
        ("Target", assurance, wording.target(measure, of_site.targets.get(measure.measure), point)),
        ("Trend", Markup("{}<br>{}").format(trend(measure, months), sign) if point else "", f"{variation}{drawn_as}"),
        ("Among sites", "", wording.position(place)),
        ("Completeness", "", wording.completeness(place) if is_followed else ""),
        ("Without an answer", "", wording.unanswered(missing) if missing else ""),
    ]
    return [(name, drawn, words) for name, drawn, words in said if words and words != wording.DASH]
