"""Signals of one's own site: which there are, what the team made of them, and the cumulative charts behind them."""

from collections.abc import Sequence
from urllib.parse import urlencode

from markupsafe import Markup

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.charts.cusum import cusum_chart, said_net, vlad_chart
from dashboards.charts.spark import variation_sign
from dashboards.data import control, signals
from dashboards.data.control import CusumPoint
from dashboards.data.measures import Measure, Site
from dashboards.data.signals import Signal
from dashboards.pages.frame import Page, View
from dashboards.pages.number import counted
from dashboards.rendering import part
from dashboards.reviews.queue import EXPLANATIONS, NEXT, Review, State
from outcomes.errors import OutcomesError

_MOST_LISTED = 100
"""Signals in the queue; nobody reviews more at a time."""
_HEAD = ("Measure", "Signal", "Fused in", "Chart", "State", "Last change", "Next step")
_NAMES: dict[State, str] = {"new": "New", "reviewing": "Under review", "explained": "Explained", "closed": "Closed"}
_BUTTONS: dict[tuple[State, State], str] = {
    ("new", "reviewing"): "Start review",
    ("reviewing", "explained"): "Mark as explained",
    ("explained", "closed"): "Close",
    ("explained", "reviewing"): "Review again",
}


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
    # Those that are closed ask for nothing any more.
    queue = sorted(
        ((signal, reviews.get(signal.id, Review())) for signal in found), key=lambda each: each[1].state == "closed"
    )
    return Page("Signals", [_state(view, queue), *_queue(view, queue), *_cumulative(view, site)])


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
    done = f"{states.count('explained')} explained, {states.count('closed')} closed."
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


def _queue(view: View, queue: Sequence[tuple[Signal, Review]]) -> list[Card]:
    if not queue:
        said = (
            "No signal: all variation is common cause. Signals of control charts and cumulative sums are listed here."
        )
        return [Card("queue", "Review queue", body=[said])]
    return [
        Card(
            "queue",
            "Review queue",
            sentence="Concerning signals first, then improving ones, then those that are neither; the latest first.",
            table=Table(
                "Signals, their state, and what can be done",
                _HEAD,
                [_row(view, *each) for each in queue[:_MOST_LISTED]],
            ),
            is_table=True,
            notes=[
                f"The first {_MOST_LISTED} of {wording.count(len(queue))}: others move up as these are closed."
                if len(queue) > _MOST_LISTED
                else "",
                "Control charts: signals that reach into the last 12 months with a value. Consecutive months with the "
                "same rule are one signal. Cumulative sums: every signal.",
                "Your name and the time are recorded with each change of state. There is no free text, so that no "
                "patient is named here: keep the details in your minutes.",
            ],
        )
    ]


def _row(view: View, signal: Signal, review: Review) -> list[Cell | str]:
    measure = view.measures[signal.measure]
    said = f"{wording.variation(signal.variation)}: {wording.rules(signal.method)}"
    return [
        Cell(measure.title, measure.measure, href=view.href(f"/measure/{measure.measure}")),
        Cell(said, content=part("signal", variation_sign(signal.variation, ""), said)),
        Cell(_periods(signal), signal.first),
        _chart_link(view, signal),
        _state_in_words(review),
        _last_moved(review),
        Cell("", content=_forms(view, signal, review, measure)),
    ]


def _periods(signal: Signal) -> str:
    first, last = wording.period(signal.first), wording.period(signal.last)
    return first if first == last else f"{first} to {last}"


def _chart_link(view: View, signal: Signal) -> Cell:
    if signal.is_cusum:
        return Cell("Cumulative sum", href=f"#cusum-{signal.measure}")
    return Cell("Control chart", href=view.href(f"/measure/{signal.measure}", "trend", period=None, group=None))


def _state_in_words(review: Review) -> str:
    why = f": {wording.in_words(review.explanation).lower()}" if review.explanation else ""
    return f"{_NAMES[review.state]}{why}"


