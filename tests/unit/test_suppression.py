"""What is hidden in sums, parts and steps, and how counts are rounded, on figures that can be followed by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from outcomes.disclosure.suppression import (
    Sums,
    before_coarse,
    before_rounding,
    coarse,
    hide,
    hide_parts,
    hide_secondary,
    hide_steps,
    is_small,
    rounded,
)

MINIMUM = 11


def test_zero_may_be_shown_and_one_to_ten_may_not() -> None:
    assert is_small(np.array([0, 1, 10, 11]), MINIMUM).tolist() == [False, True, True, False]


def test_parts_are_hidden_together_until_their_sum_tells_little() -> None:
    assert _hidden([3, 2, 8, 20, 27]) == [True, True, True, True, False]
    assert _hidden([30, 20]) == [False, False]


def test_parts_that_only_listing_would_tell_are_refused() -> None:
    assert hide_parts(np.array([5, 6]), MINIMUM) is None
    assert hide_parts(np.array([5]), MINIMUM) is None


def test_a_step_with_a_small_loss_is_hidden() -> None:
    assert hide_steps(np.array([300, 285, 280, 280]), MINIMUM).tolist() == [False, True, False, False]
    assert hide_steps(np.array([300, 297, 280]), MINIMUM).tolist() == [False, True, False]
    assert hide_steps(np.array([300, 285, 280]), MINIMUM).tolist() == [False, True, False]
    assert hide_steps(np.array([285, 280]), MINIMUM).tolist() == [True, False]
    assert hide_steps(np.array([40, 5]), MINIMUM).tolist() == [False, True]


def test_hidden_is_null_and_nothing_else_changes() -> None:
    table = pa.table({"site_id": ["a", "b"], "yes": [3, 0]})
    assert hide(table, ["yes"], np.array([True, False])).to_pydict() == {"site_id": ["a", "b"], "yes": [None, 0]}


@pytest.mark.parametrize(
    ("count", "shown"), [(0, 0), (11, 20), (14, 20), (15, 20), (24, 20), (25, 30), (34, 30), (1242, 1240)]
)
def test_coarse_counts_never_look_small(count: int, shown: int) -> None:
    assert coarse(np.array([count]), 11).tolist() == [shown]


@pytest.mark.parametrize("minimum_cell_count", [5, 11, 20])
def test_rounding_never_shows_a_small_count_and_can_be_undone_to_an_interval(minimum_cell_count: int) -> None:
    counts = np.array([0, *range(minimum_cell_count, 200)])
    shown = rounded(counts, minimum_cell_count)
    assert shown[0] == 0
    assert (shown[1:] >= minimum_cell_count).all()
    low, high = before_rounding(shown, minimum_cell_count)
    assert ((low <= counts) & (counts <= high)).all()


@pytest.mark.parametrize(
    ("count", "shown"), [(0, 0), (11, 15), (12, 15), (17, 15), (18, 20), (22, 20), (23, 25), (1242, 1240)]
)
def test_rounded_counts_never_look_small(count: int, shown: int) -> None:
    assert rounded(np.array([count]), MINIMUM).tolist() == [shown]


@pytest.mark.parametrize("minimum_cell_count", [5, 7, 11, 20])
def test_what_is_shown_stands_for_the_counts_that_are_shown_so(minimum_cell_count: int) -> None:
    counts = np.array([0, *range(minimum_cell_count, 200)])
    for round_, before in ((rounded, before_rounding), (coarse, before_coarse)):
        shown = round_(counts, minimum_cell_count)
        low, high = before(shown, minimum_cell_count)
        for value in np.unique(shown):
            stands_for = counts[shown == value]
            if stands_for.max() < counts.max():
                assert (low[shown == value][0], high[shown == value][0]) == (stands_for.min(), stands_for.max())


def test_a_part_that_helps_is_hidden_before_a_smaller_one_that_does_not() -> None:
    cells = np.array([[[3, 60, 0], [0, 30, 0], [40, 60, 0], [50, 90, 0]]])
    hidden = np.array([[True, False, False, False]])
    hidden, total_hidden = hide_secondary(_sums(cells, hidden), MINIMUM)
    assert hidden.tolist() == [[True, False, True, False]]
    assert not total_hidden.any()


def test_without_enough_parts_the_total_is_hidden() -> None:
    cells = np.array([[[3, 60, 0], [2, 30, 0]], [[3, 60, 0], [20, 30, 0]]])
    hidden, total_hidden = hide_secondary(_sums(cells, np.array([[True, True], [True, False]])), MINIMUM)
    assert total_hidden.tolist() == [True, False]
    assert hidden.all()


def test_a_part_that_knows_itself_learns_of_no_other() -> None:
    cells = np.array(
        [
            [[3, 60], [20, 50], [30, 90], [40, 70]],  # a second hidden part would know the first
            [[3, 60], [4, 60], [60, 90], [70, 95]],  # of 3 and 4 the third would know that they are 7
            [[12, 60], [12, 60], [30, 90], [40, 70]],  # what one of two knows need not be small itself
            [[5, 0], [20, 30], [40, 0], [60, 70]],  # the second would know that the others have one answer only
        ]
    )
    start = np.array([[1, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 0, 0]], dtype=bool)
    sums = replace(_sums(cells, start, has_contributors=True), sensitive=start[..., np.newaxis] & (cells > 0))
    hidden, total_hidden = hide_secondary(sums, MINIMUM)
    assert hidden.astype(int).tolist() == [[1, 1, 0, 1], [1, 1, 1, 1], [1, 1, 0, 1], [1, 1, 1, 1]]
    assert not total_hidden.any()
    outsiders, _ = hide_secondary(replace(sums, has_contributors=np.zeros(4, dtype=bool)), MINIMUM)
    assert outsiders.sum(axis=1).tolist() == [2, 3, 2, 3]


def test_two_parts_whose_size_is_unknown_hide_each_other() -> None:
    cells = np.array([[[8], [30], [40]]])
    hidden, _ = hide_secondary(_sums(cells, np.array([[True, False, False]]), sized=False), MINIMUM)
    assert hidden.tolist() == [[True, True, False]]


def _hidden(parts: list[int]) -> list[bool]:
    hidden = hide_parts(np.array(parts), MINIMUM)
    assert hidden is not None
    return [bool(each) for each in hidden]


def _sums(
    cells: np.ndarray[Any, Any], hidden: np.ndarray[Any, Any], sized: bool = True, has_contributors: bool = False
) -> Sums:
    small = (cells > 0) & (cells < MINIMUM)
    total_hidden, contributors = np.zeros(len(cells), dtype=bool), np.full(len(cells), has_contributors)
    return Sums(cells, small, np.full(hidden.shape, sized), hidden, total_hidden, contributors)
