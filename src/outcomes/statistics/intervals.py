"""Confidence intervals of shares and rates, 95 %, for whole columns of counts."""

import numpy as np
import pyarrow as pa

from outcomes.arrays import Counts, Floats, ratio

Limits = tuple[Floats, Floats]

ALPHA = 0.05
DAYS_PER_YEAR = 365.25


def wilson_interval(successes: Counts, trials: Counts) -> Limits:
    """The interval of a share after Wilson (1927), as statsmodels computes it; nan without trials."""
    from statsmodels.stats.proportion import proportion_confint  # noqa: PLC0415 - slow to import, needed only here

    low, high = np.full(len(trials), np.nan), np.full(len(trials), np.nan)
    some = trials > 0
    low[some], high[some] = proportion_confint(successes[some], trials[some], alpha=ALPHA, method="wilson")
    # Rounding leaves 3e-18 for 0 and 0.9999999999999998 for 1.
    low[some & (successes == 0)], high[some & (successes == trials)] = 0, 1
    return low, high


def poisson_interval(events: Counts, exposure: Floats) -> Limits:
    """The exact interval of a rate after Garwood (1936): chi-square quantiles; nan without exposure.

    Args:
        events: how many were seen.
        exposure: over which time or number; the limits are events per unit of it.
    """
    from scipy.stats import chi2  # noqa: PLC0415 - slow to import, needed only here

    low, high = np.full(len(events), np.nan), np.full(len(events), np.nan)
    some = exposure > 0
    seen, over = events[some], exposure[some]
    low[some] = np.where(seen > 0, chi2.ppf(ALPHA / 2, 2 * seen), 0) / 2 / over
    high[some] = chi2.ppf(1 - ALPHA / 2, 2 * seen + 2) / 2 / over
    return low, high


def with_intervals(counts: pa.Table) -> pa.Table:
    """Counts of measures with their estimate and its 95 % limits.

    A share is numerator / patients, with Wilson's limits; a rate, where `days` is not null, is the numerator per 100
    person-years, with exact Poisson limits. Null where there is nothing to divide by.

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
