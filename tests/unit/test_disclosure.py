import numpy as np
import pyarrow as pa
import pytest

from outcomes.disclosure import coarse, hide, hide_parts, hide_rows, hide_steps, is_small, widths

SMALL_CELL = 11


def test_zero_may_be_shown_and_one_to_ten_may_not() -> None:
    assert is_small(np.array([0, 1, 10, 11]), SMALL_CELL).tolist() == [False, True, True, False]


def test_a_hidden_row_takes_the_smallest_other_with_it() -> None:
    cells = np.array([[3, 60], [50, 60], [40, 60], [45, 60]])
    hidden = hide_rows(cells, is_small(cells, SMALL_CELL), np.zeros(4, dtype=bool), SMALL_CELL)
    assert hidden is not None
    assert hidden.tolist() == [True, False, True, False]


def test_nothing_is_hidden_where_nothing_is_small() -> None:
    cells = np.array([[11, 60], [0, 60]])
    hidden = hide_rows(cells, is_small(cells, SMALL_CELL), np.zeros(2, dtype=bool), SMALL_CELL)
    assert hidden is not None
    assert not hidden.any()


def test_more_rows_are_hidden_until_the_interval_is_wide() -> None:
    # The second row alone would not do: beside it, 3 and 12 add up to 15, of which the first row then has 3 or more.
    cells = np.array([[3, 60], [12, 0], [0, 13], [40, 60]])
    hidden = hide_rows(cells, is_small(cells, SMALL_CELL), np.zeros(4, dtype=bool), SMALL_CELL)
    assert hidden is not None
    assert widths(cells, hidden, np.zeros(4, dtype=bool))[0, 0] >= SMALL_CELL
    assert not hidden[3]


def test_a_single_row_with_a_small_cell_cannot_be_protected() -> None:
    cells = np.array([[3, 60]])
    assert hide_rows(cells, is_small(cells, SMALL_CELL), np.zeros(1, dtype=bool), SMALL_CELL) is None


def test_widths_are_the_frechet_bounds() -> None:
    cells = np.array([[3, 9], [19, 0]])  # 3 lies between 12 + 22 - 31 = 3 and min(12, 22) = 12
    both, none = np.array([True, True]), np.array([False, False])
    assert widths(cells, both, none)[0, 0] == 9
    assert widths(cells, none, none).sum() == 0


def test_parts_are_hidden_together_until_their_sum_tells_little() -> None:
    assert _hidden([3, 2, 8, 20, 27]) == [True, True, True, True, False]
    assert _hidden([30, 20]) == [False, False]


def test_parts_that_only_listing_would_tell_are_refused() -> None:
    assert hide_parts(np.array([5, 6]), SMALL_CELL) is None
    assert hide_parts(np.array([5]), SMALL_CELL) is None


def test_a_step_with_a_small_loss_is_hidden() -> None:
    assert hide_steps(np.array([300, 285, 280, 280]), SMALL_CELL).tolist() == [False, True, False, False]
    assert hide_steps(np.array([300, 297, 280]), SMALL_CELL).tolist() == [False, True, False]
    assert hide_steps(np.array([300, 285, 280]), SMALL_CELL).tolist() == [False, True, False]
    assert hide_steps(np.array([285, 280]), SMALL_CELL).tolist() == [True, False]
    assert hide_steps(np.array([40, 5]), SMALL_CELL).tolist() == [False, True]


def test_hidden_is_null_and_nothing_else_changes() -> None:
    table = pa.table({"site_id": ["a", "b"], "yes": [3, 0]})
    assert hide(table, ["yes"], np.array([True, False])).to_pydict() == {"site_id": ["a", "b"], "yes": [None, 0]}


def _hidden(parts: list[int]) -> list[bool]:
    hidden = hide_parts(np.array(parts), SMALL_CELL)
    assert hidden is not None
    return [bool(each) for each in hidden]


@pytest.mark.parametrize(
    ("count", "shown"), [(0, 0), (11, 20), (14, 20), (15, 20), (24, 20), (25, 30), (34, 30), (1242, 1240)]
)
def test_coarse_counts_never_look_small(count: int, shown: int) -> None:
    assert coarse(np.array([count]), 11).tolist() == [shown]
