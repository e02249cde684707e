"""Signals of one's own site: which there are, what the team made of them, and the cumulative charts behind them."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from urllib.parse import urlencode

from markupsafe import Markup

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.charts.cusum import cusum_chart, excess_chart, said_net
from dashboards.charts.spark import variation_sign
from dashboards.data import control, signals
from dashboards.data.control import CusumPoint
from dashboards.data.measures import Measure, Site
from dashboards.data.signals import Signal
from dashboards.pages.frame import Page, View
from dashboards.pages.monthly_log import monthly_log
from dashboards.pages.number import counted
from dashboards.rendering import part
from dashboards.reviews.earlier import Earlier, earlier_work
from dashboards.reviews.queue import (
    ACTIONS,
    FINDINGS,
    LATEST_DUE,
    NEXT,
    OUTCOMES,
    OWNERS,
    Review,
    State,
    decides,
    today,
)
from outcomes.errors import OutcomesError

_MOST_LISTED = 100
"""Signals in the queue; nobody reviews more at a time."""
_MOST_PRINTED = 12
"""Signals in the summary of a report, which has two pages in all."""
_HEAD = ("Measure", "Signal", "Fused in", "Evidence", "State", "Last change", "Next step")
_BUTTONS: dict[tuple[State, State], str] = {
    ("new", "reviewing"): "Start review",
    ("reviewing", "explained"): "Mark as explained",
    ("reviewing", "acting"): "Agree an action",
    ("explained", "closed"): "Close",
    ("explained", "reviewing"): "Review again",
    ("acting", "closed"): "Close with outcome",
    ("acting", "reviewing"): "Review again",
}
_FIELDS: dict[str, tuple[str, Sequence[str]]] = {
    "finding": ("Finding", FINDINGS),
    "action": ("Action", ACTIONS),
    "owner": ("Owner", OWNERS),
    "due": ("Due", ()),
    "outcome": ("Outcome", OUTCOMES),
}
"""What a move may decide, in the order in which it is asked: its name, and what can be chosen."""


def signals_page(view: View) -> Page:
    """The signals of the site that is chosen, with its review queue; of all sites a sentence."""
    site = view.site
    if site is None:
        return Page("Signals", [_no_site(view)])
    found = signals.signals(view.reader, site.site_id)
    try:
        reviews = view.reviews.of_site(view.reader.scope, site.site_id) if view.reviews else {}
    except OutcomesError:
        return Page("Signals", [_no_queue(), *_cumulative(view, site)])
    # Those that are closed ask for nothing any more; overdue actions come first.
    queue = sorted(
        ((signal, reviews.get(signal.id, Review())) for signal in found if not signal.is_archived),
        key=lambda each: (each[1].state == "closed", not each[1].is_overdue(today())),
    )
    archived = [signal for signal in found if signal.is_archived]
    listed = {signal.id for signal, _ in queue}
    before = {signal.id: work for signal, _ in queue if (work := earlier_work(signal, reviews)) is not None}
    referred = {work.signal for work in before.values()}
    # What was taken up and not closed, of signals that the queue has no more: the work on it goes on.
    left = {
        name: review
        for name, review in reviews.items()
        if name not in listed and (review.state != "closed" or name in referred)
    }
    cards = [
        _state(view, queue),
        *_queue(view, queue, before),
        *_earlier(view, left),
        *_archive(view, archived),
        *monthly_log(view, site.site_id),
    ]
    return Page("Signals", [*cards, *_cumulative(view, site)], filters=("month",))


def listed_signals(view: View, site_id: str) -> Card:
    """The signals of a release in short, concerning ones first, without what a team made of them."""
    found = [one for one in signals.signals(view.reader, site_id) if not one.is_archived]
    if not found:
        return Card("signals", "Signals", body=["The release holds no signal of this site."])
    concerning = sum(one.variation == "special_concerning" for one in found)
    more = len(found) - _MOST_PRINTED
    rest = f" The first {_MOST_PRINTED} are listed; the others are on the page Signals." if more > 0 else ""
    rows: list[list[Cell | str]] = [
        [_measure(view, one), _said(one), Cell(wording.signal_periods(one), one.first)] for one in found[:_MOST_PRINTED]
    ]
    return Card(
        "signals",
        "Signals",
        sentence=f"{wording.plural(len(found), 'signal')}, {wording.count(concerning) if concerning else 'none'} of "
        f"concern.{rest}",
        table=Table("Signals, those of concern first", _HEAD[:3], rows, is_stacked=True),
        is_table=True,
    )


def _no_site(view: View) -> Card:
    said = "Signals are listed by site, as the people who treated the patients have to find out what has changed. "
    there = "Choose a site above to see its signals." if view.choices.sites else "You have access to no site."
    return Card("queue", "Signals belong to a site", body=[said + there])


def _no_queue() -> Card:
    said = (
        "The review queue cannot be read at the moment, so no signal is listed; nothing is lost. Ask the administrator "
        "of these dashboards to check reviews.sqlite. The cumulative charts below are not affected."
    )
    return Card("queue", "Review queue", body=[said])


def _state(view: View, queue: Sequence[tuple[Signal, Review]]) -> Card:
    """The first thing seen: how many signals ask for something."""
    states = [review.state for _, review in queue]
    new, reviewing = states.count("new"), states.count("reviewing")
    concerning = sum(
        signal.variation == "special_concerning" and review.state in ("new", "reviewing") for signal, review in queue
    )
    of_these = wording.count(concerning) if concerning else "None"
    overdue = sum(review.is_overdue(today()) for _, review in queue)
    late = f" ({wording.count(overdue)} overdue)" if overdue else ""
    done = (
        f"{states.count('acting')} with an action{late}, {states.count('explained')} explained, "
        f"{states.count('closed')} closed."
    )
    return Card(
        "state",
        f"{view.who}: signals",
        body=[
            part("numbers", [(wording.count(new), " new, "), (wording.count(reviewing), " under review")]),
            f"{of_these} of these {'is' if concerning == 1 else 'are'} concerning. {done}",
        ],
        about="A signal is a pattern that chance alone rarely produces. It raises a question and does not answer it: "
        "check the data first, then the patients, then the care.",
    )


def _queue(view: View, queue: Sequence[tuple[Signal, Review]], before: Mapping[str, Earlier]) -> list[Card]:
    if not queue:
        said = (
            "No signal: nothing that can be judged stands out. Signals of control charts and cumulative sums, and "
            "outcomes beyond the limits of the funnel, are listed here."
        )
        return [Card("queue", "Review queue", body=[said])]
    return [
        Card(
            "queue",
            "Review queue",
            sentence="Overdue actions first; then concerning signals, improving ones, and those that are neither; the "
            "latest first.",
            table=Table(
                "Signals, their state, and what can be done",
                _HEAD,
                [_row(view, signal, review, before.get(signal.id)) for signal, review in queue[:_MOST_LISTED]],
                is_stacked=True,
            ),
            is_table=True,
            notes=[
                f"The first {_MOST_LISTED} of {wording.count(len(queue))}: others move up as these are closed."
                if len(queue) > _MOST_LISTED
                else "",
                "Control charts: signals that reach into the last 12 months with a value. Consecutive months with the "
                "same rule are one signal. Cumulative sums: every signal of the last two years. Funnel: outcomes "
                "beyond its limits over all years, once for each year to which the data reach.",
                "Your name and the time are recorded with each change of state. There is no free text, so that no "
                "patient is named here: keep the details in your minutes.",
            ],
        )
    ]


def _row(view: View, signal: Signal, review: Review, before: Earlier | None) -> list[Cell | str]:
    measure = view.measures[signal.measure]
    said = _said(signal)
    return [
        _measure(view, signal),
        Cell(said, content=part("signal", variation_sign(signal.variation, ""), said, signal.anchor)),
        Cell(wording.signal_periods(signal), signal.first),
        Cell("", content=part("ways", _evidence(view, signal))),
        _standing(review, before),
        _last_moved(review),
        Cell("", content=_forms(view, signal.id, review, f"{measure.title}, {wording.signal_periods(signal)}")),
    ]


def _said(signal: Signal) -> str:
    return f"{wording.variation(signal.variation)}: {wording.rules(signal.method)}"


def _measure(view: View, signal: Signal) -> Cell:
    return Cell(view.measures[signal.measure].title, signal.measure, href=view.href(f"/measure/{signal.measure}"))


def _evidence(view: View, signal: Signal) -> list[tuple[str, str]]:
    """What shows a signal, and the patients behind it for who may see them."""
    of_measure = f"/measure/{signal.measure}"
    if signal.is_cusum:
        found = [("Cumulative sum", f"#cusum-{signal.measure}")]
    elif signal.is_of_funnel:
        found = [("Funnel", view.href(of_measure, "funnel", period=None, group=None))]
    else:
        found = [("Control chart", view.href(of_measure, "trend", period=None, group=None))]
    if view.may_see_cases:
        found.append(("Patients", view.href(f"/cases/signal/{signal.id}", period=None, group=None)))
    return found


def _standing(review: Review, before: Earlier | None) -> Cell | str:
    """Where a signal stands, and what became of that of an earlier year."""
    said = _state_in_words(review)
    if before is None:
        return said
    earlier = wording.earlier(before)
    content = part("standing", said, earlier, f"#{signals.anchor_of(before.signal)}")
    return Cell(f"{said}. {earlier}.", content=content)


def _state_in_words(review: Review) -> str:
    if review.state in ("new", "reviewing"):
        return wording.state(review.state)
    return f"Overdue. {wording.reviewed(review)}" if review.is_overdue(today()) else wording.reviewed(review)


def _last_moved(review: Review) -> str:
    if not review.at:
        return ""
    return f"{review.user}, {wording.day(date.fromisoformat(review.at[:10]))}, {review.at[11:16]}{wording.NBSP}UTC"


def _forms(view: View, signal_id: str, review: Review, of_what: str) -> Markup | None:
    """A form for each state that may follow."""
    if view.reviews is None or not NEXT[review.state]:
        return None
    asked = urlencode({"signal": signal_id, "after": review.moves, "release": view.reader.release_id})
    forms = [
        (to, _BUTTONS[review.state, to], [_field(name) for name in _FIELDS if name in decides(review.state, to)])
        for to in NEXT[review.state]
    ]
    return part("moves", f"/reviews?{asked}", of_what, forms)


def _field(name: str) -> tuple[str, str, list[tuple[str, str]], tuple[date, date] | None]:
    """Name, label and options of what is asked; of a day the first and the last that may be chosen."""
    label, codes = _FIELDS[name]
    days = (today(), today() + timedelta(days=LATEST_DUE)) if name == "due" else None
    return name, label, [(code, wording.in_words(code)) for code in codes], days


def _earlier(view: View, left: Mapping[str, Review]) -> list[Card]:
    if not left:
        return []
    rows = [_earlier_row(view, name, review) for name, review in sorted(left.items())]
    return [
        Card(
            "earlier",
            "Earlier signals",
            sentence=f"{wording.plural(len(rows), 'signal')} found no more, or archived: those with work that is not "
            "closed, and those of which a new year's signal says the same again.",
            table=Table(
                "Earlier signals and the work on them", ("Measure", "Found by", *_HEAD[4:]), rows, is_stacked=True
            ),
            is_table=True,
        )
    ]


def _earlier_row(view: View, name: str, review: Review) -> list[Cell | str]:
    title, found_by = wording.named_signal(name, view.measures)
    return [
        Cell(title, name),
        Cell(found_by, content=part("signal", "", found_by, signals.anchor_of(name))),
        _state_in_words(review),
        _last_moved(review),
        Cell("", content=_forms(view, name, review, f"{title}, {found_by}")),
    ]


def _archive(view: View, archived: Sequence[Signal]) -> list[Card]:
    """Signals of the cumulative sums that are too old to ask for work."""
    if not archived:
        return []
    rows: list[list[Cell | str]] = [
        [
            _measure(view, one),
            _said(one),
            Cell(wording.signal_periods(one), one.first),
        ]
        for one in archived
    ]
    return [
        Card(
            "archive",
            "Archive",
            sentence=f"{wording.plural(len(rows), 'signal')} of the cumulative sums, more than two years before the "
            "latest period of the measure; choose the table in the menu of this card.",
            table=Table("Archived signals", _HEAD[:3], rows, is_stacked=True),
        )
    ]


def _cumulative(view: View, site: Site) -> list[Card]:
    """For each headline outcome the patients more than expected, and beside them the CUSUM, which judges them."""
    of_site = control.cusum(view.reader, site.site_id)
    cards: list[Card] = []
    for measure in view.headlines:
        points = of_site.get(measure.measure)
        cards += (
            [_excess(view, measure, points), _cusum(view, measure, points)] if points else [_no_sums(view, measure)]
        )
    return cards


def _no_sums(view: View, measure: Measure) -> Card:
    said = (
        f"No patient of {view.who} can be assessed for this outcome yet. The charts are shown once the site delivers "
        "the data that the definition needs and follow-up is long enough."
    )
    return Card(f"cusum-{measure.measure}", f"{measure.title}: cumulative charts", body=[said])


def _cusum(view: View, measure: Measure, points: Sequence[CusumPoint]) -> Card:
    rows: list[list[Cell | str]] = [
        [
            point.index_period,
            counted(point.patients),
            *(
                Cell(f"{number:.2f}", round(number, 6))
                for number in (point.cusum_upper, point.threshold_upper, point.cusum_lower, point.threshold_lower)
            ),
            _side(point.signal, measure.direction),
        ]
        for point in points
    ]
    head = ("Period of fusion", "Patients", "Sum (more)", "Limit (more)", "Sum (fewer)", "Limit (fewer)", "Signal")
    return Card(
        f"cusum-{measure.measure}",
        f"{measure.title}: cumulative sum",
        sentence=f"{measure.title} at {view.who}: {_signalled(points)}",
        figure=cusum_chart(points, measure.direction),
        table=Table(f"{measure.title}: cumulative sums by period of fusion", head, rows),
        notes=[
            "Upwards: evidence that the odds, or the rate, of the outcome are twice those that the risk model expects "
            "for these patients; downwards: half. A sum that reaches its dotted limit signals and restarts at zero. "
            f"Marks: {wording.SPECIAL}"
        ],
        basis=f"{wording.count(sum(point.patients for point in points))} patients",
        about="Risk-adjusted cumulative sum (CUSUM): each patient changes the sums by the evidence that the "
        "outcome gives at the patient's own risk. At a site that is as expected, chance alone gives a signal in about "
        f"{100 * points[-1].false_alarm_rate:.0f} of 100 years.",
        is_wide=False,
    )


def _signalled(points: Sequence[CusumPoint]) -> str:
    found = [point for point in points if point.signal is not None]
    unit = "year" if len(points[-1].index_period) == len("YYYY") else "month"
    if not found:
        return f"no signal in {wording.plural(len(points), unit)}."
    times = f"signals in {wording.count(len(found))} of {wording.plural(len(points), unit)}"
    latest = found[-1]
    return f"{times}; the latest is {wording.period(latest.index_period)}, {wording.rules(f'cusum_{latest.signal}')}."


def _side(signal: str | None, direction: str) -> str:
    if signal is None:
        return ""
    meant = wording.variation(signals.variation_of(signal, direction))
    return f"{meant}: {wording.rules(f'cusum_{signal}')}"


def _excess(view: View, measure: Measure, points: Sequence[CusumPoint]) -> Card:
    """How many patients more than expected, since the first, and what its alarms say."""
    rows: list[list[Cell | str]] = [
        [
            point.index_period,
            counted(point.patients),
            counted(point.observed),
            Cell(f"{point.expected:.1f}", round(point.expected, 6)),
            Cell(f"{-point.vlad:.1f}", round(-point.vlad, 6)),
            _side(point.signal, measure.direction),
        ]
        for point in points
    ]
    observed, expected = sum(point.observed for point in points), sum(point.expected for point in points)
    return Card(
        f"excess-{measure.measure}",
        f"{measure.title}: patients more than expected",
        sentence=f"{measure.title} at {view.who}, since {wording.period(points[0].index_period)}: "
        f"{said_net(points[-1].vlad)} ({wording.count(observed)} observed, {expected:.1f} expected). "
        f"{_alarm_explained(points, measure)}",
        figure=excess_chart(points, measure.direction),
        table=Table(
            f"{measure.title}: patients more than expected by period of fusion",
            ("Period of fusion", "Patients", "Observed", "Expected", "More than expected, cumulative", "Signal"),
            rows,
        ),
        notes=[
            "A rising line: more patients with the outcome than expected; a falling line: fewer. Read the slope: the "
            f"level is the sum of everything before. Marks: {wording.SPECIAL}"
        ],
        basis=f"{wording.count(sum(point.patients for point in points))} patients",
        about="The patients with the outcome that were observed, less those that the risk model expects of these "
        "patients, summed from the first patient on: a variable life-adjusted display (VLAD), with more drawn upwards.",
        is_wide=False,
    )


def _alarm_explained(points: Sequence[CusumPoint], measure: Measure) -> str:
    """What the latest alarm says."""
    latest = next((point for point in reversed(points) if point.signal is not None), None)
    if latest is None:
        return "No alarm."
    ratio = {"upper": "twice", "lower": "half", "both": "first twice and then half, or the reverse,"}[
        latest.signal or ""
    ]
    odds = "rate" if measure.is_incidence else "odds"
    return (
        f"Alarm in {wording.period(latest.index_period)}: by then the outcomes fitted {ratio} the expected {odds} much "
        "better than the expected ones."
    )
