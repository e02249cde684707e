"""Control charts of measures by month or quarter: which chart, its limits, the four rules, phases and targets.

A value beyond the limits, or a pattern that chance seldom makes, is a special cause: worth asking why. All else is
common cause. The rules are those of NHS England's Making Data Count
(https://www.england.nhs.uk/publication/making-data-count/) as NHSRplotthedots counts them
(https://nhs-r-community.github.io/NHSRplotthedots/):

- `outside`: a value beyond a limit;
- `run`: seven or more values in a row on one side of the centre; one on the centre ends the run;
- `trend`: seven or more values in a row, each above (or each below) the one before; two equal ones end the trend;
- `near`: two of three values in a row in the outer third towards the same limit, or beyond it, all three on that side
  of the centre; the third is not marked. That values beyond the limit count is Making Data Count's rule since
  November 2023 (https://github.com/nhs-r-community/NHSRplotthedots/issues/194).

The charts:

- `xmr`, individual values and moving ranges (Wheeler 1993, Understanding Variation): mean ± 2.66 times the mean moving
  range. Moving ranges above 3.267 times their mean are left out of a second mean, as NHSRplotthedots does after Nelson
  1982 (J Qual Technol 14:172-173), so that one odd month does not hide the next; the workbooks of Making Data Count
  leave them in.
- `p`, shares of patients: binomial limits that vary with the patients of the month, exact where fewer than 5 patients
  with (or without) the outcome are expected. Months with fewer than 5 of either, on average, are pooled to quarters:
  limits around so few are too wide to see anything.
- `g`, patients between outcomes (Benneyan 2001, Health Care Manag Sci 4:305-318), with the median as centre. The month
  is the finest time known, so a month with k outcomes is one value: the patients without the outcome since the last
  month with one, divided by k. Their sum is negative binomial (geometric for k = 1), which gives exact limits.

Exact limits hold the probabilities of three standard deviations of a normal variable, 0.00135 on each side; where the
outer third begins, those of two. Where a quantity cannot be below a limit there is no signal on that side.

Where a measure has a target, the limits tell whether the process as it is can be relied on to reach it (`assurance`,
as Making Data Count has it); a value that equals the target reaches it. On g-charts nothing is said, for their values
are no shares.

The rules find a signal now and then where nothing has changed; how often depends on the volume (`false_alarm_rate`). A
value beyond a limit that the next one confirms, by lying in the outer third on the same side or beyond, is what chance
hardly ever makes (`Signals.confirmed`).

Arrays hold one row per value, by series and period; `segment` numbers the phases of all series, 0 and up, along them.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from outcomes.arrays import Floats, Ids, Ints, Mask, numbered, ratio, starts

RULES = ("outside", "run", "trend", "near")
VARIATIONS = ("common", "special_improving", "special_concerning", "special_neutral")
ASSURANCES = ("hits", "misses", "either")
"""The limits lie wholly on the better side of the target, wholly on the worse side, or on both."""
BETTER = {"lower_is_better": -1, "neutral": 0, "higher_is_better": 1}
"""The directions of a measure: 1 where higher values are better."""

_SCALE = 2.66
_SCREEN = 3.267
_OUTER_THIRD = 2 / 3
_TAIL, _OUTER_TAIL = NormalDist().cdf(-3), NormalDist().cdf(-2)
_PROBABILITIES = (_TAIL, 1 - _TAIL, _OUTER_TAIL, 1 - _OUTER_TAIL)
"""Of the lower and the upper limit, and of where the outer thirds begin."""
_FEW_EXPECTED = 5
_RUN = 7
_MANY_PATIENTS = 1000
MONTH, QUARTER = 1, 3
"""Months that a value pools."""

_NO_CHART = "no patients in any month"
_REASONS = {
    "p": "at least 5 patients with and 5 without the outcome a month on average: binomial limits that vary with the "
    "month's patients",
    "quarter": "fewer than 5 patients with, or without, the outcome a month on average: quarters, with binomial limits "
    "that vary with the quarter's patients",
    "g": "fewer than one outcome a month on average: the patients between outcomes say more than monthly shares",
    "large": "at least 1,000 patients a month on average: binomial limits would be too narrow, "
    "so that the limits come from the moving range",
}

_SIMULATED_CHARTS = 200
_SEED = 9
_VOLUME_STEP, _ODDS_STEP = np.log(1.25), 0.25
"""Simulated are volumes and log odds in such steps, so that like charts share a simulation."""


class Choice(NamedTuple):
    """A chart (`xmr`, `p`, `g`, or None when there is nothing to chart), the months that a value pools, and why."""

    chart: str | None
    months: int
    reason: str


class Limits(NamedTuple):
    """The lines of a chart, one value per row; the outer thirds lie beyond `near_lower` and `near_upper`."""

    centre: Floats
    lower: Floats
    upper: Floats
    near_lower: Floats
    near_upper: Floats

    def at(self, rows: Ids) -> "Limits":
        """The lines of these rows."""
        return Limits(*(line[rows] for line in self))

    def within(self, floor: float, ceiling: float) -> "Limits":
        """The limits no further out than the quantity can be."""
        return self._replace(lower=np.maximum(self.lower, floor), upper=np.minimum(self.upper, ceiling))


class Signals(NamedTuple):
    """What the rules found: `hits` has a column per rule of `RULES`; `towards` is 1 upwards, -1 downwards, else 0.

    `confirmed` are values beyond a limit of which the next lies in the outer third on the same side or beyond.
    """

    hits: Mask
    towards: Ints
    confirmed: Mask


def choose_chart(events: int, patients: int, months: int) -> Choice:
    """The chart for a series by its volume.

    Shares of many patients vary more between months than a binomial variable does, which makes a p-chart cry wolf;
    the moving range measures the variation that there is (Mohammed 2008, Qual Saf Health Care 17:137-145).

    Args:
        events: patients with the outcome, all months together.
        patients: patients in the denominator, all months together.
        months: months with at least one patient.
    """
    if not months:
        return Choice(None, MONTH, _NO_CHART)
    if events < months:
        return Choice("g", MONTH, _REASONS["g"])
    if patients >= _MANY_PATIENTS * months:
        return Choice("xmr", MONTH, _REASONS["large"])
    if min(events, patients - events) < _FEW_EXPECTED * months:
        return Choice("p", QUARTER, _REASONS["quarter"])
    return Choice("p", MONTH, _REASONS["p"])


def moving_range_limits(values: Floats, segment: Ints) -> Limits:
    """The limits of an XmR chart, not cut at zero; nan where a segment has a single value."""
    centre = _pooled(values, np.ones_like(values), segment)
    beside = segment[1:] == segment[:-1]
    ranges, owner = np.abs(np.diff(values))[beside], segment[1:][beside]
    kept = ranges <= _SCREEN * _pooled(ranges, np.ones_like(ranges), owner)
    count = int(segment.max(initial=-1)) + 1
    mean_range = ratio(np.bincount(owner[kept], ranges[kept], count), np.bincount(owner[kept], minlength=count))
    reach = _SCALE * mean_range[segment]
    outer = _OUTER_THIRD * reach
    return Limits(centre, centre - reach, centre + reach, centre - outer, centre + outer)


def share_limits(numerators: Ints, patients: Ints, segment: Ints) -> Limits:
    """The limits of a p-chart; every row has at least one patient."""
    from scipy.stats import binom  # noqa: PLC0415 - slow to import, needed only here

    centre = _pooled(numerators, patients, segment)
    deviation = np.sqrt(centre * (1 - centre) / patients)
    lines = np.array([centre + times * deviation for times in (-3, 3, -2, 2)])
    few = patients * np.minimum(centre, 1 - centre) < _FEW_EXPECTED
    for line, found in zip(lines, _quantiles(binom, _PROBABILITIES, patients[few], centre[few]), strict=True):
        line[few] = found / patients[few]
    return Limits(centre, *lines).within(0, 1)


def between(events: Ints, patients: Ints, segment: Ints) -> Ints:
    """The patients since the last row of the segment with an event (or its start), where there is an event; else 0."""
    so_far = np.cumsum(patients)
    before_segment = (so_far - patients)[starts(segment)][numbered(segment)]
    rows = np.flatnonzero(events > 0)
    before_last = np.append(0, so_far[rows])[:-1]
    gaps = np.zeros_like(patients)
    gaps[rows] = so_far[rows] - np.maximum(before_last, before_segment[rows])
    return gaps


def patients_between(events: Ints, patients: Ints, segment: Ints) -> tuple[Floats, Limits]:
    """Patients without the outcome for each patient with it, and the limits of the g-chart; nan in rows without."""
    from scipy.stats import nbinom  # noqa: PLC0415 - slow to import, needed only here

    share = _pooled(events, patients, segment)
    some = events > 0
    values = np.full(len(events), np.nan)
    values[some] = (between(events, patients, segment) - events)[some] / events[some]
    lines = np.full((5, len(events)), np.nan)
    for line, found in zip(lines, _quantiles(nbinom, (0.5, *_PROBABILITIES), events[some], share[some]), strict=True):
        line[some] = found / events[some]
    return values, Limits(*lines)


def _quantiles(distribution: Any, probabilities: Sequence[float], counts: Ints, shares: Floats) -> Iterator[Floats]:
    """A quantile of each row for each probability; asked once for all rows that are alike, since scipy is slow."""
    alike, row = np.unique(counts + 1j * shares, return_inverse=True)
    return (distribution.ppf(each, alike.real, alike.imag)[row] for each in probabilities)


def charted(chart: str, events: Ints, patients: Ints, segment: Ints) -> tuple[Floats, Limits]:
    """The values and limits of one kind of chart; nan where there is none.

    Args:
        chart: `xmr`, `p` or `g`.
        events: patients with the outcome.
        patients: all; above 0.
        segment: the phase of each row.
    """
    if chart == "g":
        return patients_between(events, patients, segment)
    values = events / patients
    limits = share_limits(events, patients, segment) if chart == "p" else moving_range_limits(values, segment)
    return values, limits.within(0, 1)


def false_alarm_rate(choice: Choice, events: int, patients: int, periods: int) -> float:
    """How likely a chart of an unchanged process, of about this volume, shows a signal in its last 12 months.

    Args:
        choice: of the chart.
        events: patients with the outcome, all periods together.
        patients: all, above 0.
        periods: months or quarters with at least one patient.
    """
    # Half a patient of either answer keeps the odds finite.
    odds = round(np.log((events + 0.5) / (patients - events + 0.5)) / _ODDS_STEP)
    volume = round(np.log(patients / periods) / _VOLUME_STEP)
    years = min(max(round(periods * choice.months / 12), 1), 10)
    return _simulated_rate(str(choice.chart), volume, odds, 12 // choice.months, years)


@cache
def _simulated_rate(chart: str, volume: int, odds: int, per_year: int, years: int) -> float:
    """The share of simulated charts, with limits of their own, that have a signal in the last year."""
    rng = np.random.default_rng(_SEED)
    periods = per_year * years
    patients = np.maximum(rng.poisson(np.exp(volume * _VOLUME_STEP), _SIMULATED_CHARTS * periods), 1)
    events = rng.binomial(patients, 1 / (1 + np.exp(-odds * _ODDS_STEP)))
    segment = np.repeat(np.arange(_SIMULATED_CHARTS), periods)
    values, limits = charted(chart, events, patients, segment)
    rows = np.flatnonzero(~np.isnan(values))
    has_signal = np.zeros(len(values), dtype=bool)
    has_signal[rows] = signals(values[rows], limits.at(rows), segment[rows]).hits.any(axis=1)
    last_year = has_signal.reshape(_SIMULATED_CHARTS, years, per_year)[:, -1]
    return float(last_year.any(axis=1).mean())


def signals(values: Floats, limits: Limits, segment: Ints) -> Signals:
    """Which of the four rules hold for each value."""
    side = _compared(values, limits.centre)
    outside = (_compared(values, limits.lower) < 0) | (_compared(values, limits.upper) > 0)
    run = (side != 0) & (_run_lengths(side, segment) >= _RUN)
    rising = _trend(values, segment)
    beyond = (_compared(values, limits.near_lower) < 0) | (_compared(values, limits.near_upper) > 0)
    near = beyond & _two_of_three(beyond, side, segment)
    hits = np.column_stack([outside, run, rising != 0, near])
    towards = np.where(outside | (rising == 0), side, rising)
    confirmed = outside & _next_agrees(beyond, side, segment)
    return Signals(hits, np.where(hits.any(axis=1), towards, 0), confirmed)


def variation(found: Signals, better: Ints) -> Ints:
    """The kind of variation as an index into `VARIATIONS`; `better` is 1, 0 or -1 as in `BETTER`, for each row.

    The direction of a trend goes before the side on which its values lie; that of a value outside before both.
    """
    special = np.select([better == 0, found.towards == better], [3, 1], default=2)
    return np.where(found.hits.any(axis=1), special, 0)


def assurance(targets: Floats, limits: Limits, better: Ints) -> Ints:
    """What the limits promise of the target, as an index into `ASSURANCES`; one past its end where nothing is said.

    Nothing is said without a target or limits (nan), and of a neutral measure (`better` is 0).
    """
    best, worst = np.where(better > 0, (limits.upper, limits.lower), (limits.lower, limits.upper))
    is_silent = np.isnan(targets) | np.isnan(best) | np.isnan(worst) | (better == 0)
    hits = _compared(worst, targets) * better >= 0
    misses = _compared(best, targets) * better < 0
    return np.select([is_silent, hits, misses], [len(ASSURANCES), 0, 1], default=2)


def _trend(values: Floats, segment: Ints) -> Ints:
    """1 where a value is part of a rising trend, -1 of a falling one, else 0; where two meet, the later one."""
    steps = np.zeros(len(values), dtype=np.int64)
    steps[1:] = np.where(segment[1:] == segment[:-1], _compared(values[1:], values[:-1]), 0)
    steps[_run_lengths(steps, segment) < _RUN - 1] = 0
    after = np.append(steps[1:], 0)
    return np.where(after != 0, after, steps)


def _two_of_three(beyond: Mask, side: Ints, segment: Ints) -> Mask:
    """Which values stand among three in a row on one side of the centre of which two or more are beyond."""
    among = np.zeros(len(beyond), dtype=bool)
    windows = max(len(beyond) - 2, 0)
    three = [slice(first, first + windows) for first in range(3)]
    together = segment[three[0]] == segment[three[2]]
    one_side = np.abs(side[three[0]] + side[three[1]] + side[three[2]]) == 3
    two = beyond[three[0]].astype(int) + beyond[three[1]] + beyond[three[2]] >= 2
    for place in three:
        among[place] |= together & one_side & two
    return among


def _next_agrees(beyond: Mask, side: Ints, segment: Ints) -> Mask:
    """Whether the next value of the segment is beyond the outer third's beginning, on the same side of the centre."""
    agrees = np.zeros(len(beyond), dtype=bool)
    agrees[:-1] = beyond[1:] & (side[1:] == side[:-1]) & (segment[1:] == segment[:-1])
    return agrees


def _run_lengths(labels: Ints, segment: Ints) -> Ints:
    """The length of the run of equal labels, within its segment, that each row is part of."""
    run = numbered(labels, segment)
    lengths: Ints = np.bincount(run)[run]
    return lengths


def _pooled(above: NDArray[Any], below: NDArray[Any], segment: Ints) -> Floats:
    """Sum over sum within the segment, for each row."""
    return ratio(np.bincount(segment, above), np.bincount(segment, below))[segment]


def _compared(values: Floats, line: Floats) -> Ints:
    """1 above the line, -1 below, 0 on it (or where there is none); rounding in the last digits does not count."""
    apart = ~np.isclose(values, line, rtol=1e-12, atol=1e-12)
    return np.where(apart & (values > line), 1, np.where(apart & (values < line), -1, 0))
