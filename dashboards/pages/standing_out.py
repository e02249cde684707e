"""Look at this: what stands out at a site, in a few sentences, and what its team has made of it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from markupsafe import Markup

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.charts.spark import variation_sign
from dashboards.data import alarms, comparison, control, measures, signals
from dashboards.data.alarms import Alarm
from dashboards.data.signals import Signal, parsed_id
from dashboards.pages.frame import View
from dashboards.rendering import part
from dashboards.reviews.earlier import earlier_work
from dashboards.reviews.queue import Review, today
from outcomes.errors import OutcomesError

MOST_SENTENCES = 5
"""What stands out at a site, at most; the page of the signals has the rest."""
_MOST_OVERDUE = 2
"""Of these, so many are overdue actions unless little else stands out: a team behind with its work sees what is new."""
_TITLE = "Look at this"
_Entry = tuple[object, str, str, str, Sequence[tuple[str, str]]]
"""Sign, title and address of the measure, the sentence, and what was made of it with the ways there."""
_BUDGET = (
    "Named where observed against expected lies far out, or a month is confirmed by the next: in a registry in which "
    "nothing changes, at most 2 of 100 measures would be. Control charts show more signals, most of them chance."
)


def standing_out(view: View, site_id: str) -> Card:
    """Up to five sentences, overdue actions first, then what is of concern, the surest and largest first.

    Of each measure one: what stands out about it, and the overdue action, are said together.
    """
    named = alarms.own(view.reader, site_id)
    reviews = _reviews(view, site_id)
    found = signals.signals(view.reader, site_id) if reviews is not None or view.reviewed else []
    late = _late(view, reviews or {})
    overdue = [_overdue(view, actions, named.get(measure), found, reviews) for measure, actions in late.items()]
    anew = [_entry(view, one, found, reviews) for measure, one in named.items() if measure not in late]
    said = [*overdue[: max(_MOST_OVERDUE, MOST_SENTENCES - len(anew))], *anew][:MOST_SENTENCES]
    more = len(overdue) + len(anew) - len(said)
    body: list[str | Markup] = [part("standing_out", said)] if said else []
    if more > 0:
        body.append(part("way_on", f"{wording.count(more)} more: ", "signals", _queue(view)))
    if not named:
        body.append(f"Nothing {'else ' if said else ''}stands out. {_checked(view, site_id)}")
        return Card("look-at-this", _TITLE, body=body, notes=[_BUDGET])
    table = Table("What stands out", ("Measure", "Kind", "Why"), [_row(view, one) for one in named.values()])
    return Card("look-at-this", _TITLE, body=body, table=table, notes=[_BUDGET])


def _reviews(view: View, site_id: str) -> Mapping[str, Review] | None:
    """What became of the signals; None on paper, and where the queue cannot be read."""
    if view.reviews is None:
        return None
    try:
        return view.reviews.of_site(view.reader.scope, site_id)
    except OutcomesError:
        return None


def _checked(view: View, site_id: str) -> str:
    """What was looked at, where nothing was found."""
    over_time = len(control.recent_charts(view.reader, site_id, 1))
    compared = sum(one.marking == "compared" for one in comparison.own(view.reader, site_id).values())
    beside = (
        f", and {wording.plural(compared, 'outcome')} against what is expected of these patients" if compared else ""
    )
    if not over_time and not compared:
        return "Nothing could be checked yet: no measure has a month that can be judged."
    return f"Checked: {wording.plural(over_time, 'measure')} over time{beside}."


def _late(view: View, reviews: Mapping[str, Review]) -> dict[str, list[tuple[date, str, Review]]]:
    """The actions whose day has passed by measure, the longest overdue first, also of signals found no more."""
    late = sorted(
        (review.decision.due, signal, review)
        for signal, review in reviews.items()
        if review.decision.due and review.is_overdue(today()) and parsed_id(signal).measure in view.measures
    )
    by_measure: dict[str, list[tuple[date, str, Review]]] = {}
    for one in late:
        by_measure.setdefault(parsed_id(one[1]).measure, []).append(one)
    return by_measure


def _overdue(
    view: View,
    actions: Sequence[tuple[date, str, Review]],
    alarm: Alarm | None,
    found: Sequence[Signal],
    reviews: Mapping[str, Review] | None,
) -> _Entry:
    """The longest overdue action about a measure, and after it why the measure stands out where it does."""
    due, signal, review = actions[0]
    there = view.href("/signals", signals.anchor_of(signal), period=None, group=None)
    said = f"action overdue since {wording.day(due)}: {wording.action(review.decision)}."
    if actions[1:]:
        said += f" {wording.plural(len(actions) - 1, 'more action')} overdue."
    if alarm is not None:
        sign, title, href, why, made = _entry(view, alarm, found, reviews)
        # What was made of the signal that the action is about has just been said.
        return sign, title, href, f"{said} {wording.sentence_case(why)}", [("Close it", there), *_others(made, there)]
    variations = {one.id: one.variation for one in found}
    measure = view.measures[parsed_id(signal).measure]
    sign = variation_sign(variations.get(signal), "Action overdue")
    return sign, measure.title, view.href(f"/measure/{measure.measure}"), said, [("Close it", there)]


def _others(made: Sequence[tuple[str, str]], there: str) -> list[tuple[str, str]]:
    """What was made of other signals than the one that stands there."""
    return [one for one in made if one[1] != there]


def _entry(view: View, one: Alarm, found: Sequence[Signal], reviews: Mapping[str, Review] | None) -> _Entry:
    sign = variation_sign(one.variation, wording.variation(one.variation))
    signal = signals.of_alarm(found, one)
    measure = view.measures[one.measure]
    href = view.href(f"/measure/{one.measure}")
    made = [] if signal is None else list(_made_of(view, signal, reviews))
    return sign, measure.title, href, _why(view, one), made


def _made_of(view: View, signal: Signal, reviews: Mapping[str, Review] | None) -> Iterator[tuple[str, str]]:
    """What a team has made of a signal, and before it of that of an earlier year; on paper of the latter alone."""
    before = earlier_work(signal, view.reviewed if reviews is None else reviews)
    if before is not None:
        href = view.href("/signals", signals.anchor_of(before.signal), period=None, group=None)
        yield wording.earlier(before), href
    if reviews is not None:
        review = reviews.get(signal.id, Review())
        is_anew = before is not None and review.state == "new"
        yield (
            f"This signal, of {signal.first}: to be reviewed" if is_anew else wording.reviewed(review),
            _queue(view, signal),
        )


def _why(view: View, one: Alarm) -> str:
    measure = view.measures[one.measure]
    place = comparison.own(view.reader, one.site_id).get(one.measure)
    years = measures.by_year(view.reader, one.measure, one.site_id)
    since = next((year.index_period for year in years if year.patients), None)
    return wording.standing_out(measure, one, place, since)


def _row(view: View, one: Alarm) -> list[Cell | str]:
    measure = view.measures[one.measure]
    return [
        Cell(measure.title, measure.measure, href=view.href(f"/measure/{one.measure}")),
        wording.variation(one.variation),
        wording.sentence_case(_why(view, one)),
    ]


def _queue(view: View, signal: Signal | None = None) -> str:
    return view.href("/signals", signal.anchor if signal else "queue", period=None, group=None)
