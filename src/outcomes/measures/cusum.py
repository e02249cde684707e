"""CUSUM and VLAD of each site and outcome, by period of the index fusion: the rows of the mart."""

from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from outcomes.arrays import Floats, Ints, Mask, numbered, starts
from outcomes.measures.risk_models import headline_measures, is_over_time
from outcomes.statistics.cusum import RATIOS, SIMULATED_YEARS, Periods, cusum, losses, threshold

_RISKS = """
select
    expected_outcomes.measure,
    expected_outcomes.site_id,
    episodes.index_period,
    expected_outcomes.patient_id,
    expected_outcomes.expected,
    expected_outcomes.observed
from expected_outcomes
inner join episodes
    on
        expected_outcomes.site_id = episodes.site_id
        and expected_outcomes.patient_id = episodes.patient_id
left join immature_months
    on expected_outcomes.measure = immature_months.measure
where
    episodes.index_period is not null
    and (
        list_contains($over_time, expected_outcomes.measure)
        or coalesce(rpad(episodes.index_period, 7, '-12') < immature_months.first_period, true)
    )
"""
_SIGNALS = [None, "upper", "lower", "both"]


def monitored_outcomes(con: duckdb.DuckDBPyConnection) -> pa.Table:
    """The expected outcomes of the patients who take part, with the period of their index fusion.

    Without a period a patient has no place in the order. Answers at a window wait until the month of fusion is mature;
    who only has a year is taken to be of its last month. Events within a time do not wait: each patient counts for the
    time in which the event could be seen.

    Args:
        con: a connection that holds `expected_outcomes`, `episodes` and `immature_months`.
    """
    over_time = [measure for measure in headline_measures() if is_over_time(measure)]
    return con.sql(_RISKS, params={"over_time": over_time}).to_arrow_table()


def cusum_table(outcomes: pa.Table, years: int = SIMULATED_YEARS) -> pa.Table:
    """CUSUM and VLAD of each site and outcome, by period of the index fusion.

    Args:
        outcomes: one row per patient and measure: measure, site_id, index_period, patient_id, expected (by the risk
            model) and observed (whether the outcome occurred).
        years: to simulate for each threshold.

    Returns:
        One row per measure, site and period with a patient, with the columns of `sql/marts/cusum.yaml`.
    """
    keys = ["measure", "site_id", "index_period"]
    outcomes = outcomes.sort_by([(name, "ascending") for name in [*keys, "patient_id"]])
    codes = [outcomes[name].combine_chunks().dictionary_encode().indices.to_numpy() for name in keys]
    period = numbered(*codes)
    first = np.flatnonzero(starts(period))
    kept = outcomes.select(keys).take(pa.array(first))
    expected, observed = outcomes["expected"].to_numpy(), outcomes["observed"].to_numpy().astype(np.int64)
    charts = _Charts(
        numbered(*(code[first] for code in codes[:2])),
        np.array([is_over_time(measure) for measure in kept["measure"].to_pylist()], dtype=bool),
        np.array([index_period[:4] for index_period in kept["index_period"].to_pylist()], dtype=str),
    )
    of_period = charts.of_period
    sums = {"patients": np.bincount(period), "observed": np.add.reduceat(observed, first)} | {
        "expected": np.add.reduceat(expected, first)
    }
    columns: dict[str, Floats] = {}
    signal, alarms = np.zeros(len(first), dtype=np.int64), np.zeros(len(first))
    for bit, (side, ratio) in enumerate(RATIOS.items()):
        lost = np.add.reduceat(losses(expected, ratio, charts.over_time[period]), first)
        periods = Periods(sums["patients"], sums["expected"], lost)
        height, run = charts.thresholds(periods, ratio, years)
        path = cusum(sums["observed"] * np.log(ratio) - lost, of_period, height)
        columns |= {f"cusum_{side}": path, f"threshold_{side}": height[of_period]}
        signal += (path >= height[of_period]) << bit
        alarms += (charts.per_year / run)[of_period]
    return pa.table(
        {
            **{name: kept[name] for name in keys},
            **sums,
            "vlad": _running(sums["expected"] - sums["observed"], of_period),
            **columns,
            "signal": pa.array(_SIGNALS, pa.string()).take(pa.array(signal)),
            "false_alarm_rate": 1 - np.exp(-alarms),
        }
    )


@dataclass(frozen=True)
class _Charts:
    """The charts: which one each period is of, whether its outcome is an event within a time, and its years."""

    of_period: Ints
    over_time: Mask
    years: NDArray[np.str_]

    @property
    def per_year(self) -> Floats:
        """How many periods of each chart there are in a year, those without a patient left out."""
        is_new = starts(self.of_period, self.years)
        return np.bincount(self.of_period) / np.bincount(self.of_period, is_new)

    def thresholds(self, periods: Periods, ratio: float, years: int) -> tuple[Floats, Floats]:
        """The threshold of each chart, and the periods to a false signal."""
        found = []
        for chart, often in enumerate(self.per_year):
            rows = self.of_period == chart
            of_chart = Periods(*(part[rows] for part in periods))
            found.append(threshold(of_chart, ratio, bool(self.over_time[rows][0]), often, years))
        heights, runs = np.array(found).reshape(-1, 2).T
        return heights, runs


def _running(steps: Floats, charts: Ints) -> Floats:
    """The sum so far, within each chart."""
    total = np.cumsum(steps)
    return total - (total - steps)[starts(charts)][charts]
