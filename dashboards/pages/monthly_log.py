"""The log for the board: what became of the signals of a site in a month. It holds nothing of a single patient."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.data.arisen import Arisen, arisen
from dashboards.data.signals import parsed_id
from dashboards.pages.frame import View
from dashboards.reviews.queue import LoggedMove, Review, today
from outcomes.periods import add_months, last_day

_HEAD = ("Month", "Measure", "Signal", "In this month", "Finding", "Action", "Owner", "Due", "Outcome", "At its end")


@dataclass(frozen=True)
class _Line:
    """A signal: whether it arose in the month, the moves of the month, and where it stood at the end."""

    signal: str
    arose: bool
    moves: Sequence[LoggedMove]
    review: Review


def monthly_log(view: View, site_id: str) -> list[Card]:
    """The log of the month that is chosen; none where nothing of reviews is shown, as on paper.

    Raises:
        OutcomesError: `reviews_malformed` - the review queue cannot be read.
    """
    if view.reviews is None:
        return []
    month, scope = view.filters.month or view.last_whole_month, view.reader.scope
    card = Card("log", f"Log for the board: {wording.period(month)}")
    if month > f"{today():%Y-%m}":
        return [replace(card, body=["This month has not begun. Choose another above."])]
    found = arisen(view.releases, scope, site_id, month) if view.releases else Arisen()
    stood = view.reviews.of_site(scope, site_id, until=add_months(month, 1))
    lines = list(_lines(found, view.reviews.moves(scope, site_id, month), stood))
    rows = [_row(view, month, one) for one in lines]
    return [
        replace(
            card,
            sentence=_summary(month, lines, found, stood),
            table=Table(f"What became of signals in {wording.period(month)}", _HEAD, rows, is_stacked=True)
            if rows
            else None,
            is_table=True,
            notes=[
                "Signals that arose, that were worked on, or whose work was open at the end of the month; months are "
                "those of UTC. Another month: choose it above. CSV file: in the menu of this card.",
                ""
                if found.is_whole
                else "Not every release of this month and the one before is kept: which signals arose is not known of "
                "all.",
            ],
        )
    ]


def _lines(found: Arisen, moves: Sequence[LoggedMove], stood: Mapping[str, Review]) -> Iterator[_Line]:
    """What was worked on or is open, then what arose and nobody has taken up; each by measure."""
    open_work = {name for name, review in stood.items() if review.state != "closed"}
    worked_on = {one.signal for one in moves} | open_work
    for name in sorted(found.arose | worked_on, key=lambda name: (name not in worked_on, *parsed_id(name)[1:])):
        of_signal = [one for one in moves if one.signal == name]
        yield _Line(name, name in found.arose, of_signal, stood.get(name, Review()))


def _summary(month: str, lines: Sequence[_Line], found: Arisen, stood: Mapping[str, Review]) -> str:
    """What the board asks first: how many arose, what was decided, and what is left."""
    led = [one.review.state for line in lines for one in line.moves]
    work = [line.review for line in lines if line.review.state not in ("new", "closed")]
    overdue = sum(review.is_overdue(_end(month)) for review in work)
    waiting = len((found.standing | found.arose) - stood.keys())
    by_then = "so far" if today() <= last_day(month) else "at the end of the month"
    done = (
        f"{wording.plural(sum(line.arose for line in lines), 'signal')} arose; "
        f"{wording.plural(led.count('explained') + led.count('acting'), 'finding')}, "
        f"{wording.plural(led.count('acting'), 'action')} agreed, {wording.count(led.count('closed'))} closed."
    )
    left = (
        f"Open {by_then}: work on {wording.plural(len(work), 'signal')}"
        f"{f' ({wording.count(overdue)} overdue)' if overdue else ''}, and {wording.plural(waiting, 'signal')} that "
        "nobody has taken up."
    )
    if not led and not any(line.arose for line in lines):
        done = "No signal arose, and nothing was found, agreed or closed."
    return f"{done} {left if work or waiting else f'Nothing was open {by_then}.'}"


def _row(view: View, month: str, line: _Line) -> list[Cell | str]:
    title, found_by = wording.named_signal(line.signal, view.measures)
    decided = line.review.decision
    happened = [*["Arose"] * line.arose, *(wording.state(one.review.state) for one in line.moves)]
    return [
        Cell(wording.period(month), month),
        Cell(title, parsed_id(line.signal).measure),
        found_by,
        "; ".join(happened) or wording.DASH,
        *(wording.in_words(code) if code else "" for code in (decided.finding, decided.action, decided.owner)),
        Cell(wording.day(decided.due), decided.due.isoformat()) if decided.due else "",
        wording.in_words(decided.outcome) if decided.outcome else "",
        _at_the_end(month, line.review),
    ]


def _at_the_end(month: str, review: Review) -> str:
    if review.state == "closed":
        return wording.state("closed")
    late = ", overdue" if review.is_overdue(_end(month)) else ""
    return f"Open: {wording.state(review.state).lower()}{late}"


def _end(month: str) -> date:
    """The day by which a month is told: its last, or today while it lasts."""
    return min(today(), last_day(month))
