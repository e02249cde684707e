"""One measure: what it shows in a sentence, over time, among sites, by group, and what it means."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.charts import style, trend
from dashboards.charts.bars import Bar, bars
from dashboards.charts.funnel import funnel
from dashboards.charts.groups import interval_rows
from dashboards.data import answers, comparison, control, measures
from dashboards.data.answers import MissingAnswers
from dashboards.data.comparison import Compared
from dashboards.data.control import ChartPoint
from dashboards.data.measures import Count, Measure, Value
from dashboards.data.published import published
from dashboards.pages.frame import Page, View
from dashboards.pages.number import (
    VALUE_HEAD,
    big_number,
    counted,
    hidden_or_counted,
    in_short,
    value_cells,
    with_interval,
)
from dashboards.rendering import part
from dashboards.reviews.notes import KINDS, REASONS, WITHDRAWALS, key_of, noted, withdrawn
from outcomes.errors import OutcomesError
from outcomes.site_files import Annotation, WithdrawnAnnotation
from outcomes.sql.catalog.labels import label_definition
from outcomes.statistics.control_charts import QUARTER

_SIMILAR = {"similar": 2.0, "case_mix": 1.1}
"""Peers of similar size, or case mix, have at most so many times the patients, or the expected share, and at least that
part of it."""


_ANSWERS_HEAD = ("Which share", "Share", "95 % interval", "Patients")
_EVER = (
    "At any time while observed: this share grows with the time observed and the number of visits. It describes, and "
    "is compared neither between sites nor over time."
)
_INCIDENCE = (
    "Cumulative incidence (Aalen-Johansen), the value of the curve on that day: patients observed more briefly count "
    "for the time observed, so that it is not the one count over the other."
)
_BY_YEARS = (
    "A site that gives the year of surgery and no month has no chart by month: see the years here, and the cumulative "
    "sums on the page of the signals."
)
_FUNNEL_HEAD = (
    "Site", "Adjusted share", "Patients followed", "Observed over expected", "95 % interval", "95 % limits",
    "99.8 % limits", "In the funnel",
)  # fmt: skip
_FUNNEL_NOTE = (
    "Adjusted for case mix; peers are not named and not ranked, but who knows how many patients they have may "
    "recognise them. Hollow: follow-up less than 80 % complete. "
    "A difference may be due to case mix that is not recorded."
)


def measure_page(view: View, name: str) -> Page | None:
    """The page of a measure; None when there is no such measure."""
    measure = view.measures.get(name)
    if measure is None:
        return None
    lead = "" if measure.is_compared else wording.all_years(view.filters)
    view = view if measure.is_compared else view.of_all_years()
    value = measures.values(view.reader, view.filters).get(name)
    cards = [
        _statement(view, measure, value),
        *_unanswered(view, measure),
        *(_trend(view, measure) if measure.is_compared else []),
        *_funnel(view, measure),
        *_published(measure),
        _groups(view, measure),
        _reasons(view, measure),
        *_kinds(view, measure),
        _definition(view, measure),
    ]
    return Page(measure.title, cards, ("period", "group", "peers") if measure.is_compared else ("group",), lead)


def _statement(view: View, measure: Measure, value: Value | None) -> Card:
    everybody = measures.values(view.reader, view.filters.of_all_sites()).get(measure.measure) if view.site else None
    rows: list[list[Cell | str]] = [
        [who, *value_cells(measure, of_who)]
        for who, of_who in ((view.who, value), ("All sites", everybody))
        if of_who is not None
    ]
    return Card(
        "value",
        view.who if not view.filters.are_narrow else f"{view.who}: {wording.narrowed(view.filters)}",
        body=[big_number(measure, value)],
        sentence=measure.why,
        table=Table(f"{measure.title}, now", ("Whose", *VALUE_HEAD), rows, numbers=5, is_stacked=True),
        is_table=True,
        notes=[
            "Counts of all sites are rounded to 5; the site's own are exact." if view.site else "",
            "" if measure.is_compared else _EVER,
            _INCIDENCE if measure.is_incidence else "",
        ],
    )


def _unanswered(view: View, measure: Measure) -> list[Card]:
    """Beside the share observed: how far those who did not answer could change it."""
    if view.site is None:
        return []
    one = answers.missing(view.reader, view.site.site_id).get(measure.measure)
    if one is None:
        return []
    card = Card("unanswered", "Who did not answer")
    if not one.answered:
        return [replace(card, body=["Nobody has answered yet. The figures are shown with the first answer."])]
    everybody = one.answered + one.not_answered
    rows: list[list[Cell | str]] = [
        ["Observed, among those who answered", _share(one.share, one.answered), "", counted(one.answered)],
        ["If all others had said no", _share(one.share_if_missing_no, everybody), "", counted(everybody)],
        ["If all others had said yes", _share(one.share_if_missing_yes, everybody), "", counted(everybody)],
        [
            "If the others were like those who answered and looked like them",
            _share(one.weighted_share, one.answered),
            _limits(one),
            counted(one.answered),
        ],
    ]
    return [
        replace(
            card,
            sentence=f"Observed {wording.percent(one.share or 0, one.answered)} of {wording.count(one.answered)}. "
            f"{wording.unanswered(one)}",
            table=Table(f"{measure.title}: with and without those who did not answer", _ANSWERS_HEAD, rows, numbers=3),
            is_table=True,
            notes=[
                "Looked like them: in age, sex, the score before surgery, approach, levels and site. Where those who "
                "did not answer differ in something else, the weighted share is as wrong as the observed one; only "
                "the two bounds are certain. All periods and patients, whatever the filters."
            ],
        )
    ]


def _share(share: float | None, patients: int) -> Cell:
    return Cell(wording.DASH if share is None else wording.percent(share, patients), share)


def _limits(one: MissingAnswers) -> str:
    if one.weighted_low is None or one.weighted_high is None:
        return ""
    return wording.limits(one.weighted_low, one.weighted_high, one.answered)


def _trend(view: View, measure: Measure) -> list[Card]:
    """The control chart of one's own site with what happened, and the years."""
    cards: list[Card] = []
    if view.site and not view.filters.are_narrow:
        cards += [_control_chart(view, measure, view.site.site_id), *_annotate(view, measure)]
    site_id = view.site.site_id if view.site else None
    years = measures.by_year(view.reader, measure.measure, site_id)
    cards.append(_years(view, measure, years))
    if site_id and cards[0].figure is None and cards[0].name == "trend" and any(year.estimate for year in years):
        cards[0] = replace(cards[0], body=[*cards[0].body, _BY_YEARS])
    return cards


