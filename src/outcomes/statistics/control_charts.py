"""Control charts of measures by month: which chart, its limits, the four rules, phases, annotations and targets.

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
- `p`, shares of patients: binomial limits that vary with the month's patients, exact where fewer than 5 patients with
  (or without) the outcome are expected.
- `g`, patients between outcomes (Benneyan 2001, Health Care Manag Sci 4:305-318), with the median as centre. The month
  is the finest time known, so a month with k outcomes is one value: the patients without the outcome since the last
  month with one, divided by k. Their sum is negative binomial (geometric for k = 1), which gives exact limits.
- `t`, observed person-days between events of a rate, likewise; the sum of k exponential times is a gamma variable.

Exact limits hold the probabilities of three standard deviations of a normal variable, 0.00135 on each side; where the
outer third begins, those of two. Where a quantity cannot be below a limit there is no signal on that side.

Where a measure has a target, the limits tell whether the process as it is can be relied on to reach it (`assurance`,
as Making Data Count has it); a value that equals the target reaches it. On g- and t-charts nothing is said, for their
values are no shares or rates.

Arrays hold one row per value, by series and month; `segment` numbers the phases of all series, 0 and up, along them.
"""

import csv
import math
import re
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from outcomes.arrays import Floats, Ints, Mask, numbered, ratio, starts
from outcomes.errors import OutcomesError

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
_MONTHS_FOR_LIMITS = 12
_NEVER = "9999-99"
"""After every month."""
_MANY_PATIENTS = 1000
_DAYS_OF_100_YEARS = 36_525

_RULE_SETS = [
    ";".join(rule for place, rule in enumerate(RULES) if bits >> place & 1) or None for bits in range(1 << len(RULES))
]
_NO_CHART = "no patients in any month"
_REASONS = {
    "p": "shares with at least one outcome a month on average: binomial limits that vary with the month's patients",
    "g": "fewer than one outcome a month on average: the patients between outcomes say more than monthly shares",
    "t": "fewer than one event a month on average: the person-days between events say more than monthly rates",
    "xmr": "rates with at least one event a month on average: limits from the moving range",
    "large": "at least 1,000 patients a month on average: binomial limits would be too narrow, "
    "so that the limits come from the moving range",
}


class Choice(NamedTuple):
    """A chart (`xmr`, `p`, `g`, `t`, or None when there is nothing to chart) and why it was chosen."""

    chart: str | None
    reason: str


@dataclass(frozen=True)
class Limits:
    """The lines of a chart, one value per row; the outer thirds lie beyond `near_lower` and `near_upper`."""

    centre: Floats
    lower: Floats
    upper: Floats
    near_lower: Floats
    near_upper: Floats

    def within(self, floor: float, ceiling: float) -> "Limits":
        """The limits no further out than the quantity can be."""
        return Limits(
            self.centre,
            np.maximum(self.lower, floor),
            np.minimum(self.upper, ceiling),
            self.near_lower,
            self.near_upper,
        )


@dataclass(frozen=True)
class Signals:
    """What the rules found: `hits` has a column per rule of `RULES`; `towards` is 1 upwards, -1 downwards, else 0."""

    hits: Mask
    towards: Ints


@dataclass(frozen=True)
class Annotation:
    """A line of annotations.csv; `site_id` is empty when it holds for all sites, together and each."""

    site_id: str
    measure: str
    period: str
    kind: str
    text: str
    author: str
    reason: str


@dataclass(frozen=True)
class Target:
    """A line of targets.csv; `target` is a fraction, or of a rate events per 100 person-years."""

    measure: str
    target: float
    author: str
    reason: str


def choose_chart(events: int, patients: int, months: int, is_rate: bool) -> Choice:
    """The chart for a series by its volume.

    Shares of many patients vary more between months than a binomial variable does, which makes a p-chart cry wolf;
    the moving range measures the variation that there is (Mohammed 2008, Qual Saf Health Care 17:137-145).

    Args:
        events: patients with the outcome, all months together.
        patients: patients in the denominator, all months together.
        months: months with at least one patient.
        is_rate: the measure counts events per person-time, not a share of patients.
    """
    if not months:
        return Choice(None, _NO_CHART)
    if events < months:
        chart = "t" if is_rate else "g"
        return Choice(chart, _REASONS[chart])
    if is_rate:
        return Choice("xmr", _REASONS["xmr"])
    if patients >= _MANY_PATIENTS * months:
        return Choice("xmr", _REASONS["large"])
    return Choice("p", _REASONS["p"])


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
    for line, probability in zip(lines, _PROBABILITIES, strict=True):
        line[few] = binom.ppf(probability, patients[few], centre[few]) / patients[few]
    return Limits(centre, *lines).within(0, 1)


