"""The estimate of each measure, with its interval."""

import numpy as np
import pyarrow as pa

from outcomes.arrays import ratio
from outcomes.statistics.intervals import poisson_interval, wilson_interval

DAYS_PER_YEAR = 365.25


def with_intervals(counts: pa.Table) -> pa.Table:
    """Counts of measures with their estimate and its 95 % limits.

    A share is numerator / patients, with Wilson's limits; a rate, where `days` is not null, is the numerator per 100
    person-years, with exact Poisson limits. Null where there is nothing to divide by. What a cumulative incidence is
    counts alone do not tell: see `outcomes.measures.incidences`.

    Args:
        counts: with the columns `numerator`, `patients` and `days`.

    Returns:
        The same rows with the columns `estimate`, `estimate_low` and `estimate_high`.
    """
    numerator, patients = (counts[name].to_numpy().astype(np.int64) for name in ("numerator", "patients"))
    is_rate = counts["days"].is_valid().to_numpy()
    hundred_years = counts["days"].fill_null(0).to_numpy() / DAYS_PER_YEAR / 100
    per = np.where(is_rate, hundred_years, patients)
    estimate = ratio(numerator, per)
    low, high = np.empty(len(per)), np.empty(len(per))
    low[~is_rate], high[~is_rate] = wilson_interval(numerator[~is_rate], patients[~is_rate])
    low[is_rate], high[is_rate] = poisson_interval(numerator[is_rate], hundred_years[is_rate])
    for name, values in (("estimate", estimate), ("estimate_low", low), ("estimate_high", high)):
        counts = counts.append_column(name, pa.array(values, from_pandas=True))
    return counts
