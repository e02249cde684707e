"""The review queue: what a site's team made of its signals, as rows of moves in a small database of its own.

A signal is new until somebody moves it; its state is where its latest move led. Moves are only ever added. A review
ends with a finding; a finding that asks for it leads to an action with an owner and a day by which it is due, and that
to an outcome. There is no free text, as it could name a patient: each is one of a list, the rest belongs in minutes.

Each move is a transaction that takes the write lock before it reads (`store`), and other processes wait for it.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal, get_args

from dashboards.access.scope import Scope
from dashboards.reviews.store import Store, transaction

State = Literal["new", "reviewing", "explained", "acting", "closed"]
Finding = Literal[
    "data_error",
    "incomplete_follow_up",
    "case_mix",
    "chance",
    "change_of_care",
    "technique_or_implant",
    "care_after_surgery",
    "other_see_minutes",
]
ActionKind = Literal[
    "correct_the_data",
    "complete_follow_up",
    "review_the_cases",
    "change_the_pathway",
    "train_the_team",
    "watch_two_quarters",
    "other_see_minutes",
]
Owner = Literal["quality_lead", "surgical_lead", "nursing_lead", "therapy_lead", "data_manager", "clinic_director"]
Outcome = Literal["improved", "unchanged", "worse", "cannot_tell", "not_done"]

NAMES: dict[State, str] = {
    "new": "New",
    "reviewing": "Under review",
    "explained": "Explained",
    "acting": "Action agreed",
    "closed": "Closed",
}
"""What people call the states."""
STATES: tuple[State, ...] = get_args(State)
FINDINGS: tuple[Finding, ...] = get_args(Finding)
ACTIONS: tuple[ActionKind, ...] = get_args(ActionKind)
OWNERS: tuple[Owner, ...] = get_args(Owner)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
NEXT: dict[State, tuple[State, ...]] = {
    "new": ("reviewing",),
    "reviewing": ("explained", "acting"),
    "explained": ("closed", "reviewing"),
    "acting": ("closed", "reviewing"),
    "closed": (),
}
"""Where a signal may go from each state."""

LATEST_DUE = 730
"""Days from a move by which its action has to be due."""


class DoesNotFit(Exception):  # noqa: N818 - what it says of a move, which is nobody's failure
    """A move that the signal's state does not allow; its text says why and what to do, for who tried it."""


@dataclass(frozen=True)
class Decision:
    """What a move decides, as far as its state asks for it.

    Attributes:
        finding: why the signal came about; of explained and acting.
        action: what is done about it; this and the next two of acting.
        owner: the role that does it.
        due: the day by which.
        outcome: what the action led to; of closed after acting.
    """

    finding: Finding | None = None
    action: ActionKind | None = None
    owner: Owner | None = None
    due: date | None = None
    outcome: Outcome | None = None

    @property
    def given(self) -> frozenset[str]:
        """The names of what it decides."""
        return frozenset(one.name for one in fields(self) if getattr(self, one.name) is not None)


def today() -> date:
    """The day in UTC, by which actions are due."""
    return datetime.now(UTC).date()


def decides(state: State, to: State) -> frozenset[str]:
    """The names of what a move decides, and has to."""
    if to == "acting":
        return frozenset({"finding", "action", "owner", "due"})
    if to == "explained":
        return frozenset({"finding"})
    return frozenset({"outcome"}) if (state, to) == ("acting", "closed") else frozenset()


@dataclass(frozen=True)
class Review:
    """Where a signal stands: its latest move, which was made by `user` at `at` (UTC), and how many there were.

    `decision` is what was decided, while the state still rests on it.
    """

    state: State = "new"
    decision: Decision = Decision()
    user: str | None = None
    at: str | None = None
    moves: int = 0

    def is_overdue(self, today: date) -> bool:
        """Whether an action is not closed though its day has passed."""
        return self.state == "acting" and self.decision.due is not None and self.decision.due < today


@dataclass(frozen=True)
class Move:
    """What somebody wants to do with a signal of a site, having seen `after` moves of it."""

    site_id: str
    signal: str
    to: State
    after: int
    decision: Decision = Decision()


@dataclass(frozen=True)
class LoggedMove:
    """A move that was made: of which signal, the review that it led to, and the state before."""

    signal: str
    moved_from: State
    review: Review