def _control_chart(view: View, measure: Measure, site_id: str) -> Card:
    points = control.chart(view.reader, measure.measure, site_id)
    known = [point for point in points if point.value is not None and point.is_judged]
    chart = next((point.chart for point in points if point.chart), None)
    if len(known) < 2 or chart is None:
        reason = points[0].reason_for_chart if points else "no month has a value"
        return Card("trend", "By month", body=[f"There is no control chart yet: {reason}."])
    patients = control.patients(view.reader, measure.measure, site_id, points)
    factor = trend.scale(measure, chart)
    special = [point for point in known if point.is_special]
    limits = ("Average", "Lower limit", "Upper limit")
    head = (
        f"{_period_word(known).capitalize()} of fusion",
        trend.unit(measure, chart),
        "Patients",
        *limits,
        "Variation",
        "Rules",
        "Note",
    )
    rows: list[list[Cell | str]] = [
        [
            point.index_period,
            _decimal(point.value, factor),
            counted(patients[point.index_period]),
            *(_decimal(number, factor) for number in (point.centre, point.lower, point.upper)),
            wording.variation(point.variation),
            wording.rules(point.rules) if point.rules else "",
            point.annotation or "",
        ]
        for point in points
    ]
    return Card(
        "trend",
        f"By {_period_word(known)} of fusion",
        sentence=f"{measure.title} at {view.who}: {_signal(special, known)}",
        figure=trend.control_chart(measure, points, patients),
        css_class="chart chart--tall",
        table=Table(f"{measure.title} by {_period_word(known)} of fusion", head, rows, numbers=0),
        notes=[
            f"{wording.CHARTS[chart]}: {known[-1].reason_for_chart}.",
            "Shaded: the expected range, between the limits, where values lie as long as nothing changes.",
            "The target is a share, and is not drawn." if chart == "g" and points[-1].target is not None else "",
            _not_mature(points),
            "Fewer than 12 values: trial limits, which will still change." if known[-1].has_trial_limits else "",
            _false_alarms(known[-1].false_alarm_rate),
            *_annotations(points),
        ],
        basis=f"{wording.plural(len(known), _period_word(known))} with a value",
        about="A control chart distinguishes a change from the variation that is always present. Points within the "
        "limits and without a pattern need no individual explanation.",
    )


