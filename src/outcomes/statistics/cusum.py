"""Risk-adjusted monitoring of a site, period after period: CUSUM with simulated thresholds, and VLAD.

The CUSUM (Steiner 2000, Biostatistics 1:441-452, https://doi.org/10.1093/biostatistics/1.4.441) adds for each patient
the log-likelihood ratio of odds R times the expected against the expected odds, W = ln(R^y / (1 - p + R p)), never
falls below zero, C = max(0, C + W), and signals when it reaches its threshold, after which it starts anew at zero.
`upper` looks for doubled odds (R = 2), `lower` for halved ones (R = 1/2).

Of events within a time the ratio is one of rates: W = y ln R - (R - 1) L, where L is the cumulative hazard expected of
the patient over the time in which the event could be seen (Biswas and Kalbfleisch 2008, Stat Med 27:3382). Who is lost
early adds little, whether for good or bad, so that a site that loses patients is not led towards either side.

The patients of a month have no known order, so that a period takes one step, the sum over its patients.

The threshold is the least for which a site as good as expected would go `IN_CONTROL_YEARS`, on average, from start to
signal (the in-control average run length); counted in time, it asks the same of small and of large sites. It is found
by simulating periods drawn from the site's own: so many patients, of whom so many are expected. A signal falls into an
excursion from zero; the run length is the number of periods simulated, less those of an excursion after its signal, for
each excursion that reaches the threshold. Each chart is simulated from the same seed, so that a site's thresholds
depend on its own risks alone.

VLAD (Lovegrove 1997, Lancet 350:1128-1130) is the running sum of expected minus observed, Σ(p - y): patients spared the
outcome, net.
"""

from typing import NamedTuple

import numpy as np

from outcomes.arrays import Floats, Ints, Mask

IN_CONTROL_YEARS = 25
"""Years, on average, to a false signal on one side of one chart."""
SIMULATED_YEARS = 10_000
"""For each threshold; about 400 false signals, which place the run length within about 5 %."""
SEED = 20_000
RATIOS = {"upper": 2.0, "lower": 0.5}
"""Of odds, or of rates."""

_ROUNDING = 1e-9


class Periods(NamedTuple):
    """The periods of a chart: patients, the number with the outcome expected, and the sum of their `losses`."""

    patients: Ints
    expected: Floats
    losses: Floats


class Threshold(NamedTuple):
    """Where a chart signals, and the periods, on average, from start to a false signal."""

    height: float
    run: float


def losses(expected: Floats, ratio: float, over_time: Mask) -> Floats:
    """What the CUSUM loses by each patient; one with the outcome gains ln R.

    Args:
        expected: the probability of the outcome, between 0 and 1, or the cumulative hazard over the patient's time.
        ratio: R, the change of odds, or of rates, that is looked for.
        over_time: whether the outcome is an event within a time.
    """
    lost = (ratio - 1) * expected
    lost[~over_time] = np.log1p(lost[~over_time])
    return lost


def cusum(steps: Floats, charts: Ints, thresholds: Floats) -> Floats:
    """The path of each chart: its value after each period, before it starts anew.

    Args:
        steps: the weight of each period.
        charts: the chart of each period, 0 and up; the periods of a chart stand in their order.
        thresholds: of each chart.

    Returns:
        The value after each period; a signal is where it is at least the threshold.
    """
    sizes = np.bincount(charts, minlength=len(thresholds))
    by_chart = np.argsort(charts, kind="stable")
    turn = np.arange(len(charts)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    largest_first = np.argsort(-sizes, kind="stable")
    place = np.argsort(largest_first)
    # The n-th periods of all charts stand side by side, the charts with the most periods first: one step for all.
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


def threshold(
    periods: Periods, ratio: float, over_time: bool, periods_per_year: float, years: int = SIMULATED_YEARS
) -> Threshold:
    """The least threshold for which the in-control average run length is at least `IN_CONTROL_YEARS`.

    Args:
        periods: those of the chart.
        ratio: R.
        over_time: the outcome is an event within a time.
        periods_per_year: how many of the chart's periods there are in a year.
        years: to simulate; several times `IN_CONTROL_YEARS`.
    """
    steps = _simulated_steps(periods, ratio, over_time, round(years * periods_per_year))
    total = np.cumsum(steps)
    # max(0, C + W) at each step is the sum so far less its least value so far.
    path = total - np.minimum(np.minimum.accumulate(total), 0)
    starts = np.flatnonzero(path == 0)
    starts = starts if len(starts) and starts[0] == 0 else np.append(0, starts)
    lengths = np.diff(np.append(starts, len(path)))
    highest = np.maximum.reduceat(path, starts)
    least_run = IN_CONTROL_YEARS * periods_per_year
    for candidate in _candidates(highest, int(len(path) / least_run)):
        reaching = np.flatnonzero(highest >= candidate)
        above = np.flatnonzero(path >= candidate)
        first = above[np.searchsorted(above, starts[reaching])]
        after_signal = (starts[reaching] + lengths[reaching] - 1 - first).sum()
        run = (len(path) - after_signal) / len(reaching)
        if run >= least_run:
            return Threshold(float(candidate), float(run))
    return Threshold(float(np.nextafter(highest.max(), np.inf)), np.inf)


def _simulated_steps(periods: Periods, ratio: float, over_time: bool, count: int) -> Floats:
    """The steps of so many periods of a site that is as good as expected, drawn from those of the chart."""
    rng = np.random.default_rng(SEED)
    drawn = rng.integers(0, len(periods.patients), count)
    patients, expected = periods.patients[drawn], periods.expected[drawn]
    # Patients of unlike risks vary a little less than those of their mean risk, which errs towards fewer signals.
    observed = rng.poisson(expected) if over_time else rng.binomial(patients, np.minimum(expected / patients, 1))
    steps: Floats = observed * np.log(ratio) - periods.losses[drawn]
    return steps


def _candidates(highest: Floats, most: int) -> Floats:
    """The heights of excursions, from below, that at most `most` of them reach; a little less, for rounding."""
    heights, counts = np.unique(highest[highest > 0], return_counts=True)
    reaching = counts[::-1].cumsum()[::-1]
    return heights[reaching <= most] - _ROUNDING