def between(events: Ints, exposure: Ints, segment: Ints) -> Ints:
    """The exposure since the last row of the segment with an event (or its start), where there is an event; else 0."""
    so_far = np.cumsum(exposure)
    before_segment = (so_far - exposure)[starts(segment)][numbered(segment)]
    rows = np.flatnonzero(events > 0)
    before_last = np.append(0, so_far[rows])[:-1]
    gaps = np.zeros_like(exposure)
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
    for line, probability in zip(lines, (0.5, *_PROBABILITIES), strict=True):
        line[some] = nbinom.ppf(probability, events[some], share[some]) / events[some]
    return values, Limits(*lines)


def days_between(events: Ints, days: Ints, segment: Ints) -> tuple[Floats, Limits]:
    """Observed person-days for each event, and the limits of the t-chart; nan in rows without an event."""
    from scipy.stats import gamma  # noqa: PLC0415 - slow to import, needed only here

    some = events > 0
    mean = np.full(len(events), np.nan)
    mean[some] = _pooled(days, events, segment)[some]
    values = np.full(len(events), np.nan)
    values[some] = between(events, days, segment)[some] / events[some]
    lines = np.full((5, len(events)), np.nan)
    for line, probability in zip(lines, (0.5, *_PROBABILITIES), strict=True):
        line[some] = gamma.ppf(probability, events[some]) / events[some] * mean[some]
    return values, Limits(*lines)


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
    return Signals(hits, np.where(hits.any(axis=1), towards, 0))


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


def control_chart_table(
    measure_counts: pa.Table,
    directions: Mapping[str, str],
    annotations: Sequence[Annotation] = (),
    targets: Sequence[Target] = (),
    not_judged_from: Mapping[str, str] | None = None,
) -> pa.Table:
    """The control chart of every measure for all sites and for each, by month of the index fusion.

    Args:
        measure_counts: the cube of counts; its months are used, and of its strata only `all`.
        directions: of each measure, a key of `BETTER`.
        annotations: notes and the starts of new phases.
        targets: at most one of each measure.
        not_judged_from: the month (YYYY-MM) from which on a measure's patients have been followed too briefly. Their
            values would fall by themselves; they take part in no limit and in no rule.

    Returns:
        One row per measure, site (null for all) and month, with the columns of `sql/marts/control_charts.sql`. A row
        without a value is a month without patients, or on a g- or t-chart without events.
    """
    months = _Months.of(measure_counts)
    choices = months.choices()
    charts = np.array([choice.chart or "" for choice in choices])[months.series]
    rebased = np.zeros(len(charts), dtype=bool)
    for annotation in annotations:
        if annotation.kind == "rebase":
            rebased |= months.at(annotation)
    segment = np.cumsum(starts(months.series) | rebased) - 1
    first = segment[starts(months.series)][months.series]

    is_judged = months.judged(not_judged_from or {})
    values, limits = months.charted(charts, segment * 2 + ~is_judged)
    limits = Limits(*(np.where(is_judged, line, np.nan) for line in _lines(limits)))
    rows = np.flatnonzero(~np.isnan(values) & is_judged)
    found = signals(values[rows], Limits(*(line[rows] for line in _lines(limits))), segment[rows])
    is_between = np.isin(charts, ("g", "t"))
    better = np.array([BETTER[directions[name]] for name in months.measures.words])[months.measures.codes]
    rules = np.zeros(len(values), dtype=np.int64)
    rules[rows] = found.hits @ (1 << np.arange(len(RULES)))
    kinds = np.full(len(values), len(VARIATIONS))
    # More between events means fewer events.
    kinds[rows] = variation(found, np.where(is_between, -better, better)[rows])
    aims = months.aims(targets)
    assured = assurance(np.where(is_between, np.nan, aims), limits, better)
    points = np.bincount(segment[rows], minlength=int(segment.max(initial=-1)) + 1)[segment]
    return pa.table(
        {
            "measure": months.measures.column,
            "site_id": months.sites.column,
            "period": months.periods.column,
            "chart": _words([choice.chart for choice in choices], months.series),
            "reason_for_chart": _words([choice.reason for choice in choices], months.series),
            "phase": pa.array(segment - first + 1, pa.int32()),
            "is_rebased": pa.array(rebased),
            "is_judged": pa.array(is_judged),
            "has_trial_limits": pa.array(points < _MONTHS_FOR_LIMITS),
            "value": pa.array(values, from_pandas=True),
            "centre": pa.array(limits.centre, from_pandas=True),
            "lower": pa.array(limits.lower, from_pandas=True),
            "upper": pa.array(limits.upper, from_pandas=True),
            "rules": _words(_RULE_SETS, rules),
            "variation": _words([*VARIATIONS, None], kinds),
            "target": pa.array(aims, from_pandas=True),
            "assurance": _words([*ASSURANCES, None], assured),
            **months.remarks(annotations),
        }
    )


