import numpy as np
import pyarrow as pa
import pytest

from outcomes.disclosure.suppression import coarse, hide, hide_parts, hide_steps, is_small

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


def _hidden(parts: list[int]) -> list[bool]:
    hidden = hide_parts(np.array(parts), MINIMUM)
    assert hidden is not None
    return [bool(each) for each in hidden]


@pytest.mark.parametrize(
    ("count", "shown"), [(0, 0), (11, 20), (14, 20), (15, 20), (24, 20), (25, 30), (34, 30), (1242, 1240)]
)
def test_coarse_counts_never_look_small(count: int, shown: int) -> None:
    assert coarse(np.array([count]), 11).tolist() == [shown]