def _annotate(view: View, measure: Measure) -> list[Card]:
    """A form to say what happened in a month, for one's own site."""
    if view.site is None or view.reviews is None:
        return []
    months = [point.index_period for point in control.chart(view.reader, measure.measure, view.site.site_id)]
    if not months:
        return []
    asked = {"site": view.site.site_id, "measure": measure.measure, "release": view.reader.release_id}
    fields = [
        ("month", "From", [(month, wording.period(month)) for month in reversed(months)]),
        ("kind", "What", [(kind, wording.in_words(kind)) for kind in KINDS]),
        ("reason", "Because of", [(reason, wording.in_words(reason)) for reason in REASONS]),
    ]
    said = (
        "A note stands at its month; where limits start anew, months before and after it are judged by limits of their "
        "own. Your name stands with it. The next release shows it."
    )
    form = part("annotate", f"/annotations?{urlencode(asked)}", fields, "Note it")
    return [Card("annotate", "Note what happened", body=[said, form, *_notes(view, asked)])]


def _notes(view: View, asked: Mapping[str, str]) -> list[str | Markup]:
    """What has been noted of a chart, whether the release shows it already or the next one will; a form to take it
    back, and what was."""
    if view.settings is None:
        return []
    site_id, measure = asked["site"], asked["measure"]
    try:
        notes = noted(view.settings, measures.known_to_files(view.reader), site_id, measure)
        history = withdrawn(view.settings, site_id, measure)
    except OutcomesError:
        return []
    body: list[str | Markup] = []
    if notes:
        fields = [
            ("note", "Note", [(key_of(note), _noted(note)) for note in notes]),
            ("reason", "Because of", [(reason, wording.in_words(reason)) for reason in WITHDRAWALS]),
        ]
        body += [
            part("lines", ["Noted so far:", *map(_noted, notes)]),
            "A note taken back stays in the list below, with your name; the next release no longer shows it, nor do "
            "limits start anew from its month.",
            part("annotate", f"/annotations/withdraw?{urlencode(asked)}", fields, "Take it back"),
        ]
    taken_back = [
        f"{_noted(note)}; by {note.withdrawn_by} on {note.withdrawn_on}: {note.withdrawn_reason}" for note in history
    ]
    return [*body, *([part("lines", ["Taken back:", *taken_back])] if taken_back else [])]


def _noted(note: Annotation | WithdrawnAnnotation) -> str:
    return f"{wording.period(note.period)}: {note.text or wording.in_words(note.kind)} ({note.author})"


def _false_alarms(rate: float | None) -> str:
    if rate is None:
        return ""
    return f"Of 100 such charts on which nothing changes, about {100 * rate:.0f} show a signal within a year."


def _not_mature(points: Sequence[ChartPoint]) -> str:
    immature = [point for point in points if not point.is_judged]
    if not immature:
        return ""
    return (
        f"Hollow, from {wording.period(immature[0].index_period)} on: not mature, as follow-up is incomplete. "
        "Outcomes still to come would make these months look like an improvement."
    )