class Reviews:
    """The moves of all signals.

    Args:
        path: the database (`store.Store`).
    """

    def __init__(self, path: Path) -> None:
        self._store = Store(path)

    def of_site(self, scope: Scope, site_id: str, until: str | None = None) -> dict[str, Review]:
        """Where the signals of a site stand, by id; new ones are left out.

        Args:
            scope: of who asks.
            site_id: the site.
            until: as they stood before this time (ISO 8601, UTC); as they stand now when left out.

        Raises:
            Denied: the site is not one of the scope's.
            OutcomesError: `reviews_malformed` - the database cannot be used.
        """
        scope.require(site_id)
        if not self._store.exists:
            return {}
        with self._store.open() as database:
            moves = _moves(database, "site_id = ?", site_id)
        return {one.signal: one.review for one in moves if until is None or (one.review.at or "") < until}

    def moves(self, scope: Scope, site_id: str, month: str) -> list[LoggedMove]:
        """The moves of a site's signals in a month (YYYY-MM, UTC), by signal in the order in which they were made.

        Raises:
            Denied: the site is not one of the scope's.
            OutcomesError: `reviews_malformed` - the database cannot be used.
        """
        scope.require(site_id)
        if not self._store.exists:
            return []
        with self._store.open() as database:
            moves = _moves(database, "site_id = ?", site_id)
        return [one for one in moves if (one.review.at or "").startswith(month)]

    def move(self, scope: Scope, move: Move, audit: Callable[[], None] = lambda: None) -> None:
        """Add a move, in the name of the scope's user.

        Args:
            scope: of who moves.
            move: what is moved where.
            audit: writes the line of the access log that tells of it, before the move is made.

        Raises:
            Denied: the site is not one of the scope's.
            DoesNotFit: the state allows no such move, its decision lacks something or has too much, or others have
                moved the signal since. Nothing is written.
            OutcomesError: `reviews_malformed` - the database cannot be used.
            OSError: whatever `audit` raises; then nothing is written.
        """
        scope.require(move.site_id)
        with self._store.open() as database, transaction(database):
            review = next((one.review for one in _moves(database, "signal = ?", move.signal)[-1:]), Review())
            _check(review, move)
            audit()
            decided = move.decision
            row = {
                "signal": move.signal,
                "turn": move.after + 1,
                "site_id": move.site_id,
                "moved_from": review.state,
                "moved_to": move.to,
                "finding": decided.finding,
                "action": decided.action,
                "owner": decided.owner,
                "due": decided.due.isoformat() if decided.due else None,
                "outcome": decided.outcome,
                "user": scope.user,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            database.execute(
                f"insert into moves ({', '.join(row)}) values ({', '.join(f':{name}' for name in row)})", row
            )


def _moves(database: sqlite3.Connection, where: str, value: str) -> list[LoggedMove]:
    """Moves by signal, in the order in which they were made. One to closed keeps what was decided before."""
    rows = database.execute(
        f"select signal, moved_from, moved_to, finding, action, owner, due, outcome, user, at, turn from moves "
        f"where {where} order by signal, turn",
        (value,),
    )
    found: list[LoggedMove] = []
    for signal, moved_from, state, finding, action, owner, due, outcome, user, at, turn in rows:
        decision = Decision(finding, action, owner, date.fromisoformat(due) if due else None, outcome)
        if state == "closed":
            decision = replace(found[-1].review.decision, outcome=outcome)
        found.append(LoggedMove(signal, moved_from, Review(state, decision, user, at, turn)))
    return found


def _check(review: Review, move: Move) -> None:
    if review.moves != move.after:
        raise DoesNotFit(
            f"This signal has changed since you opened the page: {NAMES[review.state]}. "
            "Nothing was changed. Look at it and decide again."
        )
    if move.to not in NEXT[review.state]:
        raise DoesNotFit(f"No move leads from {NAMES[review.state]} to {NAMES[move.to]}. Nothing was changed.")
    needed, given = decides(review.state, move.to), move.decision.given
    if needed != given:
        missing, too_much = (", ".join(sorted(names)) for names in (needed - given, given - needed))
        said = [f"missing: {missing}"] * bool(missing) + [f"not part of it: {too_much}"] * bool(too_much)
        raise DoesNotFit(f"The decision is not complete ({'; '.join(said)}). Nothing was changed.")
    if move.decision.due and not 0 <= (move.decision.due - today()).days <= LATEST_DUE:
        raise DoesNotFit("An action is due on a day of the next two years. Nothing was changed.")
