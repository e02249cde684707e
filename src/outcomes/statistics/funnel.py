"""Observed against expected, the limits of a funnel plot, and their widening where many sites differ beyond chance.

Sources: Spiegelhalter 2005, Funnel plots for comparing institutional performance, Stat Med 24:1185
(https://doi.org/10.1002/sim.1970); Spiegelhalter 2005, Handling over-dispersion of performance indicators, Qual Saf
Health Care 14:347 (https://doi.org/10.1136/qshc.2005.013755); Manktelow and Seaton 2012
(https://doi.org/10.1371/journal.pone.0045723).

The limits are exact: binomial for a share of patients, Poisson for events over the time at risk. They are widened for
over-dispersion only among `FEWEST_SITES_TO_WIDEN` sites or more: estimated from a few, of which one stands out, the
over-dispersion is little else than that site, and hides it.

The functions of the limits take arrays with one element per site and work on all of them at once. Sites are never
ranked: rows stand in the order of their ids.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from outcomes.arrays import Floats, ratio

LEVEL_95, LEVEL_99_8 = 0.95, 0.998
"""Of the inner and the outer limits."""
LIMITS = ("low_95", "high_95", "low_99_8", "high_99_8")

FEWEST_SITES_TO_WIDEN = 20
WINSORISED = 0.1
"""Share of the z-scores that is drawn in at each end, so that true outliers do not widen the limits that show them."""
_ROUNDING = 1e-12
"""By how much, relative to itself, a value may lie beyond a limit by the rounding of floats alone."""


class Limits(NamedTuple):
    """A lower and an upper limit for each site."""

    low: Floats
    high: Floats


class Dispersion(NamedTuple):
    """By how much sites differ: `phi` is 1 when by chance alone, `tau2` the variance between them beyond chance."""

    phi: float
    tau2: float


def ratio_interval(observed: Floats, expected: Floats, level: float = LEVEL_95) -> Limits:
    """The exact Poisson interval of events over time, observed over expected (Garwood 1936).

    The expected number is taken as known. Around it the interval is the funnel of an indirectly standardised ratio.
    """
    from scipy.stats import chi2  # noqa: PLC0415 - slow to import, needed only here

    tail = (1 - level) / 2
    # With nothing observed the quantile is of no degrees of freedom; its limit is 0.
    low = np.where(observed > 0, chi2.ppf(tail, np.maximum(2 * observed, 1)), 0)
    high = chi2.isf(tail, 2 * observed + 2)
    return Limits(low / (2 * expected), high / (2 * expected))


def share_ratio_interval(patients: Floats, observed: Floats, risk: Floats, level: float = LEVEL_95) -> Limits:
    """The exact binomial interval of a share (Clopper and Pearson 1934) over the mean risk, which is taken as known."""
    from scipy.stats import beta  # noqa: PLC0415 - slow to import, needed only here

    tail, without = (1 - level) / 2, patients - observed
    # With none observed, or all, the quantile is of no distribution; the limit is 0, or 1.
    low = np.where(observed > 0, beta.ppf(tail, np.maximum(observed, 1), without + 1), 0)
    high = np.where(without > 0, beta.isf(tail, observed + 1, np.maximum(without, 1)), 1)
    return Limits(low / risk, high / risk)


def binomial_limits(patients: Floats, risk: Floats, level: float) -> Limits:
    """Exact limits of the share among so many patients of this mean risk, see `_exact_limits`."""
    from scipy.stats import binom  # noqa: PLC0415 - slow to import, needed only here

    low, high = _exact_limits(binom(patients, risk), level)
    return Limits(low / patients, np.minimum(high / patients, 1))


def poisson_limits(expected: Floats, level: float) -> Limits:
    """Exact limits of observed over expected, of events over time, see `_exact_limits`."""
    from scipy.stats import poisson  # noqa: PLC0415 - slow to import, needed only here

    low, high = _exact_limits(poisson(expected), level)
    return Limits(low / expected, high / expected)


def standardised(observed: Floats, expected: Floats, risk: Floats) -> tuple[Floats, Floats]:
    """Z-scores of observed over expected, and the standard errors, on the scale of the square root.

    The square root keeps the spread even and, unlike the logarithm, allows for none observed. Among patients of a high
    mean risk the number observed varies less than a Poisson count.
    """
    error = np.sqrt((1 - risk) / expected) / 2
    distance = np.sqrt(observed / expected) - 1
    return ratio(distance, error, otherwise=0), error


def winsorised(z: Floats) -> Floats:
    """The z-scores with the outermost tenth at each end drawn in to the next."""
    return np.clip(z, *np.quantile(z, [WINSORISED, 1 - WINSORISED])) if len(z) else z


def dispersion(z: Floats, error: Floats) -> Dispersion:
    """Over-dispersion of z-scores with their standard errors: phi, and tau² by the method of moments.

    tau² (DerSimonian and Laird 1986) is on the scale of the errors; 0 when the scores spread no more than chance.
    """
    sites = len(z)
    if sites < 2 or not (error > 0).all():
        return Dispersion(float("nan"), 0.0)
    phi = float(np.mean(z**2))
    weights = error**-2
    tau2 = (sites * phi - (sites - 1)) / (weights.sum() - (weights**2).sum() / weights.sum())
    return Dispersion(phi, max(0.0, float(tau2)))


def widened_limits(error: Floats, tau2: float, level: float) -> Limits:
    """Limits of observed over expected that allow for the variance between sites, from the scale of the square root."""
    from scipy.stats import norm  # noqa: PLC0415 - slow to import, needed only here

    width = norm.isf((1 - level) / 2) * np.sqrt(error**2 + tau2)
    return Limits(np.maximum(1 - width, 0) ** 2, (1 + width) ** 2)


def positions(values: Floats, inner: Limits, outer: Limits) -> NDArray[np.str_]:
    """Where each value lies: inside, or above or below the 95 % or the 99.8 % limits.

    All patients of a site, where a limit is all of them too, are no more than it, however floats round.
    """
    more, less = values * (1 - _ROUNDING), values * (1 + _ROUNDING)
    return np.select(
        [more > outer.high, more > inner.high, less < outer.low, less < inner.low],
        ["above_99_8", "above_95", "below_99_8", "below_95"],
        "inside",
    )


def against_expected(
    patients: Floats, observed: Floats, expected: Floats, target: float, over_time: bool
) -> dict[str, NDArray[Any]]:
    """Ratio, adjusted share, funnel and position of the sites that are compared.

    The limits are of the adjusted share: of the number that chance gives a site with these patients, over the number
    expected, times the target. Where all sites have the same case mix they are those of the plain share. The interval
    of the ratio is of the same distribution, so that it excludes 1 exactly where a site lies beyond the 95 % limits.
    What is widened is nan, or None, among fewer than `FEWEST_SITES_TO_WIDEN` sites.

    Args:
        patients: of each site, above 0.
        observed: those with the outcome.
        expected: what the model expects, above 0.
        target: the share over all sites.
        over_time: events are expected over the time at risk (Poisson), not of patients who were all asked (binomial).
    """
    risk = np.minimum(expected / patients, 1)
    over_expected = observed / expected
    interval = ratio_interval(observed, expected) if over_time else share_ratio_interval(patients, observed, risk)
    inner, outer = (
        poisson_limits(expected, level) if over_time else _scaled(binomial_limits(patients, risk, level), 1 / risk)
        for level in (LEVEL_95, LEVEL_99_8)
    )
    return {
        "ratio": over_expected,
        "ratio_low": interval.low,
        "ratio_high": interval.high,
        "adjusted_share": over_expected * target,
        **_of_share(LIMITS, (inner, outer), target),
        "position": positions(over_expected, inner, outer),
        **_widened(observed, expected, np.zeros_like(risk) if over_time else risk, (inner, outer), target),
    }


def _scaled(limits: Limits, factor: Floats) -> Limits:
    return Limits(limits.low * factor, limits.high * factor)


def _widened(
    observed: Floats, expected: Floats, risk: Floats, exact: tuple[Limits, Limits], target: float
) -> dict[str, NDArray[Any]]:
    """Over-dispersion, and the limits and positions that allow for it."""
    names = tuple(f"widened_{name}" for name in LIMITS)
    if len(observed) < FEWEST_SITES_TO_WIDEN:
        unknown = np.full(len(observed), np.nan)
        return dict.fromkeys(("phi", "tau2", *names), unknown) | {
            "widened_position": np.full(len(observed), None, dtype=object)
        }
    z, error = standardised(observed, expected, risk)
    phi, tau2 = dispersion(winsorised(z), error)
    inner, outer = (
        _wider(limits, widened_limits(error, tau2, level)) if tau2 > 0 else limits
        for limits, level in zip(exact, (LEVEL_95, LEVEL_99_8), strict=True)
    )
    return {
        "phi": np.full(len(observed), phi),
        "tau2": np.full(len(observed), tau2),
        **_of_share(names, (inner, outer), target),
        "widened_position": positions(observed / expected, inner, outer),
    }


def _of_share(names: tuple[str, ...], limits: tuple[Limits, Limits], target: float) -> dict[str, NDArray[Any]]:
    inner, outer = limits
    return {name: limit * target for name, limit in zip(names, (*inner, *outer), strict=True)}


def _wider(exact: Limits, widened: Limits) -> Limits:
    """The outer of the two: in a small site the normal approximation can lie within the exact limits."""
    return Limits(np.minimum(exact.low, widened.low), np.maximum(exact.high, widened.high))


def _exact_limits(distribution: Any, level: float) -> Limits:
    """Limits of a count, interpolated between whole ones.

    A count lies beyond a limit only where one so far out has a smaller probability than half of what `level` leaves.
    The lower limit is that of Spiegelhalter 2005, appendix A.1.1; the upper one is its mirror image, for his own would
    be passed too easily when few are expected (Manktelow and Seaton 2012).
    """
    tail = (1 - level) / 2
    low, high = distribution.ppf(tail), distribution.isf(tail)
    below, above = distribution.cdf(low), distribution.sf(high - 1)
    return Limits(
        np.maximum(low - (below - tail) / distribution.pmf(low), 0), high + (above - tail) / distribution.pmf(high)
    )
