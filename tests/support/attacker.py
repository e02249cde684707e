"""An attacker apart from the code that hides: one dense linear program for each end of a count."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from scipy.optimize import linprog

MINIMUM = 11


class Attacker:
    """What is known: counts by any name, none below its floor, and which are the sum of others."""

    def __init__(self) -> None:
        self._place: dict[Any, int] = {}
        self._limits: dict[int, tuple[float, float | None]] = {}
        self._sums: list[dict[int, float]] = []

    def knows(self, count: Any, value: float) -> None:
        self._limits[self._at(count)] = (value, value)

    def knows_between(self, count: Any, low: float, high: float) -> None:
        self._limits[self._at(count)] = (low, high)

    def knows_at_least(self, count: Any, floor: float) -> None:
        self._limits[self._at(count)] = (floor, None)

    def adds_up(self, total: Any, parts: Iterable[Any]) -> None:
        self._sums.append({self._at(total): 1.0} | {self._at(part): -1.0 for part in parts})

    def bounds(self, count: Any) -> tuple[float, float]:
        """The least and the greatest value that agree with all that is known."""
        matrix = np.zeros((len(self._sums), len(self._place)))
        for row, signs in enumerate(self._sums):
            matrix[row, list(signs)] = list(signs.values())
        goal = np.zeros(len(self._place))
        goal[self._place[count]] = 1
        limits = [self._limits.get(at, (0, None)) for at in range(len(self._place))]
        zero = np.zeros(len(self._sums))
        low, high = (linprog(sign * goal, A_eq=matrix, b_eq=zero, bounds=limits, method="highs") for sign in (1, -1))
        assert low.status == 0
        assert high.status in (0, 3)
        return low.fun, np.inf if high.status == 3 else -high.fun

    def discloses(self, count: Any, minimum_cell_count: int = MINIMUM) -> bool:
        """Whether the bounds are narrower than the minimum cell count and reach into the small counts."""
        low, high = self.bounds(count)
        return high - low < minimum_cell_count - 1e-6 and low < minimum_cell_count - 1e-6 and high >= 1 - 1e-6

    def _at(self, count: Any) -> int:
        return self._place.setdefault(count, len(self._place))
