"""An attacker who adds and subtracts everything shown must not place a small count closely.

The attacker is a linear program over all that is published, apart from the code that hides: for each hidden small
count it finds the least and the greatest value that agree with every number shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

from outcomes.disclosure import Counts, hide_parts, hide_steps, is_small

SMALL_CELL = 11
COUNTS = st.sampled_from([0, 0, 0, 1, 2, 5, 9, 10, 11, 12, 25, 60])


@dataclass
class Attacker:
    """What is known: equations over unknown counts, each at least its floor."""

    floors: list[float] = field(default_factory=list)
    equations: list[tuple[Mapping[int, float], float]] = field(default_factory=list)

    def unknown(self, floor: float = 0) -> int:
        self.floors.append(floor)
        return len(self.floors) - 1

    def learns(self, coefficients: Mapping[int, float], total: float) -> None:
        self.equations.append((coefficients, total))

    def width(self, unknown: int) -> float:
        matrix = np.zeros((len(self.equations), len(self.floors)))
        for row, (coefficients, _) in enumerate(self.equations):
            for column, coefficient in coefficients.items():
                matrix[row, column] = coefficient
        totals = [total for _, total in self.equations]
        bounds = [(floor, None) for floor in self.floors]
        goal = np.zeros(len(self.floors))
        goal[unknown] = 1
        ends = [linprog(sign * goal, A_eq=matrix, b_eq=totals, bounds=bounds, method="highs") for sign in (1, -1)]
        return np.inf if any(end.status == 3 for end in ends) else float(-ends[1].fun - ends[0].fun)


@settings(deadline=None)
@given(arrays(np.int64, st.integers(1, 6), elements=st.sampled_from([1, 2, 5, 9, 10, 11, 12, 25, 60])))
def test_no_small_part_of_a_known_sum_can_be_worked_out(parts: Counts) -> None:
    hidden = hide_parts(parts, SMALL_CELL)
    if hidden is None:
        assert parts.sum() - len(parts) < SMALL_CELL or len(parts) == 1
        return
    assert not is_small(parts, SMALL_CELL)[~hidden].any()
    attacker = Attacker()
    unknown = [attacker.unknown(floor=1) for _ in parts]
    attacker.learns(dict.fromkeys(unknown, 1), parts.sum())
    for index in np.flatnonzero(~hidden):
        attacker.learns({unknown[index]: 1}, parts[index])
    for index in np.flatnonzero(is_small(parts, SMALL_CELL)):
        assert attacker.width(unknown[index]) >= SMALL_CELL - 1e-6


@settings(deadline=None)
@given(st.lists(COUNTS, max_size=6), st.integers(SMALL_CELL, 500))
def test_no_small_loss_between_steps_can_be_worked_out(losses: list[int], cohort: int) -> None:
    left = cohort + np.cumsum([0, *losses])[::-1]
    hidden = hide_steps(left, SMALL_CELL)
    attacker = Attacker()
    lost = [attacker.unknown() for _ in losses]
    delivered = attacker.unknown()
    attacker.learns(dict.fromkeys(lost, 1) | {delivered: -1}, -cohort)
    for step in np.flatnonzero(~hidden):
        attacker.learns(dict.fromkeys(lost[:step], 1) | {delivered: -1}, -left[step])
    for place, loss in enumerate(reversed(losses)):
        if 0 < loss < SMALL_CELL:
            assert attacker.width(lost[place]) >= SMALL_CELL - 1e-6
