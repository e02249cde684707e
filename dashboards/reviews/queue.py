"""The review queue: what a site's team made of its signals, as rows of moves in a small database of its own.

A signal is new until somebody moves it; its state is where its latest move led. Moves are only ever added. There is no
free text, as it could name a patient: why a signal came about is one of `Explanation`, and the rest belongs in minutes.

The database is `OUTCOMES_HOME/reviews.sqlite`, which several server processes may write: each move is a transaction
that takes the write lock before it reads, and other processes wait for it.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from dashboards.access.scope import Scope
from outcomes.errors import OutcomesError
from outcomes.locks import one_at_a_time

State = Literal["new", "reviewing", "explained", "closed"]
Explanation = Literal["data_error", "case_mix", "chance", "change_of_care", "incomplete_follow_up", "other_see_minutes"]

STATES: tuple[State, ...] = get_args(State)
EXPLANATIONS: tuple[Explanation, ...] = get_args(Explanation)
NEXT: dict[State, tuple[State, ...]] = {
    "new": ("reviewing",),
    "reviewing": ("explained",),
    "explained": ("closed", "reviewing"),
    "closed": (),
}
"""Where a signal may go from each state."""

_VERSION = 1
_WAITS = 30.0  # seconds, for another process to finish its move
_TABLE = """
create table moves (
    signal text not null,
    turn integer not null check (turn >= 1),
    site_id text not null,
    moved_from text not null check (moved_from in ('new', 'reviewing', 'explained')),
    moved_to text not null check (moved_to in ('reviewing', 'explained', 'closed')),
    explanation text check ((explanation is not null) = (moved_to = 'explained')),
    user text not null,
    at text not null,
    primary key (signal, turn)
)
"""


class DoesNotFit(Exception):  # noqa: N818 - what it says of a move, which is nobody's failure
    """A move that the signal's state does not allow; its text says why and what to do, for who tried it."""


@dataclass(frozen=True)
class Review:
    """Where a signal stands: its latest move, which was made by `user` at `at` (UTC), and how many there were.

    `explanation` is the latest one, while the state still rests on it.
    """

    state: State = "new"
    explanation: Explanation | None = None
    user: str | None = None
    at: str | None = None
    moves: int = 0


@dataclass(frozen=True)
class Move:
    """What somebody wants to do with a signal of a site, having seen `after` moves of it.

    `explanation` says why the signal came about, with a move to `explained` and no other.
    """

    site_id: str
    signal: str
    to: State
    explanation: Explanation | None
    after: int


class Reviews:
    """The moves of all signals.

    Args:
        path: the database; it is made with the first move, for this user's eyes only.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def of_site(self, scope: Scope, site_id: str) -> dict[str, Review]:
        """Where the signals of a site stand, by id; new ones are left out.

        Raises:
            Denied: the site is not one of the scope's.
            OutcomesError: `reviews_malformed` - the database cannot be used.
        """
        scope.require(site_id)
        if not self._path.exists():
            return {}
        with self._open() as database:
            return _reviews(database, "site_id = ?", site_id)

    def move(self, scope: Scope, move: Move) -> None:
        """Add a move, in the name of the scope's user.

        Raises:
            Denied: the site is not one of the scope's.
            DoesNotFit: the state allows no such move, an explanation is missing or too much, or others have moved the
                signal since. Nothing is written.
            OutcomesError: `reviews_malformed` - the database cannot be used.
        """
        scope.require(move.site_id)
        with self._open() as database, _transaction(database):
            review = _reviews(database, "signal = ?", move.signal).get(move.signal, Review())
            _check(review, move)
            at = datetime.now(UTC).isoformat(timespec="seconds")
            database.execute(
                "insert into moves (signal, turn, site_id, moved_from, moved_to, explanation, user, at)"
                " values (?, ?, ?, ?, ?, ?, ?, ?)",
                (move.signal, move.after + 1, move.site_id, review.state, move.to, move.explanation, scope.user, at),
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # Before SQLite makes the file, for its rights: the files that SQLite puts beside it take them over.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        try:
            with closing(sqlite3.connect(self._path, timeout=_WAITS, isolation_level=None)) as database:
                with one_at_a_time(self._path.with_suffix(".lock")):
                    _prepare(database)
                yield database
        except sqlite3.Error as error:
            raise OutcomesError("reviews_malformed", f"reviews.sqlite, {type(error).__name__}") from None


def _prepare(database: sqlite3.Connection) -> None:
    """Make the table in a new file.

    Raises:
        OutcomesError: `reviews_malformed` - another version of this code made the file.
    """
    version = database.execute("pragma user_version").fetchone()[0]
    if version == 0:
        database.execute("pragma journal_mode = wal")
        with _transaction(database):
            database.execute(_TABLE)
            database.execute(f"pragma user_version = {_VERSION}")
    elif version != _VERSION:
        raise OutcomesError("reviews_malformed", f"reviews.sqlite, version {version}")


@contextmanager
def _transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, with the write lock from the start: what is read within stays true until the end."""
    database.execute("begin immediate")
    try:
        yield
    except BaseException:
        database.execute("rollback")
        raise
    database.execute("commit")


def _reviews(database: sqlite3.Connection, where: str, value: str) -> dict[str, Review]:
    """The latest move of each signal, as a review. A move to `closed` keeps the explanation of the move before."""
    rows = database.execute(
        f"select signal, moved_to, explanation, user, at, turn from moves where {where} order by signal, turn", (value,)
    )
    found: dict[str, Review] = {}
    for signal, state, explanation, user, at, turn in rows:
        kept = found[signal].explanation if state == "closed" else explanation
        found[signal] = Review(state, kept, user, at, turn)
    return found


def _check(review: Review, move: Move) -> None:
    if review.moves != move.after:
        raise DoesNotFit(
            f"Somebody else has changed this signal since you opened the page: it is now {review.state}. "
            "Nothing was changed. Look at it and decide again."
        )
    if move.to not in NEXT[review.state]:
        raise DoesNotFit(f"A signal that is {review.state} cannot become {move.to}. Nothing was changed.")
    if (move.explanation is not None) != (move.to == "explained"):
        raise DoesNotFit("An explanation belongs to a signal that is marked as explained. Nothing was changed.")
