"""Risk-adjusted monitoring of a site, patient after patient: CUSUM with simulated thresholds, and VLAD.

The CUSUM (Steiner 2000, Biostatistics 1:441-452, https://doi.org/10.1093/biostatistics/1.4.441) adds for each patient
the log-likelihood ratio of odds R times the expected against the expected odds, W = ln(R^y / (1 - p + R p)), never
falls below zero, C = max(0, C + W), and signals when it reaches its threshold, after which it starts anew at zero.
`upper` looks for doubled odds (R = 2), `lower` for halved ones (R = 1/2).

The threshold is the least for which a site as good as expected would go `IN_CONTROL_RUN` patients, on average, from
start to signal (the in-control average run length). It is found by simulating patients drawn from the site's own
expected risks. A signal falls into an excursion from zero; the run length is the number of patients simulated, less
those of an excursion after its signal, for each excursion that reaches the threshold. All sites are simulated with the
same random numbers, so that a site's thresholds depend on its own risks alone.

VLAD (Lovegrove 1997, Lancet 350:1128-1130) is the running sum of expected minus observed, Σ(p - y): patients spared the
outcome, net.

The patients of a month have no known order; they stand by their random key.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np

from outcomes.arrays import Floats, Ints, Mask

IN_CONTROL_RUN = 10_000
"""Patients, on average, to a false signal on one side of one chart."""
SIMULATED_PATIENTS = 400_000
"""For each threshold; about 40 false signals, which place it within about 0.2."""
SEED = 20_000
ODDS_RATIOS = {"upper": 2.0, "lower": 0.5}

_ROUNDING = 1e-9
_THREADS = 2
"""Charts whose threshold is simulated at the same time; NumPy lets threads run side by side."""


class Draws(NamedTuple):
    """Random numbers in [0, 1): which patient is drawn, and whether the outcome occurs."""

    patient: Floats
    outcome: Floats

    @classmethod
    def seeded(cls, seed: int = SEED, patients: int = SIMULATED_PATIENTS) -> "Draws":
        """The draws of a seed."""
        return cls(*np.random.default_rng(seed).random((2, patients)))


def weights(expected: Floats, observed: Mask | bool, odds_ratio: float) -> Floats:
    """Steiner's weight W of each patient.

    Args:
        expected: the probability of the outcome, between 0 and 1.
        observed: whether it occurred.
        odds_ratio: R, the change of odds that is looked for.
    """
    return np.where(observed, np.log(odds_ratio), 0) - np.log1p((odds_ratio - 1) * expected)


def cusum(steps: Floats, charts: Ints, thresholds: Floats) -> Floats:
    """The path of each chart: its value at each patient, before it starts anew.

    Args:
        steps: the weight of each patient.
        charts: the chart of each patient, 0 and up; the patients of a chart stand in their order.
        thresholds: of each chart.

    Returns:
        The value at each patient; a signal is where it is at least the threshold.
    """
    sizes = np.bincount(charts, minlength=len(thresholds))
    by_chart = np.argsort(charts, kind="stable")
    turn = np.arange(len(charts)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    largest_first = np.argsort(-sizes, kind="stable")
    place = np.argsort(largest_first)
    # The n-th patients of all charts stand side by side, the charts with the most patients first: one step for all.
    side_by_side = by_chart[np.lexsort((place[charts[by_chart]], turn))]
    moves, path = steps[side_by_side], np.empty(len(steps))
    limits, value = thresholds[largest_first], np.zeros(len(thresholds))
    first = 0
    for count in np.bincount(turn):
        now = value[:count]
        np.maximum(now + moves[first : first + count], 0, out=now)
        path[first : first + count] = now
        now[now >= limits[:count]] = 0
        first += count
    values = np.empty(len(steps))
    values[side_by_side] = path
    return values


def threshold(expected: Floats, odds_ratio: float, draws: Draws, in_control_run: int = IN_CONTROL_RUN) -> float:
    """The least threshold for which the in-control average run length is at least `in_control_run` patients.

    Args:
        expected: the risks of the site's patients.
        odds_ratio: R.
        draws: the random numbers to simulate with; several times `in_control_run` of them.
        in_control_run: patients.
    """
    drawn = (draws.patient * len(expected)).astype(np.int64)
    steps = np.where(
        draws.outcome < expected[drawn],
        weights(expected, True, odds_ratio)[drawn],
        weights(expected, False, odds_ratio)[drawn],
    )
    total = np.cumsum(steps)
    # max(0, C + W) at each step is the sum so far less its least value so far.
    path = total - np.minimum(np.minimum.accumulate(total), 0)
    starts = np.flatnonzero(path == 0)
    starts = starts if len(starts) and starts[0] == 0 else np.append(0, starts)
    lengths = np.diff(np.append(starts, len(path)))
    highest = np.maximum.reduceat(path, starts)
    for candidate in _candidates(highest, len(path) // in_control_run):
        reaching = np.flatnonzero(highest >= candidate)
        above = np.flatnonzero(path >= candidate)
        first = above[np.searchsorted(above, starts[reaching])]
        after_signal = (starts[reaching] + lengths[reaching] - 1 - first).sum()
        if len(path) - after_signal >= in_control_run * len(reaching):
            return float(candidate)
    return float(np.nextafter(highest.max(), np.inf))


def thresholds(
    risks: Iterable[Floats], odds_ratio: float, draws: Draws, in_control_run: int = IN_CONTROL_RUN
) -> Floats:
    """The threshold of each of several charts, see `threshold`; `risks` holds those of each chart's patients."""
    least = partial(threshold, odds_ratio=odds_ratio, draws=draws, in_control_run=in_control_run)
    with ThreadPoolExecutor(_THREADS) as threads:
        return np.array(list(threads.map(least, risks)))


def _candidates(highest: Floats, most: int) -> Floats:
    """The heights of excursions, from below, that at most `most` of them reach; a little less, for rounding."""
    heights, counts = np.unique(highest[highest > 0], return_counts=True)
    reaching = counts[::-1].cumsum()[::-1]
    return heights[reaching <= most] - _ROUNDING
