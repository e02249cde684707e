"""CUSUM and VLAD of each site and outcome, by period of the index fusion: the rows of the mart."""

import numpy as np
import pyarrow as pa

from outcomes.arrays import Floats, numbered, starts
from outcomes.statistics.cusum import IN_CONTROL_RUN, ODDS_RATIOS, Draws, cusum, thresholds, weights

RISKS = """
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
    and coalesce(rpad(episodes.index_period, 7, '-12') < immature_months.first_period, true)
"""
"""Of patients whose month of fusion is mature; who only has a year is taken to be of its last month. Without a period a
patient has no place in the order."""

_SIGNALS = [None, "upper", "lower", "both"]


def cusum_table(outcomes: pa.Table, in_control_run: int = IN_CONTROL_RUN, draws: Draws | None = None) -> pa.Table:
    """CUSUM and VLAD of each site and outcome, by period of the index fusion.

    Args:
        outcomes: one row per patient and measure: measure, site_id, index_period, patient_id, expected (the
            probability by the risk model, between 0 and 1) and observed (whether the outcome occurred).
        in_control_run: the in-control average run length of each side, in patients.
        draws: random numbers for the thresholds; `SIMULATED_PATIENTS` of `SEED` unless given.

    Returns:
        One row per measure, site and period with a patient, with the columns of `sql/marts/cusum.yaml`.
    """
    draws = draws or Draws.seeded()
    keys = ["measure", "site_id", "index_period"]
    outcomes = outcomes.sort_by([(name, "ascending") for name in [*keys, "patient_id"]])
    expected = outcomes["expected"].to_numpy()
    observed = outcomes["observed"].to_numpy().astype(bool)
    codes = [outcomes[name].combine_chunks().dictionary_encode().indices.to_numpy() for name in keys]
    charts = numbered(*codes[:2])
    rows = numbered(*codes)
    first_of_chart, first_of_row = np.flatnonzero(starts(charts)), np.flatnonzero(starts(rows))
    chart_of_row = charts[first_of_row]

    vlad = np.cumsum(expected - observed)
    before = (vlad - (expected - observed))[first_of_chart]
    last_of_row = np.append(first_of_row, len(rows))[1:] - 1
    columns: dict[str, Floats] = {}
    signal = np.zeros(len(first_of_row), dtype=np.int64)
    risks = np.split(expected, first_of_chart)[1:]
    for bit, (side, odds_ratio) in enumerate(ODDS_RATIOS.items()):
        limits = thresholds(risks, odds_ratio, draws, in_control_run)
        path = cusum(weights(expected, observed, odds_ratio), charts, limits)
        columns[f"cusum_{side}"] = np.maximum.reduceat(path, first_of_row)
        columns[f"threshold_{side}"] = limits[chart_of_row]
        signal += (columns[f"cusum_{side}"] >= columns[f"threshold_{side}"]) << bit
    keys_of_row = outcomes.select(keys).take(pa.array(first_of_row))
    return pa.table(
        {
            "measure": keys_of_row["measure"],
            "site_id": keys_of_row["site_id"],
            "index_period": keys_of_row["index_period"],
            "patients": np.bincount(rows),
            "observed": np.add.reduceat(observed.astype(np.int64), first_of_row),
            "expected": np.add.reduceat(expected, first_of_row),
            "vlad": vlad[last_of_row] - before[chart_of_row],
            **columns,
            "signal": pa.array(_SIGNALS, pa.string()).take(pa.array(signal)),
        }
    )
