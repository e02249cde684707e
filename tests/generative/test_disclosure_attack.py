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
from numpy.typing import NDArray
from scipy.optimize import linprog

from outcomes.disclosure import Counts, Mask, hide_parts, hide_steps, is_small
from outcomes.measures.shares import hide_label_rows

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


def attack_labels(cells: Counts, breakdowns: NDArray[np.str_], hidden: Mask) -> list[float]:
    """The widths that the attacker reaches for all hidden small counts of patients, group sizes included."""
    attacker = Attacker()
    sizes = cells.sum(axis=2)[0]
    floor = {"all": 0, "site": 0, "index_year": 1}  # a year is listed because somebody had surgery in it
    size = [attacker.unknown(floor[breakdown]) for breakdown in breakdowns]
    cell = {index: attacker.unknown() for index in np.ndindex(*cells.shape)}
    attacker.learns({size[np.flatnonzero(breakdowns == "all")[0]]: 1}, sizes[breakdowns == "all"][0])
    for label, group in np.ndindex(*hidden.shape):
        answers = range(cells.shape[2])
        attacker.learns({cell[label, group, answer]: 1 for answer in answers} | {size[group]: -1}, 0)
        for answer in answers if not hidden[label, group] else ():
            attacker.learns({cell[label, group, answer]: 1}, cells[label, group, answer])
    whole = int(np.flatnonzero(breakdowns == "all")[0])
    for label, answer in np.ndindex(cells.shape[0], cells.shape[2]):
        for breakdown in ("site", "index_year"):
            parts = {cell[label, group, answer]: 1.0 for group in np.flatnonzero(breakdowns == breakdown)}
            attacker.learns(parts | {cell[label, whole, answer]: -1}, 0)
    targets = [
        cell[index] for index in np.ndindex(*cells.shape) if hidden[index[:2]] and is_small(cells, SMALL_CELL)[index]
    ]
    targets += [size[group] for group in np.flatnonzero(is_small(sizes, SMALL_CELL)) if breakdowns[group] != "all"]
    return [attacker.width(target) for target in targets]


def tables(joint: Counts) -> tuple[Counts, NDArray[np.str_]]:
    """Label shares of patients counted by (site, year, answer to label 1, answer to label 2)."""
    joint = joint[:, joint.any(axis=(0, 2, 3))]
    groups = np.concatenate([joint.sum(axis=(0, 1))[None], joint.sum(axis=1), joint.sum(axis=0)])
    cells = np.stack([groups.sum(axis=2), groups.sum(axis=1)])
    return cells, np.array(["all"] + ["site"] * joint.shape[0] + ["index_year"] * joint.shape[1])


@settings(deadline=None, max_examples=60)
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 3)).flatmap(
        lambda shape: arrays(np.int64, (*shape, 3, 3), elements=COUNTS, fill=st.just(0))
    )
)
def test_no_small_count_of_a_label_can_be_worked_out(joint: Counts) -> None:
    cells, breakdowns = tables(joint)
    hidden = hide_label_rows(cells, ["first", "second"], breakdowns, SMALL_CELL)

    assert not is_small(cells, SMALL_CELL)[~hidden].any()
    if not hidden.all():  # a registry of a few patients is not shown at all
        assert all(width >= SMALL_CELL - 1e-6 for width in attack_labels(cells, breakdowns, hidden))


def test_the_attacker_finds_what_naive_hiding_leaves() -> None:
    joint = np.zeros((3, 1, 3, 3), dtype=np.int64)
    joint[:, 0, 0, 0], joint[:, 0, 1, 1] = (3, 40, 50), (60, 60, 60)
    cells, breakdowns = tables(joint)
    naive = np.asarray(is_small(cells, SMALL_CELL).any(axis=2))
    assert min(attack_labels(cells, breakdowns, naive)) < 1e-6
    hidden = hide_label_rows(cells, ["first", "second"], breakdowns, SMALL_CELL)
    assert hidden.sum() == 4
    assert min(attack_labels(cells, breakdowns, hidden)) >= SMALL_CELL - 1e-6


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
