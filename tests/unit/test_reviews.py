"""The database of the review queue: which moves there are, that none is lost, and that two at once do not both win."""

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.access.scope import Denied, Scope
from dashboards.reviews import queue
from dashboards.reviews.pins import Pins
from dashboards.reviews.queue import (
    LATEST_DUE,
    NAMES,
    STATES,
    Decision,
    DoesNotFit,
    Move,
    Review,
    Reviews,
    State,
    decides,
)
from outcomes.errors import OutcomesError
from tests.support.examples import examples

_ADA = Scope("ada", frozenset({"north"}), "quality")
_BEN = Scope("ben", frozenset({"south"}), "clinical")
_SIGNAL = "north/pain_past_3_months/run/2025-03"

_PATHS: dict[State, tuple[State, ...]] = {
    "new": (),
    "reviewing": ("reviewing",),
    "explained": ("reviewing", "explained"),
    "acting": ("reviewing", "acting"),
    "closed": ("reviewing", "explained", "closed"),
}
_ALLOWED = {
    ("new", "reviewing"),
    ("reviewing", "explained"),
    ("reviewing", "acting"),
    ("explained", "closed"),
    ("explained", "reviewing"),
    ("acting", "closed"),
    ("acting", "reviewing"),
}
_TODAY = datetime.now(UTC).date()
_WHOLE = Decision("chance", "train_the_team", "nursing_lead", _TODAY + timedelta(days=90), "improved")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reviews.sqlite"


@pytest.fixture
def reviews(path: Path) -> Reviews:
    return Reviews(path)


def _deciding(names: Iterable[str]) -> Decision:
    return Decision(**{name: getattr(_WHOLE, name) for name in names})


def _move(state: State, to: State, after: int, signal: str = _SIGNAL) -> Move:
    """A move from a state, with the decision that it needs."""
    return Move(signal.partition("/")[0], signal, to, after, _deciding(decides(state, to)))


def _bring(reviews: Reviews, state: State, signal: str = _SIGNAL) -> None:
    before: State = "new"
    for after, to in enumerate(_PATHS[state]):
        reviews.move(_ADA, _move(before, to, after, signal))
        before = to


def _rows(path: Path) -> list[tuple[object, ...]]:
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as database:
        return database.execute("select * from moves order by rowid").fetchall()


@pytest.mark.parametrize(("state", "to"), list(product(STATES, STATES)))
def test_a_state_leads_to_the_states_of_the_list_and_to_no_other(
    reviews: Reviews, path: Path, state: State, to: State
) -> None:
    _bring(reviews, state)
    before = _rows(path)
    if (state, to) in _ALLOWED:
        reviews.move(_ADA, _move(state, to, len(before)))
        assert reviews.of_site(_ADA, "north")[_SIGNAL].state == to
        assert _rows(path)[:-1] == before
    else:
        with pytest.raises(DoesNotFit, match=f"from {NAMES[state]} to {NAMES[to]}"):
            reviews.move(_ADA, _move(state, to, len(before)))
        assert _rows(path) == before


def test_a_row_says_who_moved_what_from_where_to_where_what_was_decided_and_when(reviews: Reviews, path: Path) -> None:
    _bring(reviews, "acting")
    decision = _deciding({"finding", "action", "owner", "due"})
    assert decision.due is not None
    _, (*of_move, user, at) = _rows(path)
    assert of_move == [
        _SIGNAL,
        2,
        "north",
        "reviewing",
        "acting",
        "chance",
        "train_the_team",
        "nursing_lead",
        decision.due.isoformat(),
        None,
    ]
    assert reviews.of_site(_ADA, "north") == {_SIGNAL: Review("acting", decision, "ada", str(at), 2)}
    assert user == "ada"
    assert str(at).endswith("+00:00")


def test_what_was_decided_stays_with_a_closed_signal_and_goes_when_it_is_reviewed_again(reviews: Reviews) -> None:
    _bring(reviews, "acting")
    reviews.move(_ADA, _move("acting", "closed", 2))
    assert reviews.of_site(_ADA, "north")[_SIGNAL].decision == _WHOLE
    other = "north/suspected_asd/cusum/2025"
    _bring(reviews, "explained", other)
    assert reviews.of_site(_ADA, "north")[other].decision == Decision("chance")
    reviews.move(_ADA, _move("explained", "reviewing", 2, other))
    assert reviews.of_site(_ADA, "north")[other].decision == Decision()