def _signal(special: Sequence[ChartPoint], known: Sequence[ChartPoint]) -> str:
    word = _period_word(known)
    if not special:
        return f"no signal in {wording.plural(len(known), word)}."
    last = special[-1]
    signals = wording.count(len({point.index_period for point in special}))
    latest = f"{wording.span(last.index_period, last.months)} ({wording.variation(last.variation).lower()})"
    return f"signals in {signals} of {wording.plural(len(known), word)}; the latest is {latest}."


def _period_word(known: Sequence[ChartPoint]) -> str:
    """What a chart is by: months, or quarters where months are too thin."""
    return "quarter" if known[-1].months == QUARTER else "month"


def _annotations(points: Sequence[ChartPoint]) -> list[str]:
    noted = [point for point in points if point.annotation]
    return [
        f"{place}, {wording.period(point.index_period)}: {point.annotation} "
        f"({point.annotation_author}: {point.annotation_reason})"
        for place, point in enumerate(noted, 1)
    ]


def _years(view: View, measure: Measure, values: Sequence[Value]) -> Card:
    peers = measures.by_year(view.reader, measure.measure, None) if view.site else []
    title = f"{measure.title} by year of fusion"
    if all(value.estimate is None for value in values):
        said = wording.no_year(any(value.is_suppressed for value in values), view.minimum_cell_count)
        return Card("years", "By year of fusion", body=[said])
    return Card(
        "years",
        "By year of fusion",
        sentence=f"{title}, with 95 % intervals"
        + ("; grey: all sites." if any(peer.estimate is not None for peer in peers) else "."),
        figure=trend.by_year(measure, values, peers),
        table=Table(
            title,
            ("Year of fusion", *VALUE_HEAD),
            [[value.index_period or "", *value_cells(measure, value)] for value in values],
            numbers=5,
        ),
        notes=[_years_without_value(measure, values), _hidden(view, [*values, *peers])],
        is_wide=view.site is None,
    )


def _years_without_value(measure: Measure, values: Sequence[Value]) -> str:
    """Which years of the chart have no point though nothing of them is suppressed, and why."""
    without = [value for value in values if value.estimate is None and not value.is_suppressed]
    if not without:
        return ""
    years = ", ".join(value.index_period or "" for value in without)
    return f"{years}: {wording.no_value(measure, without[-1]).lower()} yet."


def _funnel(view: View, measure: Measure) -> list[Card]:
    """Only outcomes with a risk model are compared between sites."""
    everybody = comparison.peers(view.reader, measure.measure)
    if not everybody:
        return []
    own = comparison.own(view.reader, view.site.site_id).get(measure.measure) if view.site else None
    others = [one for one in everybody if view.site is None or one.site_id != view.site.site_id]
    if view.filters.peers != "all" and own:
        others = [one for one in others if _is_like(one, own, view.filters.peers)]
    rows = [_compared_row(view.who, own)] if own else []
    rows += [_compared_row(f"Site {place}", one) for place, one in enumerate(_by_size(others), 1)]
    shown = [one for one in others if one.adjusted_share is not None]
    not_drawn = _not_drawn(len(others) - len(shown), len(others))
    if not shown and (own is None or own.adjusted_share is None):
        said = [_funnel_sentence(view, measure, own)] if own else []
        return [Card("funnel", "Among sites", body=[*said, *filter(None, [not_drawn])], is_wide=view.site is None)]
    return [
        Card(
            "funnel",
            "Among sites",
            sentence=_funnel_sentence(view, measure, own),
            figure=funnel(others, own, view.who),
            css_class="chart chart--tall",
            table=Table(f"{measure.title} among sites", _FUNNEL_HEAD, rows),
            notes=[_FUNNEL_NOTE, _chosen_peers(view) if own else "", _widened(everybody), not_drawn],
            basis=f"{wording.plural(len(shown), 'peer')} shown",
            about="If sites differed by chance alone, 95 % and 99.8 % of them would lie within the limits.",
            is_wide=view.site is None,
        )
    ]


