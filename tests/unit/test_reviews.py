"""The database of the review queue: which moves there are, that none is lost, and that two at once do not both win."""

import sqlite3
from contextlib import closing
from itertools import product
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboards.access.scope import Denied, Scope
from dashboards.reviews.queue import EXPLANATIONS, STATES, DoesNotFit, Explanation, Move, Review, Reviews, State
from outcomes.errors import OutcomesError
from tests.support.examples import examples

_ADA = Scope("ada", frozenset({"north"}), "quality")
_BEN = Scope("ben", frozenset({"south"}), "clinical")
_SIGNAL = "north/pain_past_3_months/run/2025-03"

_PATHS: dict[State, tuple[State, ...]] = {
    "new": (),
    "reviewing": ("reviewing",),
    "explained": ("reviewing", "explained"),
    "closed": ("reviewing", "explained", "closed"),
}
_ALLOWED = {
    ("new", "reviewing"),
    ("reviewing", "explained"),
    ("explained", "closed"),
    ("explained", "reviewing"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "reviews.sqlite"


@pytest.fixture
def reviews(path: Path) -> Reviews:
    return Reviews(path)


def _move(to: State, after: int, signal: str = _SIGNAL, explanation: Explanation | None = None) -> Move:
    """A move, with an explanation where one is due."""
    why: Explanation | None = explanation or ("chance" if to == "explained" else None)
    return Move(signal.partition("/")[0], signal, to, why, after)


def _bring(reviews: Reviews, state: State) -> None:
    for after, to in enumerate(_PATHS[state]):
        reviews.move(_ADA, _move(to, after))


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
        reviews.move(_ADA, _move(to, len(before)))
        assert reviews.of_site(_ADA, "north")[_SIGNAL].state == to
        assert _rows(path)[:-1] == before
    else:
        with pytest.raises(DoesNotFit, match=f"is {state} cannot become {to}"):
            reviews.move(_ADA, _move(to, len(before)))
        assert _rows(path) == before


def test_a_row_says_who_moved_what_from_where_to_where_and_when(reviews: Reviews, path: Path) -> None:
    _bring(reviews, "explained")
    _, (signal, turn, site, moved_from, moved_to, explanation, user, at) = _rows(path)
    assert (signal, turn, site, moved_from, moved_to) == (_SIGNAL, 2, "north", "reviewing", "explained")
    assert (explanation, user) == ("chance", "ada")
    assert reviews.of_site(_ADA, "north") == {_SIGNAL: Review("explained", "chance", "ada", str(at), 2)}
    assert str(at).endswith("+00:00")


def test_an_explanation_stays_with_a_closed_signal_and_goes_when_it_is_reviewed_again(reviews: Reviews) -> None:
    _bring(reviews, "closed")
    assert reviews.of_site(_ADA, "north")[_SIGNAL].explanation == "chance"
    other = "north/suspected_asd/cusum/2025"
    for after, to in enumerate(("reviewing", "explained", "reviewing")):
        reviews.move(_ADA, _move(to, after, other))  # type: ignore[arg-type]
    assert reviews.of_site(_ADA, "north")[other].explanation is None


@pytest.mark.parametrize(
    ("state", "to", "explanation"), [("reviewing", "explained", None), ("new", "reviewing", "chance")]
)
def test_an_explanation_is_given_with_explained_and_with_nothing_else(
    reviews: Reviews, path: Path, state: State, to: State, explanation: Explanation | None
) -> None:
    _bring(reviews, state)
    before = _rows(path)
    with pytest.raises(DoesNotFit, match="An explanation belongs to"):
        reviews.move(_ADA, Move("north", _SIGNAL, to, explanation, len(before)))
    assert _rows(path) == before


def test_the_second_of_two_people_is_told_and_changes_nothing(reviews: Reviews, path: Path) -> None:
    reviews.move(_ADA, _move("reviewing", 0))
    before = _rows(path)
    with pytest.raises(DoesNotFit, match=r"Somebody else has changed this signal .* it is now reviewing"):
        reviews.move(_ADA, _move("reviewing", 0))
    assert _rows(path) == before


def test_a_state_that_others_left_and_came_back_to_is_not_what_somebody_saw(reviews: Reviews) -> None:
    _bring(reviews, "explained")
    reviews.move(_ADA, _move("reviewing", 2))
    reviews.move(_ADA, _move("explained", 3, explanation="data_error"))
    with pytest.raises(DoesNotFit, match="Somebody else"):
        reviews.move(_ADA, _move("closed", 2))


@pytest.mark.parametrize("to", STATES)
def test_nobody_moves_or_reads_the_signals_of_a_foreign_site(reviews: Reviews, path: Path, to: State) -> None:
    _bring(reviews, "explained")
    before = _rows(path)
    with pytest.raises(Denied):
        reviews.move(_BEN, _move(to, 2))
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
        assert database.execute("pragma user_version").fetchone() == (1,)


@pytest.mark.parametrize("spoil", ["pragma user_version = 2", None])
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
        reviews.move(_ADA, _move("reviewing", 0))
    assert path.read_bytes() == content


_SIGNALS = tuple(f"north/measure_{number}/run/2025-01" for number in range(12))


def _start_reviews(path: Path, barrier: Barrier, user: str) -> None:
    """Try to start the review of each signal, at the same time as others, who want the same."""
    scope = Scope(user, frozenset({"north"}), "quality")
    barrier.wait()
    for signal in _SIGNALS:
        try:
            Reviews(path).move(scope, _move("reviewing", 0, signal))
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
        st.sampled_from(EXPLANATIONS),
        st.sampled_from([True, True, True, False]),
        st.sampled_from([0, 0, 0, 0, -1, 1]),
    ),
    max_size=16,
)


@settings(max_examples=examples(40), deadline=None)
@given(_ATTEMPTS)
def test_whatever_is_tried_states_stay_valid_and_no_row_is_lost(
    attempts: list[tuple[str, State, Explanation, bool, int]],
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "reviews.sqlite"
        reviews = Reviews(path)
        for signal, to, explanation, is_explained_right, off in attempts:
            before, known = _rows(path), reviews.of_site(_ADA, "north").get(signal, Review())
            why = explanation if (to == "explained") == is_explained_right else None
            fits = off == 0 and (known.state, to) in _ALLOWED and is_explained_right
            try:
                reviews.move(_ADA, Move("north", signal, to, why, known.moves + off))
            except DoesNotFit:
                assert not fits
                assert _rows(path) == before
            else:
                assert fits
                assert _rows(path)[:-1] == before
                now = reviews.of_site(_ADA, "north")[signal]
                assert (now.state, now.moves) == (to, known.moves + 1)
