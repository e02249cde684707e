"""What a benchmark gives: figures with their budgets, and how long each step took."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        what: what was measured.
        value: the median, where it was measured several times.
        unit: its unit.
        at_most: its budget, where it has one.
        amount: how much there was to do, where the same is measured of several amounts, so that its growth shows.
        of: what the amount counts.
    """

    what: str
    value: float
    unit: str
    at_most: float | None = None
    amount: int | None = None
    of: str = "patients"

    def __str__(self) -> str:
        budget = "" if self.at_most is None else f"  budget {self.at_most:g}"
        amount = "" if self.amount is None else f", {self.amount:,} {self.of}"
        return f"{self.what + amount:<60} {self.value:10.2f} {self.unit}{budget}"


@dataclass(frozen=True)
class Measured:
    """The figures of a benchmark, and of the largest amount the seconds of each step by its name."""

    figures: list[Figure]
    steps: dict[str, float] = field(default_factory=dict)


@dataclass
class Steps:
    """Told about each step as it begins, as `on_progress` is, it knows afterwards how long each took."""

    _begun: list[tuple[str, float]] = field(default_factory=list)

    def __call__(self, step: str, _done: int = 0, _steps: int = 0) -> None:
        """Remember when the step begins, and the one before it ends."""
        self._begun.append((step, time.perf_counter()))

    def seconds(self) -> dict[str, float]:
        """By step, the seconds until the next one began; the last one only ends them."""
        ends = [end for _, end in self._begun[1:]]
        return {step: end - start for (step, start), end in zip(self._begun[:-1], ends, strict=True)}


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median_seconds(work: Callable[[], object], runs: int) -> float:
    """The median of so many runs."""
    return statistics.median(seconds(work) for _ in range(runs))


def say(measured: Measured) -> None:
    """Print each figure on a line."""
    for figure in measured.figures:
        print(figure, flush=True)