def _last_moved(review: Review) -> str:
    return f"{review.user}, {review.at[:16].replace('T', ' ')} UTC" if review.at else ""


def _forms(view: View, signal: Signal, review: Review, measure: Measure) -> Markup | None:
    """A form that works without a script: its address names the signal, the button that is pressed the next state."""
    if view.reviews is None or not NEXT[review.state]:
        return None
    asked = urlencode({"signal": signal.id, "after": review.moves, "release": view.reader.release_id})
    explanations = [(code, wording.in_words(code)) for code in EXPLANATIONS] if review.state == "reviewing" else []
    buttons = [(to, _BUTTONS[review.state, to]) for to in NEXT[review.state]]
    return part("moves", f"/reviews?{asked}", f"{measure.title}, {_periods(signal)}", explanations, buttons)


def _cumulative(view: View, site: Site) -> list[Card]:
    """For each headline outcome the CUSUM, and beside it the VLAD."""
    of_site = control.cusum(view.reader, site.site_id)
    headlines = [one for one in view.measures.values() if one.headline is not None]
    cards: list[Card] = []
    for measure in sorted(headlines, key=lambda one: one.headline or 0):
        points = of_site.get(measure.measure)
        cards += [_cusum(view, measure, points), _vlad(view, measure, points)] if points else [_no_sums(view, measure)]
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
            *(
                Cell(f"{number:.2f}", round(number, 6))
                for number in (point.cusum_upper, point.threshold_upper, point.cusum_lower, point.threshold_lower)
            ),
            _side(point.signal, measure.direction),
        ]
        for point in points
    ]
    head = ("Period of fusion", "Sum (more)", "Limit (more)", "Sum (fewer)", "Limit (fewer)", "Signal")
    return Card(
        f"cusum-{measure.measure}",
        f"{measure.title}: cumulative sum",
        sentence=f"{measure.title} at {view.who}: {_signalled(points)}",
        figure=cusum_chart(points, measure.direction),
        table=Table(f"{measure.title}: cumulative sums by period of fusion", head, rows),
        notes=[
            "Upwards: evidence that the odds, or the rate, of the outcome are twice those that the risk model expects "
            "for these patients; downwards: half. A sum that reaches its dotted limit signals and restarts at zero. "
            "Triangle: concerning signal; ring: improving signal."
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


def _vlad(view: View, measure: Measure, points: Sequence[CusumPoint]) -> Card:
    rows: list[list[Cell | str]] = [
        [
            point.index_period,
            counted(point.patients),
            counted(point.observed),
            Cell(f"{point.expected:.1f}", round(point.expected, 6)),
            Cell(f"{point.vlad:.1f}", round(point.vlad, 6)),
        ]
        for point in points
    ]
    observed, expected = sum(point.observed for point in points), sum(point.expected for point in points)
    return Card(
        f"vlad-{measure.measure}",
        f"{measure.title}: expected minus observed",
        sentence=f"{measure.title} at {view.who}, all mature months: {said_net(points[-1].vlad)} "
        f"({wording.count(observed)} observed, {expected:.1f} expected). The funnel shows whether chance explains it.",
        figure=vlad_chart(points),
        table=Table(
            f"{measure.title}: cumulative expected minus observed by period of fusion",
            ("Period of fusion", "Patients", "Observed", "Expected", "Cumulative expected minus observed"),
            rows,
            numbers=4,
        ),
        notes=[
            "A rising line: fewer patients with the outcome than expected; a falling line: more. Read the slope: the "
            "level is the sum of everything before."
        ],
        basis=f"{wording.count(sum(point.patients for point in points))} patients",
        about="Variable life-adjusted display (VLAD): the patients with the outcome that the risk model expects, less "
        "those observed, summed from the first patient on. It has no limits: the cumulative sum beside it has them.",
        is_wide=False,
    )
