"""The programs of the attack on releases: what they are sure of, on sums that can be followed by hand."""

import numpy as np
import pytest

from benchmarks.attack import _Program, _to_five, _to_ten
from outcomes.disclosure.suppression import coarse, rounded


@pytest.mark.parametrize(("total", "is_found"), [(20, True), (24, False)])
def test_a_count_is_surely_small_where_it_can_be_nothing_else(total: float, is_found: bool) -> None:
    """A sum of 18 or more with a part of 11 to 16: 2 to 9 are left of 20 at most, and 2 to 13 of 24."""
    program = _Program()
    counts = program.add(np.array([18.0, 0, 11]), np.array([total, np.inf, 16]), np.array([19.0, 5, 14]))
    program.adds_up(counts[0], counts[1:])
    assert program.surely_small(counts[1:2]) == ([counts[1]] if is_found else [])


def test_what_is_not_true_is_refused() -> None:
    program = _Program()
    counts = program.add(np.zeros(3), np.full(3, np.inf), np.array([10.0, 3, 6]))
    program.adds_up(counts[0], counts[1:])
    with pytest.raises(AssertionError, match="do not hold"):
        program.surely_small(counts[1:2])


def test_what_is_shown_stands_for_the_counts_that_are_shown_so() -> None:
    for count in (0, *range(11, 200)):
        for of, shown in ((_to_five, rounded), (_to_ten, coarse)):
            low, high = of(int(shown(np.array(count), 11)))
            alike = [each for each in (0, *range(11, 250)) if shown(np.array(each), 11) == shown(np.array(count), 11)]
            assert (low, high) == (min(alike), max(alike))
