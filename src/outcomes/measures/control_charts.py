"""The control chart of every measure by month of the index fusion: the rows of the mart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from outcomes.arrays import Floats, Ints, Mask, numbered, starts
from outcomes.site_files import Annotation, Target
from outcomes.statistics.control_charts import (
    ASSURANCES,
    BETTER,
    RULES,
    VARIATIONS,
    Choice,
    Limits,
    assurance,
    charted,
    choose_chart,
    signals,
    variation,
)

_MONTHS_FOR_LIMITS = 12
_NEVER = "9999-99"
"""After every month."""
_RULE_SETS = [
    ";".join(rule for place, rule in enumerate(RULES) if bits >> place & 1) or None for bits in range(1 << len(RULES))
]


def control_chart_table(
    measure_counts: pa.Table,
    directions: Mapping[str, str],
    annotations: Sequence[Annotation] = (),
    targets: Sequence[Target] = (),
    immature_from: Mapping[str, str] | None = None,
) -> pa.Table:
    """The control chart of every measure for all sites and for each, by month of the index fusion.

    Args:
        measure_counts: the cube of counts; its months are used, and of its strata only `all`.
        directions: of each measure, a key of `BETTER`.
        annotations: notes and the starts of new phases.
        targets: at most one of each measure.
        immature_from: the month (YYYY-MM) from which on a measure's patients have been followed too briefly. Their
            values would fall by themselves; they take part in no limit and in no rule.

    Returns:
        One row per measure, site (null for all) and month, with the columns of `sql/marts/control_charts.sql`. A row
        without a value is a month without patients, or on a g- or t-chart without events.
    """
    months = _Months.of(measure_counts)
    choices = months.choices()
    charts = np.array([choice.chart or "" for choice in choices], dtype=str)[months.series]
    rebased = months.rebased(annotations)
    segment = np.cumsum(starts(months.series) | rebased) - 1
    first_of_series = segment[starts(months.series)][months.series]

    is_mature = months.mature(immature_from or {})
    values, limits = months.charted(charts, segment * 2 + ~is_mature)
    limits = Limits(*np.where(is_mature, limits, np.nan))
    rows = np.flatnonzero(~np.isnan(values) & is_mature)
    found = signals(values[rows], Limits(*np.array(limits)[:, rows]), segment[rows])
    is_between = np.isin(charts, ("g", "t"))
    better = months.of_measure([BETTER[directions[name]] for name in months.names], np.int64)
    rules = np.zeros(len(values), dtype=np.int64)
    rules[rows] = found.hits @ (1 << np.arange(len(RULES)))
    kinds = np.full(len(values), len(VARIATIONS))
    # More between events means fewer events.
    kinds[rows] = variation(found, np.where(is_between, -better, better)[rows])
    goals = {target.measure: target.target for target in targets}
    aims = months.of_measure([goals.get(name, np.nan) for name in months.names], np.float64)
    assured = assurance(np.where(is_between, np.nan, aims), limits, better)
    points = np.bincount(segment[rows], minlength=int(segment.max(initial=-1)) + 1)[segment]
    return pa.table(
        {
            **{name: months.counts[name] for name in ("measure", "site_id", "index_period")},
            "chart": _words([choice.chart for choice in choices], months.series),
            "reason_for_chart": _words([choice.reason for choice in choices], months.series),
            "phase": pa.array(segment - first_of_series + 1, pa.int32()),
            "is_rebased": pa.array(rebased),
            "is_judged": pa.array(is_mature),
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


@dataclass(frozen=True)
class _Months:
    """The monthly counts in the order of measure, site (all sites first) and month.

    `names` are those of the measures, `measure` the place of each row's among them; `series` numbers measure and site
    together.
    """

    counts: pa.Table
    names: list[str]
    measure: Ints
    series: Ints
    events: Ints
    patients: Ints
    days: Ints
    is_rate: Mask

    @classmethod
    def of(cls, measure_counts: pa.Table) -> "_Months":
        of_month = (pc.field("resolution") == "month") & (pc.field("stratum_kind") == "all")
        counts = measure_counts.filter(of_month)
        keys = [(name, "ascending", "at_start") for name in ("measure", "site_id", "index_period")]
        counts = counts.take(pc.sort_indices(counts, sort_keys=keys))
        measure, site = (
            pc.fill_null(counts[name], "").combine_chunks().dictionary_encode() for name in ("measure", "site_id")
        )
        places = measure.indices.to_numpy()
        events, patients, days = (
            pc.fill_null(counts[name], 0).to_numpy().astype(np.int64) for name in ("numerator", "patients", "days")
        )
        is_rate = pc.is_valid(counts["days"]).to_numpy()
        series = numbered(places, site.indices.to_numpy())
        return cls(counts, measure.dictionary.to_pylist(), places, series, events, patients, days, is_rate)

    @property
    def observed(self) -> Mask:
        """The rows with anybody, or any time, to be observed."""
        return np.where(self.is_rate, self.days, self.patients) > 0

    def of_measure(self, values: Sequence[Any], dtype: Any) -> NDArray[Any]:
        """The value of each row's measure."""
        return np.array(values, dtype=dtype)[self.measure]

    def choices(self) -> list[Choice]:
        """The chart of each series."""
        sums = (np.bincount(self.series, of).astype(int) for of in (self.events, self.patients, self.observed))
        return [choose_chart(*of_series) for of_series in zip(*sums, self.is_rate[starts(self.series)], strict=True)]

    def charted(self, charts: NDArray[np.str_], segment: Ints) -> tuple[Floats, Limits]:
        """The value and the limits of each row; nan where there is none."""
        values, lines = np.full(len(charts), np.nan), np.full((len(Limits._fields), len(charts)), np.nan)
        for chart in ("p", "xmr", "g", "t"):
            for is_rate in (False, True):
                rows = (charts == chart) & (self.is_rate == is_rate) & self.observed
                exposure = (self.days if is_rate else self.patients)[rows]
                values[rows], lines[:, rows] = charted(chart, is_rate, self.events[rows], exposure, segment[rows])
        return values, Limits(*lines)

    def at(self, annotation: Annotation) -> Mask:
        """The rows of an annotation: one per series that it is of."""
        named = {"measure": annotation.measure, "index_period": annotation.period}
        named |= {"site_id": annotation.site_id} if annotation.site_id else {}
        is_equal = [pc.equal(self.counts[name], value).fill_null(False) for name, value in named.items()]
        rows: Mask = np.all([each.to_numpy() for each in is_equal], axis=0)
        return rows

    def rebased(self, annotations: Sequence[Annotation]) -> Mask:
        """The rows that begin a new phase by an annotation."""
        rows = [self.at(annotation) for annotation in annotations if annotation.kind == "rebase"]
        rebased: Mask = np.any([np.zeros(len(self.series), dtype=bool), *rows], axis=0)
        return rebased

    def mature(self, immature_from: Mapping[str, str]) -> Mask:
        """Which rows are of months whose patients have been followed long enough."""
        end = pa.array(self.of_measure([immature_from.get(name, _NEVER) for name in self.names], object), pa.string())
        return np.asarray(pc.less(self.counts["index_period"], end))

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


def _words(words: Sequence[str | None], places: Ints) -> pa.Array:
    return pa.array(words, pa.string()).take(pa.array(places))
