"""The control chart of every charted measure by month or quarter of the index fusion: the rows of the mart."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from outcomes.arrays import Floats, Ints, Mask, numbered, starts
from outcomes.periods import add_months, quarter_of
from outcomes.site_files import Annotation, Target
from outcomes.statistics.control_charts import (
    ASSURANCES,
    BETTER,
    QUARTER,
    RULES,
    VARIATIONS,
    Choice,
    Limits,
    assurance,
    charted,
    choose_chart,
    false_alarm_rate,
    signals,
    variation,
)

_VALUES_FOR_LIMITS = 12
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
    """The control chart of every charted measure for all sites and for each, by month or quarter of the index fusion.

    Args:
        measure_counts: the cube of counts; its months are used, and of its strata only `all`.
        directions: of each measure that is charted, a key of `BETTER`.
        annotations: notes and the starts of new phases; one within a quarter is of the quarter.
        targets: at most one of each measure.
        immature_from: the month (YYYY-MM) from which on a measure's patients have been followed too briefly. Their
            values would fall by themselves; they take part in no limit and in no rule.

    Returns:
        One row per measure, site (null for all) and period, with the columns of `sql/marts/control_charts.yaml`. A row
        without a value is a period without patients, or on a g-chart without events.
    """
    months = _Periods.of(measure_counts, list(directions))
    choices = months.choices()
    periods = months.pooled(np.array([choice.months for choice in choices], dtype=np.int64))
    series = periods.series
    charts = np.array([choice.chart or "" for choice in choices], dtype=str)[series]
    rebased = periods.rebased(annotations)
    segment = np.cumsum(starts(series) | rebased) - 1
    first_of_series = segment[starts(series)][series]

    is_mature = periods.mature(immature_from or {})
    values, limits = periods.charted(charts, segment * 2 + ~is_mature)
    limits = Limits(*np.where(is_mature, limits, np.nan))
    rows = np.flatnonzero(~np.isnan(values) & is_mature)
    found = signals(values[rows], limits.at(rows), segment[rows])
    better = periods.of_measure([BETTER[directions[name]] for name in periods.names], np.int64)
    rules = np.zeros(len(values), dtype=np.int64)
    rules[rows] = found.hits @ (1 << np.arange(len(RULES)))
    kinds = np.full(len(values), len(VARIATIONS))
    # More between events means fewer events.
    kinds[rows] = variation(found, np.where(charts == "g", -better, better)[rows])
    is_confirmed = np.zeros(len(values), dtype=bool)
    is_confirmed[rows] = found.confirmed
    goals = {target.measure: target for target in targets}
    of_measure = [goals.get(name) for name in periods.names]
    aims = periods.of_measure([np.nan if goal is None else goal.target for goal in of_measure], np.float64)
    assured = assurance(np.where(charts == "g", np.nan, aims), limits, better)
    points = np.bincount(segment[rows], minlength=int(segment.max(initial=-1)) + 1)[segment]
    return pa.table(
        {
            **{name: periods.keys[name] for name in ("measure", "site_id", "index_period")},
            "months": np.array([choice.months for choice in choices], dtype=np.int64)[series],
            "chart": _words([choice.chart for choice in choices], series),
            "reason_for_chart": _words([choice.reason for choice in choices], series),
            "phase": pa.array(segment - first_of_series + 1, pa.int32()),
            "is_rebased": pa.array(rebased),
            "is_judged": pa.array(is_mature),
            "has_trial_limits": pa.array(points < _VALUES_FOR_LIMITS),
            "value": pa.array(values, from_pandas=True),
            "centre": pa.array(limits.centre, from_pandas=True),
            "lower": pa.array(limits.lower, from_pandas=True),
            "upper": pa.array(limits.upper, from_pandas=True),
            "rules": _words(_RULE_SETS, rules),
            "variation": _words([*VARIATIONS, None], kinds),
            "is_confirmed": pa.array(is_confirmed),
            "false_alarm_rate": pa.array(periods.false_alarm_rates(choices, is_mature)[series], from_pandas=True),
            "target": pa.array(aims, from_pandas=True),
            "target_author": _words([goal.author if goal else None for goal in of_measure], periods.measure),
            "target_reason": _words([goal.reason if goal else None for goal in of_measure], periods.measure),
            "assurance": _words([*ASSURANCES, None], assured),
            **periods.remarks(annotations),
        }
    )


@dataclass(frozen=True)
class _Periods:
    """Counts by month, or quarter, in the order of measure, site (all sites first) and period.

    `keys` are measure, site_id and index_period, the first month of the period, `last` is its last one and `months` how
    many it pools; `names` are those of the measures, `measure` the place of each row's among them; `series` numbers
    measure and site together.
    """

    keys: pa.Table
    last: pa.ChunkedArray
    months: Ints
    names: list[str]
    measure: Ints
    series: Ints
    events: Ints
    patients: Ints

    @classmethod
    def of(cls, measure_counts: pa.Table, charted_measures: Sequence[str]) -> "_Periods":
        """The months of the measures that are charted."""
        of_month = (pc.field("resolution") == "month") & (pc.field("stratum_kind") == "all")
        counts = measure_counts.filter(of_month & pc.field("measure").isin(charted_measures))
        keys = [(name, "ascending", "at_start") for name in ("measure", "site_id", "index_period")]
        counts = counts.take(pc.sort_indices(counts, sort_keys=keys))
        measure, site = (
            pc.fill_null(counts[name], "").combine_chunks().dictionary_encode() for name in ("measure", "site_id")
        )
        places = measure.indices.to_numpy()
        events, patients = (
            pc.fill_null(counts[name], 0).to_numpy().astype(np.int64) for name in ("numerator", "patients")
        )
        return cls(
            counts.select(["measure", "site_id", "index_period"]),
            counts["index_period"],
            np.ones(len(places), dtype=np.int64),
            measure.dictionary.to_pylist(),
            places,
            numbered(places, site.indices.to_numpy()),
            events,
            patients,
        )

    def pooled(self, months: Ints) -> "_Periods":
        """The same with the months of those series pooled to quarters of which `months`, by series, is 3."""
        texts = self.keys["index_period"].to_pylist()
        is_quarter = months[self.series] == QUARTER
        begins = np.array(
            [quarter_of(text) if pools else text for text, pools in zip(texts, is_quarter, strict=True)], dtype=object
        )
        first = np.flatnonzero(starts(self.series, begins))
        ends = [add_months(begins[row], int(months[self.series[row]]) - 1) for row in first]
        keys = self.keys.take(pa.array(first))
        place = keys.schema.get_field_index("index_period")
        return _Periods(
            keys.set_column(place, "index_period", pa.array(begins[first], pa.string())),
            pa.chunked_array([pa.array(ends, pa.string())]),
            months[self.series][first],
            self.names,
            self.measure[first],
            self.series[first],
            *(np.add.reduceat(counts, first) if len(first) else counts for counts in (self.events, self.patients)),
        )

    def of_measure(self, values: Sequence[Any], dtype: Any) -> NDArray[Any]:
        """The value of each row's measure."""
        return np.array(values, dtype=dtype)[self.measure]

    def _totals(self, rows: Mask) -> list[tuple[int, int, int]]:
        """Of each series the events, the patients and the periods with any, in these rows."""
        count = int(self.series.max(initial=-1)) + 1
        sums = (
            np.bincount(self.series[rows], of[rows], count).astype(int)
            for of in (self.events, self.patients, self.patients > 0)
        )
        return [(events, patients, periods) for events, patients, periods in zip(*sums, strict=True)]

    def choices(self) -> list[Choice]:
        """The chart of each series."""
        return [choose_chart(*totals) for totals in self._totals(np.ones(len(self.series), dtype=bool))]

    def false_alarm_rates(self, choices: Sequence[Choice], is_judged: Mask) -> Floats:
        """How likely each series shows a signal though nothing has changed; nan without a judged period."""
        return np.array(
            [
                false_alarm_rate(choice, events, patients, periods) if choice.chart and periods else np.nan
                for choice, (events, patients, periods) in zip(choices, self._totals(is_judged), strict=True)
            ],
            dtype=np.float64,
        )

    def charted(self, charts: NDArray[np.str_], segment: Ints) -> tuple[Floats, Limits]:
        """The value and the limits of each row; nan where there is none."""
        values, lines = np.full(len(charts), np.nan), np.full((len(Limits._fields), len(charts)), np.nan)
        for chart in ("p", "xmr", "g"):
            rows = (charts == chart) & (self.patients > 0)
            values[rows], lines[:, rows] = charted(chart, self.events[rows], self.patients[rows], segment[rows])
        return values, Limits(*lines)

    def at(self, annotation: Annotation) -> Mask:
        """The rows of an annotation: one per series that it is of."""
        named = {"measure": annotation.measure} | ({"site_id": annotation.site_id} if annotation.site_id else {})
        conditions = [
            *(pc.equal(self.keys[name], value).fill_null(False) for name, value in named.items()),
            pc.less_equal(self.keys["index_period"], annotation.period),
            pc.greater_equal(self.last, annotation.period),
        ]
        rows: Mask = np.all([each.to_numpy() for each in conditions], axis=0)
        return rows

    def rebased(self, annotations: Sequence[Annotation]) -> Mask:
        """The rows that begin a new phase by an annotation."""
        rows = [self.at(annotation) for annotation in annotations if annotation.kind == "rebase"]
        rebased: Mask = np.any([np.zeros(len(self.series), dtype=bool), *rows], axis=0)
        return rebased

    def mature(self, immature_from: Mapping[str, str]) -> Mask:
        """Which rows are of months whose patients have been followed long enough."""
        end = pa.array(self.of_measure([immature_from.get(name, _NEVER) for name in self.names], object), pa.string())
        return np.asarray(pc.less(self.last, end))

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