def load_annotations(path: Path, measures: Collection[str], sites: Collection[str]) -> tuple[Annotation, ...]:
    """Read annotations.csv: notes on charts, and the months from which limits are worked out anew.

    The columns are site_id (empty: all sites, together and each), measure, period (YYYY-MM), kind (`rebase` or
    `note`), text, author and reason. Each line has an author; a note has a text, a rebase a reason.

    Args:
        path: the file; without it there are no annotations.
        measures: the ids that there are.
        sites: the sites that there are.

    Raises:
        OutcomesError: `annotations_malformed`, with the line and what is wrong with it.
    """
    found = []
    for place, cells in _lines_of(path, Annotation, "annotations_malformed"):
        annotation = Annotation(*cells)
        for fault in _faults(annotation, measures, sites):
            raise OutcomesError("annotations_malformed", f"{place}: {fault}")
        found.append(annotation)
    return tuple(found)


def load_targets(path: Path, units: Mapping[str, str]) -> tuple[Target, ...]:
    """Read targets.csv: what measures should reach.

    The columns are measure, target (a fraction from 0 to 1, of a rate events per 100 person-years), author and reason.
    A measure has one target at most; each line has an author and a reason.

    Args:
        path: the file; without it there are no targets.
        units: `share` or `rate`, of each measure that there is.

    Raises:
        OutcomesError: `targets_malformed`, with the line and what is wrong with it.
    """
    found: dict[str, Target] = {}
    for place, (measure, stated, author, reason) in _lines_of(path, Target, "targets_malformed"):
        target = Target(measure, _number(stated), author, reason)
        for fault in _target_faults(target, units, found):
            raise OutcomesError("targets_malformed", f"{place}: {fault}")
        found[measure] = target
    return tuple(found.values())


def _lines_of(path: Path, kind: type[Annotation | Target], code: str) -> Iterator[tuple[str, list[str]]]:
    """The place and the cells of each line of a file whose columns are the fields of `kind`; none without the file."""
    if not path.exists():
        return
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = list(csv.reader(lines, strict=True))
    except (UnicodeDecodeError, csv.Error) as error:
        raise OutcomesError(code, f"{path.name} is not a CSV file in UTF-8") from error
    names = [field.name for field in fields(kind)]
    if not rows or rows[0] != names:
        raise OutcomesError(code, f"{path.name}: the columns must be {', '.join(names)}")
    for number, row in enumerate(rows[1:], start=2):
        place = f"{path.name}, row {number}"
        if len(row) != len(names):
            raise OutcomesError(code, f"{place}: not {len(names)} columns")
        yield place, [cell.strip() for cell in row]


def _number(text: str) -> float:
    """The number, or nan when it is none."""
    try:
        return float(text)
    except ValueError:
        return math.nan


def _target_faults(target: Target, units: Mapping[str, str], found: Collection[str]) -> Iterable[str]:
    if target.measure not in units:
        yield "there is no such measure"
    if target.measure in found:
        yield "the measure has a target already"
    if not 0 <= target.target < math.inf:
        yield "target is not a number of 0 or more"
    if units.get(target.measure) == "share" and target.target > 1:
        yield "the target of a share is a fraction from 0 to 1"
    if not target.author:
        yield "author is empty"
    if not target.reason:
        yield "reason is empty"


def _faults(annotation: Annotation, measures: Collection[str], sites: Collection[str]) -> Iterable[str]:
    if annotation.measure not in measures:
        yield "there is no such measure"
    if annotation.site_id and annotation.site_id not in sites:
        yield "there is no such site"
    if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", annotation.period):
        yield "period is not YYYY-MM"
    if annotation.kind not in ("rebase", "note"):
        yield "kind is neither rebase nor note"
    if not annotation.author:
        yield "author is empty"
    if annotation.kind == "rebase" and not annotation.reason:
        yield "a rebase needs a reason"
    if annotation.kind == "note" and not annotation.text:
        yield "a note needs a text"


@dataclass(frozen=True)
class _Ranked:
    """A column of text as numbers in the order of its words; null is -1, before all others."""

    words: list[str]
    codes: Ints

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> "_Ranked":
        encoded = pc.dictionary_encode(column).combine_chunks()
        words = encoded.dictionary.to_pylist()
        order = sorted(range(len(words)), key=lambda code: words[code])
        ranks = np.empty(len(words) + 1, dtype=np.int64)
        ranks[order], ranks[-1] = np.arange(len(words)), -1
        return cls([words[code] for code in order], ranks[pc.fill_null(encoded.indices, -1).to_numpy()])

    def taken(self, rows: Ints) -> "_Ranked":
        return _Ranked(self.words, self.codes[rows])

    def code(self, word: str) -> int:
        return self.words.index(word) if word in self.words else len(self.words)

    @property
    def column(self) -> pa.Array:
        return _words([*self.words, None], self.codes % (len(self.words) + 1))