@pytest.mark.parametrize(("state", "to"), sorted(_ALLOWED))
def test_a_move_decides_all_that_its_state_asks_for_and_nothing_else(
    reviews: Reviews, path: Path, state: State, to: State
) -> None:
    _bring(reviews, state)
    before, needed = _rows(path), decides(state, to)
    for name in sorted(_WHOLE.given):
        decision = _deciding(needed ^ {name})
        with pytest.raises(DoesNotFit, match=f"{'missing' if name in needed else 'not part of it'}: {name}"):
            reviews.move(_ADA, Move("north", _SIGNAL, to, len(before), decision))
    assert _rows(path) == before


@pytest.mark.parametrize("days", [-1, LATEST_DUE + 1])
def test_an_action_is_due_from_today_on_and_within_two_years(
    reviews: Reviews, path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    monkeypatch.setattr(queue, "today", lambda: _TODAY)  # midnight may be between the two
    _bring(reviews, "reviewing")
    before = _rows(path)
    decision = replace(_deciding(decides("reviewing", "acting")), due=_TODAY + timedelta(days=days))
    with pytest.raises(DoesNotFit, match="An action is due on a day of the next two years"):
        reviews.move(_ADA, Move("north", _SIGNAL, "acting", 1, decision))
    assert _rows(path) == before


def test_an_action_is_overdue_once_its_day_has_passed_until_it_is_closed(reviews: Reviews) -> None:
    _bring(reviews, "acting")
    review = reviews.of_site(_ADA, "north")[_SIGNAL]
    assert review.decision.due is not None
    assert not review.is_overdue(review.decision.due)
    assert review.is_overdue(review.decision.due + timedelta(days=1))
    reviews.move(_ADA, _move("acting", "closed", 2))
    assert not reviews.of_site(_ADA, "north")[_SIGNAL].is_overdue(review.decision.due + timedelta(days=1))


def test_the_moves_of_a_month_and_where_signals_stood_at_its_end(reviews: Reviews, path: Path) -> None:
    assert reviews.moves(_ADA, "north", "2025-03") == []
    other = "north/suspected_asd/cusum/2025"
    _bring(reviews, "acting")
    _bring(reviews, "reviewing", other)
    with closing(sqlite3.connect(path)) as database:
        database.execute("update moves set at = '2025-03-31T23:59:59+00:00' where turn = 1 and signal = ?", (_SIGNAL,))
        database.execute("update moves set at = '2025-04-01T00:00:00+00:00' where at not like '2025%'")
        database.commit()
    found = {
        month: [(one.signal, one.moved_from, one.review.state) for one in reviews.moves(_ADA, "north", month)]
        for month in ("2025-03", "2025-04", "2025-05")
    }
    assert found == {
        "2025-03": [(_SIGNAL, "new", "reviewing")],
        "2025-04": [(_SIGNAL, "reviewing", "acting"), (other, "new", "reviewing")],
        "2025-05": [],
    }
    stood = [
        {signal: review.state for signal, review in reviews.of_site(_ADA, "north", until).items()}
        for until in ("2025-03", "2025-04", "2025-05")
    ]
    assert stood == [{}, {_SIGNAL: "reviewing"}, {_SIGNAL: "acting", other: "reviewing"}]
    with pytest.raises(Denied):
        reviews.moves(_BEN, "north", "2025-04")


def test_a_file_of_version_1_keeps_its_moves(path: Path) -> None:
    moves = [
        (_SIGNAL, 1, "north", "new", "reviewing", None, "ada", "2025-03-01T10:00:00+00:00"),
        (_SIGNAL, 2, "north", "reviewing", "explained", "case_mix", "ada", "2025-03-02T10:00:00+00:00"),
    ]
    with closing(sqlite3.connect(path)) as database:
        database.execute(
            "create table moves (signal text not null, turn integer not null, site_id text not null,"
            " moved_from text not null, moved_to text not null, explanation text, user text not null,"
            " at text not null, primary key (signal, turn))"
        )
        database.executemany("insert into moves values (?, ?, ?, ?, ?, ?, ?, ?)", moves)
        database.execute("pragma user_version = 1")
        database.commit()
    reviews = Reviews(path)
    expected = Review("explained", Decision("case_mix"), "ada", "2025-03-02T10:00:00+00:00", 2)
    assert reviews.of_site(_ADA, "north") == {_SIGNAL: expected}
    reviews.move(_ADA, _move("explained", "closed", 2))
    assert [row[4] for row in _rows(path)] == ["reviewing", "explained", "closed"]


def test_a_file_of_version_2_keeps_its_moves_and_takes_pins(reviews: Reviews, path: Path) -> None:
    _bring(reviews, "explained")
    before = _rows(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("drop table pins")
        database.execute("pragma user_version = 2")
        database.commit()
    Pins(path).pin(_ADA, "asd_2_years", is_pinned=True)
    assert _rows(path) == before
    assert Pins(path).of(_ADA) == {"asd_2_years"}


def test_the_second_of_two_people_is_told_and_changes_nothing(reviews: Reviews, path: Path) -> None:
    _bring(reviews, "reviewing")
    before = _rows(path)
    with pytest.raises(DoesNotFit, match="This signal has changed since you opened the page: Under review"):
        reviews.move(_ADA, _move("new", "reviewing", 0))
    assert _rows(path) == before


def test_a_state_that_others_left_and_came_back_to_is_not_what_somebody_saw(reviews: Reviews) -> None:
    _bring(reviews, "explained")
    reviews.move(_ADA, _move("explained", "reviewing", 2))
    reviews.move(_ADA, _move("reviewing", "explained", 3))
    with pytest.raises(DoesNotFit, match="has changed since"):
        reviews.move(_ADA, _move("explained", "closed", 2))


@pytest.mark.parametrize("to", STATES)
def test_nobody_moves_or_reads_the_signals_of_a_foreign_site(reviews: Reviews, path: Path, to: State) -> None:
    _bring(reviews, "explained")
    before = _rows(path)
    with pytest.raises(Denied):
        reviews.move(_BEN, _move("explained", to, 2))
    with pytest.raises(Denied):
        reviews.of_site(_BEN, "north")
    assert _rows(path) == before
    assert reviews.of_site(_BEN, "south") == {}


def test_reading_makes_no_file_and_the_first_move_makes_one_for_its_owner_only(reviews: Reviews, path: Path) -> None:
    assert reviews.of_site(_ADA, "north") == {}
    assert not path.exists()
    _bring(reviews, "reviewing")
    assert path.stat().st_mode & 0o777 == 0o600


def test_it_is_written_ahead_and_knows_its_version(reviews: Reviews, path: Path) -> None:
    _bring(reviews, "reviewing")
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("pragma journal_mode").fetchone() == ("wal",)
        assert database.execute("pragma user_version").fetchone() == (3,)


@pytest.mark.parametrize("spoil", ["pragma user_version = 4", None])
def test_a_file_of_another_version_or_kind_is_left_alone(reviews: Reviews, path: Path, spoil: str | None) -> None:
    if spoil is None:
        path.write_text("no database at all, " * 400)
    else:
        with closing(sqlite3.connect(path)) as database:
            database.execute(spoil)
    content = path.read_bytes()
    with pytest.raises(OutcomesError, match="reviews_malformed"):
        reviews.of_site(_ADA, "north")
    with pytest.raises(OutcomesError, match="reviews_malformed"):
        reviews.move(_ADA, _move("new", "reviewing", 0))
    assert path.read_bytes() == content


_SIGNALS = tuple(f"north/measure_{number}/run/2025-01" for number in range(12))


def _start_reviews(path: Path, barrier: Barrier, user: str) -> None:
    """Try to start the review of each signal, at the same time as others, who want the same."""
    scope = Scope(user, frozenset({"north"}), "quality")
    barrier.wait()
    for signal in _SIGNALS:
        try:
            Reviews(path).move(scope, _move("new", "reviewing", 0, signal))
        except DoesNotFit:
            continue


def test_of_several_processes_that_move_the_same_signals_one_wins_each(path: Path) -> None:
    context = get_context("spawn")
    barrier = context.Barrier(4)
    processes = [context.Process(target=_start_reviews, args=(path, barrier, f"user-{n}")) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0] * 4
    assert sorted((row[0], row[1]) for row in _rows(path)) == [(signal, 1) for signal in sorted(_SIGNALS)]


_ATTEMPTS = st.lists(
    st.tuples(
        st.sampled_from(["north/a/run/2025-01", "north/b/cusum/2024"]),
        st.sampled_from(STATES),
        st.sampled_from([frozenset[str]()] * 3 + [frozenset({name}) for name in sorted(_WHOLE.given)]),
        st.sampled_from([0, 0, 0, 0, -1, 1]),
    ),
    max_size=16,
)


@settings(max_examples=examples(40), deadline=None)
@given(_ATTEMPTS)
def test_whatever_is_tried_states_stay_valid_and_no_row_is_lost(
    attempts: list[tuple[str, State, frozenset[str], int]],
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "reviews.sqlite"
        reviews = Reviews(path)
        for signal, to, changed, off in attempts:
            before, known = _rows(path), reviews.of_site(_ADA, "north").get(signal, Review())
            decision = _deciding(decides(known.state, to) ^ changed)
            fits = off == 0 and (known.state, to) in _ALLOWED and not changed
            try:
                reviews.move(_ADA, Move("north", signal, to, known.moves + off, decision))
            except DoesNotFit:
                assert not fits
                assert _rows(path) == before
            else:
                assert fits
                assert _rows(path)[:-1] == before
                now = reviews.of_site(_ADA, "north")[signal]
                assert (now.state, now.moves) == (to, known.moves + 1)
