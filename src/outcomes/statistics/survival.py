"""Cumulative incidence with competing events.

Days are counted one by one along the last axis of each array; every function works on all groups before it at once.

Sources: Aalen and Johansen 1978, Scand J Stat 5:141 (the estimator); Dinse and Larson 1986, Biometrika 73:379, equation
6, and Marubini and Valsecchi 1995, Analysing Survival Data, chapter 10 (its variance by the delta method); Choudhury
2002, Stat Med 21:1129 (the log-log interval); Kaplan and Meier 1958, J Am Stat Assoc 53:457; Aalen 1978, Ann Stat
6:701 (the cumulative hazard).
"""

from typing import NamedTuple

import numpy as np

from outcomes.arrays import Counts, Floats, numbered, ratio, starts


class Curves(NamedTuple):
    """Curves over days, for each group: shapes (..., days).

    `at_risk` counts patients just before each day. `incidence` is nan once nobody is at risk; `low` and `high`, the
    pointwise 95 % limits, also where the estimate is 0 or 1, for which the log-log transform is not defined.
    """

    at_risk: Counts
    incidence: Floats
    low: Floats
    high: Floats


def aalen_johansen(events: Counts, competing: Counts, censored: Counts) -> Curves:
    """Share that has had the event by each day, where a competing event makes it impossible.

    Patients with several ends on a day are counted once, by the caller. Those who leave on a day are at risk on it.

    Args:
        events: patients with the event on each day, from day 0; shape (..., days).
        competing: patients for whom a competing event came first.
        censored: patients whose observation ended without either.
    """
    at_risk = _at_risk(events, competing, censored)
    ended = events + competing
    survival = np.cumprod(1 - _share(ended, at_risk), axis=-1, dtype=np.float64)
    before = np.concatenate([np.ones_like(survival[..., :1]), survival[..., :-1]], axis=-1)
    incidence = np.cumsum(before * _share(events, at_risk), axis=-1)
    low, high = _log_log_limits(incidence, _incidence_variance(incidence, before, events, ended, at_risk))
    return _while_at_risk(at_risk, incidence, low, high)


class Incidences(NamedTuple):
    """The incidence of each group at a horizon, with its 95 % limits; nan as in `Curves`."""

    incidence: Floats
    low: Floats
    high: Floats


def aalen_johansen_at(horizon: int, group: Counts, day: Counts, cause: Counts, patients: Counts) -> Incidences:
    """What `aalen_johansen` gives on one day, for many groups, from those who left instead of from every day.

    Args:
        horizon: the day; incidence is nan where nobody is at risk on it.
        group: number of each row's group, 0 and up.
        day: days until the patients of the row left, the horizon at most.
        cause: 0 the horizon or the end of observation, 1 the event, 2 a competing event.
        patients: how many the row stands for; above 0.
    """
    groups = int(group.max(initial=-1)) + 1
    order = np.lexsort((day, group))
    group, day, cause, patients = (each[order] for each in (group, day, cause, patients))
    step = numbered(group, day)
    first = np.flatnonzero(starts(step))
    events, ended, left = (
        np.bincount(step, np.where(which, patients, 0)).astype(np.int64)
        for which in (cause == 1, cause > 0, np.ones(len(cause), dtype=bool))
    )
    of_step, day_of_step = group[first], day[first]
    so_far = np.cumsum(left)
    total = np.bincount(of_step, left, groups).astype(np.int64)
    before_group = np.cumsum(total) - total
    at_risk = total[of_step] - (so_far - left - before_group[of_step])

    def within(terms: Floats) -> Floats:
        """Sums so far within each group."""
        sums: Floats = np.concatenate([[0.0], np.cumsum(terms)])
        return sums[1:] - sums[first_step[of_step]]

    first_step = np.searchsorted(of_step, np.arange(groups))
    # Where all who are left have an event nobody is left to whom the share after it would matter.
    log_kept = np.log1p(-_share(np.where(ended == at_risk, 0, ended), at_risk))
    before = np.exp(within(log_kept) - log_kept)
    hazard = _share(events, at_risk)
    incidence_then = within(before * hazard)
    final: Floats = np.bincount(of_step, before * hazard, groups).astype(np.float64)
    apart = final[of_step] - incidence_then
    variance = np.bincount(
        of_step,
        apart**2 * _greenwood(ended, at_risk)
        + before**2 * _share(hazard * (1 - hazard), at_risk)
        - 2 * apart * before * _share(hazard, at_risk),
        groups,
    )
    low, high = _log_log_limits(final, np.maximum(variance, 0))
    is_followed = np.bincount(of_step, day_of_step == horizon, groups) > 0
    return Incidences(*(np.where(is_followed, values, np.nan) for values in (final, low, high)))


