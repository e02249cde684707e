"""Confidence intervals of shares and rates, 95 %, for whole columns of counts."""

import numpy as np

from outcomes.arrays import Counts, Floats

Limits = tuple[Floats, Floats]

ALPHA = 0.05
NORMAL_95 = 1.959964
"""The quantile of the normal distribution that leaves half of `ALPHA` above it."""


def wilson_interval(successes: Counts | Floats, trials: Counts | Floats) -> Limits:
    """The interval of a share after Wilson (1927), as statsmodels computes it; nan without trials.

    Both may be fractions, of an effective number.
    """
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