def _published(measure: Measure) -> list[Card]:
    """What publications say, beside which this number can be read or cannot."""
    found = published(measure.measure)
    if not found:
        return []
    rows = [[one.figure, one.definition, one.source, "Yes" if one.is_comparable else "Not comparable"] for one in found]
    comparable = sum(one.is_comparable for one in found)
    said = "one is" if comparable == 1 else f"{comparable or 'none'} are"
    return [
        Card(
            "published",
            "Published figures",
            sentence=f"Of {wording.plural(len(found), 'published figure')}, {said} of the same definition. None is "
            "adjusted for the case mix of these patients.",
            table=Table(
                f"Published figures for {measure.title.lower()}",
                ("Figure", "What it counts", "Source", "Comparable"),
                rows,
                is_stacked=True,
            ),
            is_table=True,
        )
    ]


def _chosen_peers(view: View) -> str:
    if view.filters.peers == "all":
        return ""
    of = "size" if view.filters.peers == "similar" else "case mix"
    return (
        f"Only peers of similar {of} are drawn. What is expected, the limits, the years and the groups are those of "
        "all sites."
    )


def _widened(everybody: Sequence[Compared]) -> str:
    phi = next((one.phi for one in everybody if one.phi is not None), None)
    if phi is None:
        return ""
    return (
        f"Dashed: the limits widened for differences between sites, which vary {phi:.1f} times as much as by chance "
        "alone. A site between the two differs by more than chance, yet no more than sites often do."
    )


def _not_drawn(hidden: int, others: int) -> str:
    if not hidden:
        return ""
    return f"{hidden} of {wording.plural(others, 'peer')} are not shown: too few patients followed, or suppressed."


def _by_size(others: Sequence[Compared]) -> list[Compared]:
    """By patients, so that their place in the table does not tell which site it is, nor ranks them."""
    return sorted(others, key=lambda one: (one.patients is None, one.patients or 0, one.adjusted_share or 0))


def _is_like(one: Compared, own: Compared, peers: str) -> bool:
    """Whether a site has about as many patients as one's own, or about the same expected share of them."""
    other, mine = (_alike_by(site, peers) for site in (one, own))
    return other is not None and mine is not None and mine / _SIMILAR[peers] <= other <= mine * _SIMILAR[peers]


def _alike_by(site: Compared, peers: str) -> float | None:
    if not site.patients:
        return None
    return site.patients if peers == "similar" else None if site.expected is None else site.expected / site.patients


def _funnel_sentence(view: View, measure: Measure, own: Compared | None) -> str:
    if own is None:
        return f"{measure.title}, adjusted for case mix: each circle is a site."
    if own.adjusted_share is None:
        return f"{measure.title} at {view.who}: {wording.position(own).lower()}."
    place = wording.position(own).lower()
    expected = f"{wording.count(own.observed or 0)} observed, {own.expected:.1f} expected for its case mix"
    return f"{measure.title} at {view.who} is {place}: {expected}."


def _compared_row(name: str, one: Compared) -> list[Cell | str]:
    if one.adjusted_share is None:
        return [name, *[wording.DASH] * 6, wording.in_words(one.marking or "suppressed")]
    ratio = f"{one.ratio_low:.2f}–{one.ratio_high:.2f}" if one.ratio_low is not None else ""
    return [
        name,
        Cell(wording.percent(one.adjusted_share, one.patients or 0), one.adjusted_share),
        counted(one.patients),
        Cell(f"{one.ratio:.2f}", one.ratio),
        ratio,
        wording.limits(one.low_95, one.high_95, one.patients or 0) or wording.DASH,
        wording.limits(one.low_99_8, one.high_99_8, one.patients or 0) or wording.DASH,
        wording.position(one),
    ]


