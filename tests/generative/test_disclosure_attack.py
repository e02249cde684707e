"""An attacker who adds and subtracts everything shown must not place a small count closely.

The attacker is a linear program over all that is published, apart from the code that hides: for each hidden small
count it finds the least and the greatest value that agree with every number shown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

from outcomes.arrays import Counts
from outcomes.disclosure.audit import PublishedTables, audit, require_safe
from outcomes.disclosure.measures import protected_measures, safe_measures
from outcomes.disclosure.suppression import hide, hide_parts, hide_steps, is_small
from outcomes.errors import OutcomesError

MINIMUM = 11
NUMBERS = ("numerator", "patients", "excluded")
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


Cells = dict[tuple[str, str | None, str | None], tuple[int, int, int]]
"""By measure, site (None = all) and year (None = all): patients with the outcome, without it, and excluded."""


def cells_of(joint: Counts) -> Cells:
    """The cells of two measures of patients counted by (site, year, answer to the one, answer to the other)."""
    sites, years = ([None, *map(str, range(joint.shape[axis]))] for axis in (0, 1))
    cells: Cells = {}
    for site, year in product(sites, years):
        part = joint if site is None else joint[int(site)][np.newaxis]
        part = part if year is None else part[:, int(year)][:, np.newaxis]
        answers = part.sum(axis=(0, 1))
        cells["first", site, year] = tuple(answers.sum(axis=1).tolist())
        cells["second", site, year] = tuple(answers.sum(axis=0).tolist())
    return cells


def counts_table(cells: Cells) -> pa.Table:
    """The relation `measure_counts` of these cells."""
    rows = [
        {
            "measure": measure,
            "site_id": site,
            "resolution": "all" if year is None else "year",
            "period": None if year is None else f"202{year}",
            "stratum_kind": "all",
            "stratum": None,
            "numerator": yes,
            "patients": yes + no,
            "excluded": excluded,
            "days": None,
        }
        for (measure, site, year), (yes, no, excluded) in cells.items()
    ]
    text, count = pa.string(), pa.int64()
    names = {"measure": text, "site_id": text, "resolution": text, "period": text, "stratum_kind": text}
    numbers = dict.fromkeys(("numerator", "patients", "excluded", "days"), count)
    return pa.Table.from_pylist(rows, schema=pa.schema(names | {"stratum": text} | numbers))


def hidden_cells(shown: pa.Table) -> set[tuple[str, str | None, str | None]]:
    """Which cells a protected table of measures suppresses."""
    return {
        (row["measure"], row["site_id"], None if row["period"] is None else row["period"][3:])
        for row in shown.to_pylist()
        if row["state"] == "suppressed"
    }


def attack_measures(cells: Cells, hidden: set[tuple[str, str | None, str | None]]) -> list[float]:
    """The widths that the attacker reaches for all hidden small counts, knowing each shown count to the patient."""
    attacker = Attacker()
    places = sorted({(site, year) for _, site, year in cells}, key=str)
    size = {(site, year): attacker.unknown() for site, year in places}
    unknown = {(cell, answer): attacker.unknown() for cell in cells for answer in range(3)}
    for (measure, site, year), counts in cells.items():
        attacker.learns(
            {unknown[(measure, site, year), answer]: 1.0 for answer in range(3)} | {size[site, year]: -1.0}, 0
        )
        for answer in range(3) if (measure, site, year) not in hidden else ():
            attacker.learns({unknown[(measure, site, year), answer]: 1.0}, counts[answer])
        for answer in range(3):
            for parts in (
                [cell for cell in cells if cell[0] == measure and site is None and cell[1] and cell[2] == year],
                [cell for cell in cells if cell[0] == measure and year is None and cell[2] and cell[1] == site],
            ):
                if parts:
                    of_parts = {unknown[cell, answer]: 1.0 for cell in parts}
                    attacker.learns(of_parts | {unknown[(measure, site, year), answer]: -1.0}, 0)
    return [
        attacker.width(unknown[cell, answer])
        for cell in sorted(hidden, key=str)
        for answer in range(3)
        if 0 < cells[cell][answer] < MINIMUM
    ]


@settings(deadline=None, max_examples=100)
@given(
    st.tuples(st.integers(1, 4), st.integers(1, 3)).flatmap(
        lambda shape: arrays(np.int64, (*shape, 3, 3), elements=COUNTS, fill=st.just(0))
    )
)
def test_no_small_count_of_a_measure_can_be_worked_out(joint: Counts) -> None:
    cells = cells_of(joint)
    shown = safe_measures(counts_table(cells), MINIMUM)
    hidden = hidden_cells(shown)
    for cell, counts in cells.items():
        assert cell in hidden or not any(0 < count < MINIMUM for count in counts)
    if len(hidden) < len(cells):  # a registry of a few patients is not shown at all
        assert all(width >= MINIMUM - 1 - 1e-6 for width in attack_measures(cells, hidden))


def test_what_hiding_small_counts_alone_leaves_is_found_by_attacker_and_auditor() -> None:
    joint = np.zeros((3, 1, 3, 3), dtype=np.int64)
    joint[:, 0, 0, 0], joint[:, 0, 1, 1] = (3, 40, 50), (60, 60, 60)
    cells = cells_of(joint)
    naive = {cell for cell, counts in cells.items() if any(0 < count < MINIMUM for count in counts)}
    assert min(attack_measures(cells, naive)) < 1e-6

    table = counts_table(cells)
    state = ["suppressed" if cell in naive else "shown" for cell in cells]
    leaky = table.append_column("state", pa.array(state))
    with pytest.raises(OutcomesError, match="disclosure_risk"):
        require_safe(PublishedTables(MINIMUM, hide(leaky, NUMBERS, np.array(state) == "suppressed"), round_to=1))
    hidden = hidden_cells(safe_measures(table, MINIMUM))
    assert min(attack_measures(cells, hidden)) >= MINIMUM - 1e-6
    assert audit(PublishedTables(MINIMUM, protected_measures(table, MINIMUM, round_to=1), round_to=1)) == []


@settings(deadline=None)
@given(arrays(np.int64, st.integers(1, 6), elements=st.sampled_from([1, 2, 5, 9, 10, 11, 12, 25, 60])))
def test_no_small_part_of_a_known_sum_can_be_worked_out(parts: Counts) -> None:
    hidden = hide_parts(parts, MINIMUM)
    if hidden is None:
        assert parts.sum() - len(parts) < MINIMUM or len(parts) == 1
        return
    assert not is_small(parts, MINIMUM)[~hidden].any()
    attacker = Attacker()
    unknown = [attacker.unknown(floor=1) for _ in parts]
    attacker.learns(dict.fromkeys(unknown, 1), parts.sum())
    for index in np.flatnonzero(~hidden):
        attacker.learns({unknown[index]: 1}, parts[index])
    for index in np.flatnonzero(is_small(parts, MINIMUM)):
        assert attacker.width(unknown[index]) >= MINIMUM - 1e-6


@settings(deadline=None)
@given(st.lists(COUNTS, max_size=6), st.integers(MINIMUM, 500))
def test_no_small_loss_between_steps_can_be_worked_out(losses: list[int], cohort: int) -> None:
    left = cohort + np.cumsum([0, *losses])[::-1]
    hidden = hide_steps(left, MINIMUM)
    attacker = Attacker()
    lost = [attacker.unknown() for _ in losses]
    delivered = attacker.unknown()
    attacker.learns(dict.fromkeys(lost, 1) | {delivered: -1}, -cohort)
    for step in np.flatnonzero(~hidden):
        attacker.learns(dict.fromkeys(lost[:step], 1) | {delivered: -1}, -left[step])
    for place, loss in enumerate(reversed(losses)):
        if 0 < loss < MINIMUM:
            assert attacker.width(lost[place]) >= MINIMUM - 1e-6