@dataclass(frozen=True)
class _Months:
    """The monthly counts by measure, site and month; `series` numbers measure and site together."""

    measures: _Ranked
    sites: _Ranked
    periods: _Ranked
    series: Ints
    events: Ints
    patients: Ints
    days: Ints
    is_rate: Mask

    @classmethod
    def of(cls, measure_counts: pa.Table) -> "_Months":
        of_month = (pc.field("resolution") == "month") & (pc.field("stratum_kind") == "all")
        counts = measure_counts.filter(of_month)
        keys = [_Ranked.of(counts[name]) for name in ("measure", "site_id", "period")]
        order = np.lexsort([key.codes for key in reversed(keys)])
        measures, sites, periods = (key.taken(order) for key in keys)
        series = numbered(measures.codes, sites.codes)
        events, patients, days = (
            pc.fill_null(counts[name], 0).to_numpy().astype(np.int64)[order]
            for name in ("numerator", "patients", "days")
        )
        is_rate = pc.is_valid(counts["days"]).to_numpy()[order]
        return cls(measures, sites, periods, series, events, patients, days, is_rate)

    def choices(self) -> list[Choice]:
        """The chart of each series."""
        observed = np.where(self.is_rate, self.days, self.patients) > 0
        sums = zip(
            *(np.bincount(self.series, of).astype(int) for of in (self.events, self.patients, observed)),
            self.is_rate[starts(self.series)],
            strict=True,
        )
        return [choose_chart(*of_series) for of_series in sums]

    def charted(self, charts: NDArray[np.str_], segment: Ints) -> tuple[Floats, Limits]:
        """The value and the limits of each row; nan where there is none."""
        values, lines = np.full(len(charts), np.nan), np.full((5, len(charts)), np.nan)
        observed = np.where(self.is_rate, self.days, self.patients) > 0
        for chart in ("p", "xmr", "g", "t"):
            for is_rate in (False, True):
                rows = (charts == chart) & (self.is_rate == is_rate) & observed
                exposure = (self.days if is_rate else self.patients)[rows]
                values[rows], limits = _charted(chart, is_rate, self.events[rows], exposure, segment[rows])
                lines[:, rows] = _lines(limits)
        return values, Limits(*lines)

    def at(self, annotation: Annotation) -> Mask:
        """The rows of an annotation: one per series that it is of."""
        rows: Mask = (self.measures.codes == self.measures.code(annotation.measure)) & (
            self.periods.codes == self.periods.code(annotation.period)
        )
        return rows & (self.sites.codes == self.sites.code(annotation.site_id)) if annotation.site_id else rows

    def judged(self, not_judged_from: Mapping[str, str]) -> Mask:
        """Which rows are of months whose patients have been followed long enough."""
        judged_periods = [
            bisect_left(self.periods.words, not_judged_from.get(measure, _NEVER)) for measure in self.measures.words
        ]
        judged: Mask = self.periods.codes < np.array(judged_periods, dtype=np.int64)[self.measures.codes]
        return judged

    def aims(self, targets: Sequence[Target]) -> Floats:
        """The target of each row; nan where its measure has none."""
        aims = np.full(len(self.series), np.nan)
        for target in targets:
            aims[self.measures.codes == self.measures.code(target.measure)] = target.target
        return aims

    def remarks(self, annotations: Sequence[Annotation]) -> dict[str, pa.Array]:
        """What the annotations say of each row; several are joined in the order of the file."""
        columns = {}
        for column, name in (("annotation", "text"), ("annotation_author", "author"), ("annotation_reason", "reason")):
            texts = np.full(len(self.series), None, dtype=object)
            for annotation in annotations:
                if remark := getattr(annotation, name):
                    rows = self.at(annotation)
                    texts[rows] = [f"{said}; {remark}" if said else remark for said in texts[rows]]
            columns[column] = pa.array(texts, pa.string())
        return columns


def _charted(chart: str, is_rate: bool, events: Ints, exposure: Ints, segment: Ints) -> tuple[Floats, Limits]:
    """The values and limits of one kind of chart; the exposure is in days for a rate, in patients for a share."""
    if chart == "g":
        return patients_between(events, exposure, segment)
    if chart == "t":
        return days_between(events, exposure, segment)
    if chart == "p":
        return events / exposure, share_limits(events, exposure, segment)
    values = events / exposure * (_DAYS_OF_100_YEARS if is_rate else 1)
    return values, moving_range_limits(values, segment).within(0, np.inf if is_rate else 1)


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


def _lines(limits: Limits) -> list[Floats]:
    return [limits.centre, limits.lower, limits.upper, limits.near_lower, limits.near_upper]


def _words(words: Sequence[str | None], codes: Ints) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(codes))