def _groups(view: View, measure: Measure) -> Card:
    """Small multiples: each group of patients in a row, one's own beside all sites."""
    values = measures.by_group(view.reader, measure.measure, view.site.site_id if view.site else None)
    everybody = (
        {(one.stratum_kind, one.stratum): one for one in measures.by_group(view.reader, measure.measure, None)}
        if view.site
        else {}
    )
    factor = trend.scale(measure, None)
    names = [wording.group_of_kind(one.stratum_kind, one.stratum or "") for one in values]
    said = [(name, in_short(measure, one)) for name, one in zip(names, values, strict=True)]
    others = [everybody.get((one.stratum_kind, one.stratum)) for one in values]
    figure = interval_rows(
        [with_interval(measure, one) for one in values],
        [None if one is None or one.estimate is None else factor * one.estimate for one in others],
        [f"{name}: {text}" for name, text in said],
        "" if measure.is_rate else " %",
    )
    return Card(
        "groups",
        "By group of patients",
        sentence=f"{measure.title} by approach, levels, age and indication, with 95 % intervals"
        + ("; circles: all sites." if any(one and one.estimate is not None for one in others) else "."),
        figure=figure,
        css_class="rows--groups",
        beside=said,
        table=Table(
            f"{measure.title} by group of patients",
            ("Group", *VALUE_HEAD),
            [[name, *value_cells(measure, one)] for name, one in zip(names, values, strict=True)],
            numbers=5,
        ),
        notes=[
            "Groups differ in more than the named characteristic: this is not a comparison of treatments.",
            _hidden(view, [*values, *(one for one in others if one)]),
        ],
    )


def _reasons(view: View, measure: Measure) -> Card:
    found = measures.reasons(view.reader, measure.measure, view.site.site_id if view.site else None)
    empty = ["There is no patient who could not be assessed."]
    card = Card("reasons", "Why patients could not be assessed", body=empty, is_wide=False)
    return counts_card(view, card, "Reason", found, style.HATCHED)


def _kinds(view: View, measure: Measure) -> list[Card]:
    """The kinds of a label, where the measure counts all of it."""
    found = measures.kinds(view.reader, measure.measure) if measure.label == measure.measure else []
    card = Card("kinds", "Kinds, at all sites", is_wide=False)
    return [counts_card(view, card, "Kind", found, {"color": style.GREY})] if found else []


def counts_card(view: View, card: Card, of_what: str, found: Sequence[Count], marker: dict[str, Any]) -> Card:
    """Patients by category as horizontal bars, most frequent first.

    Args:
        view: the release.
        card: its name, title and width, and the body that it has when nothing is found.
        of_what: what the categories are.
        found: the categories.
        marker: how the bars are filled.
    """
    if not found:
        return card
    rows = [Bar(wording.in_words(one.code), one.patients, hidden_or_counted(one.patients).text) for one in found]
    first = f"{rows[0].name[:1].lower()}{rows[0].name[1:]}"
    return replace(
        card,
        sentence=f"Most frequent: {first}, {rows[0].text} patients."
        if rows[0].length
        else "Every count is suppressed.",
        figure=bars(rows, marker),
        css_class="rows--bars",
        body=(),
        beside=[(row.name, "") for row in rows],
        table=Table(
            f"{card.title}: patients by {of_what.lower()}",
            (of_what, "Patients"),
            [[row.name, Cell(row.text, row.length)] for row in rows],
            numbers=1,
        ),
        notes=[wording.hidden_note(view.minimum_cell_count) if any(one.is_suppressed for one in found) else ""],
    )


def _definition(view: View, measure: Measure) -> Card:
    terms = [
        ("With the outcome", measure.numerator),
        ("Assessed", measure.denominator),
        ("Not assessed", measure.exclusions),
        ("Direction", wording.DIRECTIONS[measure.direction]),
        ("Owner", measure.owner),
        ("Next review", wording.period(measure.next_review)),
        ("Definition", f"{measure.measure}, version {measure.version}"),
    ]
    return Card(
        "definition",
        "What this measure means",
        body=[
            part("terms", terms),
            *([part("sql", measure.label, label_definition(measure.label).file.select)] if measure.label else []),
            part("way", "All definitions", view.href("/definitions")),
        ],
    )


def _hidden(view: View, values: Sequence[Value]) -> str:
    return wording.hidden_note(view.minimum_cell_count) if any(value.is_suppressed for value in values) else ""


def _decimal(number: float | None, factor: float) -> Cell:
    return Cell(wording.DASH) if number is None else Cell(f"{factor * number:.1f}", round(number, 6))
