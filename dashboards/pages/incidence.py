"""Adjacent segment disease and revision: how many have it by when, with death competing, and of which kind."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.charts import curve as drawing
from dashboards.charts import style
from dashboards.charts.curve import Line
from dashboards.data import curves, measures
from dashboards.data.curves import Curve, CurvePoint
from dashboards.data.measures import Measure
from dashboards.data.reader import ENDED, SUPPRESSED
from dashboards.pages.frame import Page, View
from dashboards.pages.measure import counts_card
from dashboards.pages.number import counted, sentence
from dashboards.pages.rows import (
    bars_card,
    by_size,
    chosen,
    interval_card,
    none_held,
    notes_on_values,
    rows_of,
    values_table,
)
from dashboards.rendering import part

_DAYS = {1: 365, 2: 730, 5: 1826}
"""The days on which curves are read, by the years that they stand for: those of the measures of these horizons."""
_LEADING = 2
"""The year after the fusion whose number comes first, and at which groups are compared."""
_READ_HEAD = ("Incidence", "95 % interval", "With the outcome", "At risk")
_PERCENT = f"{wording.NBSP}%"
_ANY_REVISION = "revision_performed"


@dataclass(frozen=True)
class _Outcome:
    """What a page waits for: its curve, the words for it, and the measures beside it."""

    code: str
    title: str
    noun: str
    happens: str
    competes: str
    measures: tuple[str, ...]
    measures_title: str
    measures_say: str
    measures_note: str
    kinds_of: str
    kinds_title: str


_ASD = _Outcome(
    code="asd",
    title="Adjacent segment disease",
    noun="suspected adjacent segment disease",
    happens="with suspected adjacent segment disease",
    competes="Death is a competing event: a patient who has died can no longer develop it. Patients who died without "
    "it stay in the denominator; censoring them at death would overstate the share.",
    measures=(
        *("asd_2_years", "asd_5_years"),
        *("radiographic_asd", "clinical_asd", "clinical_asd_probable", "surgical_asd", "suspected_asd", "asd_rate"),
    ),
    measures_title="From imaging finding to operation",
    measures_say="Radiographic: a new or worse finding on an image of a level adjacent to the fusion. Clinical: with "
    "symptoms too (probable), or a diagnosis code alone (possible). Surgical: another operation at that level.",
    measures_note="Within 2 and 5 years: the values of the curve on these days. The others count what was found at any "
    "time while observed: they grow with it, describe, and are not compared. Sites that take more images find more.",
    kinds_of="suspected_asd",
    kinds_title="How it was suspected, at all sites",
)

_REVISION = _Outcome(
    code="revision",
    title="Revision",
    noun="revision",
    happens="with a revision",
    competes="Death is a competing event: a patient who has died can no longer be revised. Patients who died without a "
    "revision stay in the denominator; censoring them at death would overstate the share.",
    measures=("revision_90_days", "revision_1_year", "revision_2_years", "revision_5_years", "revision_rate"),
    measures_title="Within fixed times, and as a rate",
    measures_say="The share revised by each day, and the rate over all observed time.",
    measures_note="The shares are the values of the curve on these days. The rate describes: it mixes the early years, "
    "in which most revisions come, with later ones, and is not compared.",
    kinds_of=_ANY_REVISION,
    kinds_title="The first revision, at all sites",
)


def adjacent_segment_disease(view: View) -> Page:
    """The page of suspected adjacent segment disease."""
    return _page(view.of_all_years(), _ASD, lead=_no_year(view))


def revision(view: View) -> Page:
    """The page of revisions."""
    whole = view.of_all_years()
    return _page(whole, _REVISION, _types(whole), _complications(whole), lead=_no_year(view))


def _complications(view: View) -> Card:
    """What went wrong in the first weeks."""
    card = Card(
        "complications",
        "Complications and readmission",
        sentence="Shares within 30 or 90 days of surgery (kinds of complication: 90), of what is coded: a complication "
        "that no code names is not seen.",
        notes=[
            "Any complication: one of those listed, or death. Counted from the day after surgery; infection and "
            "haematoma, whose codes name a procedure, from the day of surgery. Readmission is counted from surgery, "
            "after the index stay and the transfers that continue it. How severe a complication was (Clavien-Dindo) "
            "is mostly not recorded."
        ],
    )
    found = rows_of(view)
    kinds = [name for name in found if name.startswith("complication_") and name.endswith("_90_days")]
    last = ("death_30_days", "death_90_days", "readmission_30_days", "readmission_90_days")
    rows = chosen(found, ["any_complication_30_days", "any_complication_90_days", *kinds, *last])
    return interval_card(view, card, rows) if rows else none_held(view, card)


def _page(view: View, outcome: _Outcome, *cards: Card, lead: str) -> Page:
    lines = _lines(view, outcome)
    shown = [
        _lead(view, outcome, lines),
        _curves(view, outcome, lines),
        _measures(view, outcome),
        *cards,
        _groups(view, outcome),
        _kinds(view, outcome),
    ]
    return Page(outcome.title, shown, filters=("group",), lead=lead)


def _no_year(view: View) -> str:
    """What of the address the page cannot follow."""
    return "All years of fusion together: there is no curve for a single year." if view.filters.period else ""


def _lines(view: View, outcome: _Outcome) -> list[Line]:
    """Whose curve the page is about, and all patients of all sites beside it."""
    everybody = curves.all_sites(view.reader, outcome.code)
    if view.filters.group is not None:
        group = curves.by_group(view.reader, outcome.code).get(view.filters.group, Curve(()))
        who = f"{wording.group_of_kind(*view.filters.group)} (all sites)"
        return [
            Line("This group", who, group, style.BLUE),
            Line("All patients", "all patients of all sites", everybody, style.GREY),
        ]
    if view.site is not None:
        own = curves.own(view.reader, outcome.code, view.site.site_id, view.minimum_cell_count)
        return [
            Line("This site", view.site.name, own, style.BLUE),
            Line("All sites", "all sites", everybody, style.GREY),
        ]
    return [Line("All sites", "all sites", everybody, style.BLUE)]


def _lead(view: View, outcome: _Outcome, lines: Sequence[Line]) -> Card:
    rows: list[list[Cell | str]] = [
        [Cell(wording.plural(years, "year"), years), line.name, *_read_cells(line.curve, _DAYS[years])]
        for years in _DAYS
        for line in lines
    ]
    return Card(
        "incidence",
        f"{wording.sentence_case(lines[0].who)}: {outcome.noun} within 1, 2 and 5 years",
        sentence=" ".join(_in_words(line) for line in lines if line.curve.shown),
        body=[_big_number(view, outcome, lines[0])],
        table=Table(
            f"{wording.sentence_case(outcome.noun)}: share of patients by time since the fusion",
            ("Since fusion", "Whose", *_READ_HEAD),
            rows,
            len(_READ_HEAD),
            is_stacked=True,
        ),
        is_table=True,
        basis=f"{wording.count(lines[0].curve.patients)} patients at the start" if lines[0].curve.shown else "",
        notes=[outcome.competes, "In brackets: 95 % confidence interval.", _group_note(view), _days_note(lines)],
    )


def _big_number(view: View, outcome: _Outcome, line: Line) -> Markup:
    """The share by the leading year, what it rests on, or why there is none."""
    point = line.curve.near(_DAYS[_LEADING])
    if point is None:
        said = _why_missing(view, line)
        if line.curve.shown:
            said = wording.sentence_case(f"{_within(_LEADING)}: {_read(line.curve, _DAYS[_LEADING])}")
        return part("no_number", said)
    events, at_risk = wording.count(point.events or 0), wording.count(point.at_risk or 0)
    basis = f"{events} patients with the outcome by then, {at_risk} still at risk"
    limits = f"{_limits(point, line.curve.patients)}{_on_day(point, _DAYS[_LEADING])}"
    share = wording.percent(point.incidence or 0, line.curve.patients)
    return sentence(share, f"{limits} {outcome.happens} {_within(_LEADING)} of the fusion", basis)


def _in_words(line: Line) -> str:
    """The shares by each year as one sentence."""
    said = ", ".join(f"{_within(years)} {_read(line.curve, _DAYS[years])}" for years in _DAYS)
    return f"{wording.sentence_case(line.who)}: {said}."


def _within(years: int) -> str:
    return f"within {wording.plural(years, 'year')}"


def _read(curve: Curve, day: int) -> str:
    """What a curve says of a day: the share with its interval, what it lies between, or why it says nothing."""
    point = curve.near(day)
    if point is not None:
        limits = _limits(point, curve.patients)
        return f"{wording.percent(point.incidence or 0, curve.patients)} {limits}{_on_day(point, day)}".strip()
    if curve.is_suppressed:
        return SUPPRESSED
    if curve.has_ended(day):
        return "too few still at risk"
    if not curve.shown:
        return "no curve"
    span = _span(curve, day)
    if span is None:
        before, _ = curve.around(day)
        known = before.incidence if before else None
        # At least nobody says nothing.
        return f"at least {wording.percent(known, curve.patients)}" if known else SUPPRESSED
    low, high = (wording.percent(share, curve.patients) for share in span)
    return low if low == high else f"{low.removesuffix(_PERCENT)} to {high}"


def _span(curve: Curve, day: int) -> tuple[float, float] | None:
    """Between which shares a withheld day lies; None where no later day is known."""
    before, after = curve.around(day)
    if after is None or curve.has_ended(day):
        return None
    return (before.incidence or 0) if before else 0, after.incidence or 0


def _read_cells(curve: Curve, day: int) -> list[Cell]:
    point = curve.near(day)
    if point is None:
        return [Cell(_read(curve, day)), *[Cell(wording.DASH)] * 3]
    return [
        Cell(f"{wording.percent(point.incidence or 0, curve.patients)}{_on_day(point, day)}", point.incidence),
        Cell(_limits(point, curve.patients).strip("()")),
        counted(point.events),
        counted(point.at_risk),
    ]


def _limits(point: CurvePoint, patients: int) -> str:
    if point.low is None or point.high is None:
        return ""
    low, high = (wording.percent(limit, patients).removesuffix(_PERCENT) for limit in (point.low, point.high))
    return f"({low}–{high})"


def _on_day(point: CurvePoint, day: int) -> str:
    return "" if point.day == day else f" on day {wording.count(point.day)}"


def _group_note(view: View) -> str:
    if view.filters.group is None:
        return ""
    return (
        "A site's curve exists for all its patients only. With a group chosen, the page compares the group at all "
        "sites with all patients of all sites."
    )


def _days_note(lines: Sequence[Line]) -> str:
    """What is suppressed of the curves, where anything is."""
    days = [*_DAYS.values()]
    read = [(line.curve, day, line.curve.near(day)) for line in lines for day in days]
    if all(curve.has_ended(day) or (point is not None and point.day == day) for curve, day, point in read):
        return ""
    return (
        "For all sites a day is shown only if enough patients had the outcome or left follow-up since the previous day "
        "shown. For a suppressed day, the nearest day shown within 30 days is given, or the shares before and after it."
    )


def _curves(view: View, outcome: _Outcome, lines: Sequence[Line]) -> Card:
    shown = [line for line in lines if line.curve.shown]
    title = f"{outcome.title} since the fusion"
    missing = [_why_missing(view, line) for line in lines if not line.curve.shown]
    if not shown:
        return Card("curve", title, body=missing)
    whose = " and ".join(line.who for line in shown)
    return Card(
        "curve",
        title,
        sentence=f"Cumulative share of patients {outcome.happens}, {whose}, with 95{_PERCENT} bands.",
        figure=drawing.incidence(shown),
        css_class="chart chart--tall",
        below=[(f"Patients at risk: {line.who}", drawing.at_risk(line, shown)) for line in shown],
        table=_curve_table(outcome, shown),
        notes=[*missing, *(_end_note(view, line) for line in shown), _dotted_note(shown), _group_note(view)],
        basis=f"{wording.count(shown[0].curve.patients)} patients at the start",
        about="The Aalen-Johansen estimate of the share of patients who have had the outcome by each day, with "
        "death as a competing event. The band is the pointwise 95 % interval.",
    )


def _why_missing(view: View, line: Line) -> str:
    """Why there is no curve, and what would change it."""
    who = wording.sentence_case(line.who)
    if line.curve.is_suppressed:
        return (
            f"{who}: suppressed, because the curve would disclose a count of fewer than "
            f"{view.minimum_cell_count} patients. It is shown once more patients have the outcome."
        )
    if line.curve.points:
        return (
            f"{who}: fewer than {view.minimum_cell_count} patients are at risk. The curve is shown once there are more."
        )
    return f"{who}: no patient is followed in a table that records the outcome. The curve is shown once one is."


def _end_note(view: View, line: Line) -> str:
    who = wording.sentence_case(line.who)
    if not any(point.state == ENDED for point in line.curve.points):
        return ""
    return (
        f"{who}: the curve ends on day {wording.count(line.curve.last_day)}, because fewer than "
        f"{view.minimum_cell_count} patients are at risk after it."
    )


def _dotted_note(lines: Sequence[Line]) -> str:
    """What dots and dashes stand for, where a day between two known ones is suppressed."""
    last_days = ((line.curve, line.curve.last_day) for line in lines)
    if not any(point.state == SUPPRESSED and point.day < last for curve, last in last_days for point in curve.points):
        return ""
    return (
        "Dotted: suppressed days, in which too few patients had the outcome or left follow-up; the curve lies between "
        f"the values at both ends. {wording.DASH} under the axis: suppressed, or the curve has ended. Counts of all "
        "sites are rounded to 10."
    )


def _curve_table(outcome: _Outcome, lines: Sequence[Line]) -> Table:
    """The days on which any of the curves is known."""
    known = [{point.day: point for point in line.curve.shown} for line in lines]
    rows = [
        [
            Cell(wording.count(day), day),
            *(
                cell
                for line, points in zip(lines, known, strict=True)
                for cell in _day_cells(line.curve, points.get(day))
            ),
        ]
        for day in sorted({day for points in known for day in points})
    ]
    heads = [f"{line.name}: {head}" for line in lines for head in ("percent", "95 % interval", "at risk")]
    return Table(
        f"{outcome.title}: cumulative incidence by day", ("Day since fusion", *heads), rows, 3 * len(lines) + 1
    )


def _day_cells(curve: Curve, point: CurvePoint | None) -> list[Cell]:
    if point is None:
        return [Cell(wording.DASH, SUPPRESSED), Cell(""), Cell(wording.DASH, SUPPRESSED)]
    return [
        Cell(f"{100 * (point.incidence or 0):.1f}", round(100 * (point.incidence or 0), 2)),
        Cell("" if point.low is None else f"{100 * point.low:.1f}–{100 * (point.high or 0):.1f}"),
        counted(point.at_risk),
    ]


def _measures(view: View, outcome: _Outcome) -> Card:
    rows = chosen(rows_of(view), outcome.measures)
    return Card(
        "measures",
        outcome.measures_title,
        sentence=f"{_whose(view)}. {outcome.measures_say}",
        table=values_table(view, outcome.measures_title, rows),
        is_table=True,
        notes=[outcome.measures_note, *notes_on_values(view, rows)],
    )


def _types(view: View) -> Card:
    """How many had a revision of each type, the most frequent first."""
    rows = by_size([row for row in rows_of(view).values() if _is_type(row.measure)])
    everyone = rows_of(view).get(_ANY_REVISION)
    card = Card(
        "types",
        "Types of revision",
        sentence=f"Share of patients with a revision of each type: {_whose(view)}, the most frequent first.",
        notes=["A patient may have revisions of several types."],
        basis=wording.basis(everyone.measure, everyone.value) if everyone else "",
    )
    return bars_card(view, card, rows)


def _is_type(measure: Measure) -> bool:
    """Whether a measure counts the revisions of one type."""
    return measure.label is not None and measure.label.startswith("revision_") and measure.label != _ANY_REVISION


def _whose(view: View) -> str:
    group = f", {wording.narrowed(view.filters)}" if view.filters.group else ""
    return f"{view.who}{group}"


def _groups(view: View, outcome: _Outcome) -> Card:
    """Each group's share by the leading year, of all sites."""
    day, found = _DAYS[_LEADING], curves.by_group(view.reader, outcome.code)
    known = [(wording.group_of_kind(*group), found.get(group, Curve(()))) for group in view.choices.groups]
    points = [curve.near(day) for _, curve in known]
    spans = [None if point else _span(curve, day) for point, (_, curve) in zip(points, known, strict=True)]
    texts = [_read(curve, day) for _, curve in known]
    title = f"By group of patients, {_within(_LEADING)}"
    return Card(
        "groups",
        title,
        sentence=f"Share {outcome.happens} {_within(_LEADING)} of the fusion by approach, levels, age and indication, "
        "at all sites.",
        figure=drawing.at_horizon(
            points, spans, [f"{name}: {text}" for (name, _), text in zip(known, texts, strict=True)]
        ),
        css_class="rows--groups",
        beside=[(name, text) for (name, _), text in zip(known, texts, strict=True)],
        table=Table(
            f"{outcome.title}: {title[:1].lower()}{title[1:]}",
            ("Group", *_READ_HEAD),
            [[name, *_read_cells(curve, day)] for name, curve in known],
            4,
        ),
        notes=[
            "Dotted: the day is suppressed; the share lies on the dotted line." if any(spans) else "",
            f"Suppressed: the curve would disclose a count of fewer than {view.minimum_cell_count} patients."
            if SUPPRESSED in texts
            else "",
            "Groups differ in more than the named characteristic: this is not a comparison of treatments.",
        ],
    )


def _kinds(view: View, outcome: _Outcome) -> Card:
    card = Card("kinds", outcome.kinds_title, body=["No patient has it so far."])
    found = measures.kinds(view.reader, outcome.kinds_of)
    return counts_card(view, card, "Kind", found, {"color": style.GREY})