def one_minus_kaplan_meier(events: Counts, competing: Counts, censored: Counts) -> Curves:
    """Share that would have had the event by each day, were those with a competing event like those still at risk.

    It overstates where events compete. Arguments and result are those of `aalen_johansen`; the variance is Greenwood's.
    """
    at_risk = _at_risk(events, competing, censored)
    survival = np.cumprod(1 - _share(events, at_risk), axis=-1, dtype=np.float64)
    variance = survival**2 * np.cumsum(_greenwood(events, at_risk), axis=-1)
    low, high = _log_log_limits(survival, variance)
    return _while_at_risk(at_risk, 1 - survival, 1 - high, 1 - low)


def nelson_aalen(events: Counts, others: Counts) -> Floats:
    """Cumulative hazard of the event by each day.

    Summed over the days on which patients left it gives as many as had the event: each is exposed to the hazard of the
    days on which it was at risk. Those who leave on a day, `others` without the event, are at risk on it.
    """
    return np.cumsum(_share(events, _at_risk(events, others, np.zeros_like(others))), axis=-1)


def _at_risk(events: Counts, competing: Counts, censored: Counts) -> Counts:
    left = events + competing + censored
    return np.flip(np.cumsum(np.flip(left, axis=-1), axis=-1), axis=-1)


def _share(some: Counts | Floats, of: Counts | Floats) -> Floats:
    """Their ratio; 0 where there is nothing to be a share of."""
    return ratio(some, of, otherwise=0)


def _greenwood(events: Counts, at_risk: Counts) -> Floats:
    """Variance of the logarithm of one day's share without event; 0 where the event takes all who are left."""
    return _share(_share(events, at_risk), at_risk - events)


def _incidence_variance(incidence: Floats, before: Floats, events: Counts, ended: Counts, at_risk: Counts) -> Floats:
    """Delta-method variance of the Aalen-Johansen estimate.

    The sums over earlier days of (incidence now - incidence then) to the powers 2, 0 and 1, each times a term of then,
    are taken apart, so that each is a cumulative sum.

    Args:
        incidence: the estimate on each day.
        before: share without any event just before the day.
        events: patients with the event on the day.
        ended: patients with the event or a competing one.
        at_risk: patients at risk on the day.
    """

    def total(terms: Floats) -> Floats:
        return np.cumsum(terms, axis=-1)

    hazard = _share(events, at_risk)
    squared = _greenwood(ended, at_risk)
    alone = before**2 * _share(hazard * (1 - hazard), at_risk)
    single = before * _share(hazard, at_risk)
    variance = (
        incidence**2 * total(squared)
        - 2 * incidence * total(incidence * squared)
        + total(incidence**2 * squared)
        + total(alone)
        - 2 * (incidence * total(single) - total(incidence * single))
    )
    return np.maximum(variance, 0)


def _log_log_limits(share: Floats, variance: Floats) -> tuple[Floats, Floats]:
    from scipy.stats import norm  # noqa: PLC0415 - slow to import, needed only here

    low, high = np.full_like(share, np.nan), np.full_like(share, np.nan)
    # Rounding leaves a little less than 1 for 1.
    inside = (share > 0) & (share < 1 - 1e-12)
    some = share[inside]
    exponent = np.exp(norm.ppf(0.975) * np.sqrt(variance[inside]) / (some * np.log(some)))
    low[inside], high[inside] = some ** (1 / exponent), some**exponent
    return low, high


def _while_at_risk(at_risk: Counts, incidence: Floats, low: Floats, high: Floats) -> Curves:
    return Curves(at_risk, *(np.where(at_risk > 0, values, np.nan) for values in (incidence, low, high)))
