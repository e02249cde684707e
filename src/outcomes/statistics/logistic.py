"""Logistic regression with an effect of each site, and the same where the sites' effects are drawn together.

Every coefficient has a weak prior around 0 (Gelman 2008, https://doi.org/10.1214/08-AOAS191): where all answered alike,
or of a level of two patients, it is finite, and a factor needs no reference.
"""

from typing import NamedTuple

import numpy as np

from outcomes.arrays import Floats, Ids

_PRIOR_SD = 2.5
_LONGEST_STEP, _SHORTEST_STEP = 2.0, 1e-8
_MOST_STEPS = 50
"""A concave likelihood takes about ten; of millions of patients rounding may leave more than the shortest step."""
_SMALLEST_SPREAD, _LARGEST_SPREAD = 0.01, 2.0
"""Standard deviation between sites, in log odds; below the smallest they are as good as equal."""


class Logistic(NamedTuple):
    """A fitted model.

    `effect` is that of each group in log odds, `log_odds` of each pattern that without it; `probability` takes both.
    `covariance` is of all coefficients, the groups' first; `information` is its inverse without the priors.
    """

    effect: Floats
    log_odds: Floats
    probability: Floats
    covariance: Floats
    information: Floats


def fit_logistic(  # noqa: PLR0913 - a design and its answers have these parts
    group: Ids, groups: int, slopes: Floats, successes: Floats, trials: Floats, *, spread: float = _PRIOR_SD
) -> Logistic:
    """A logistic regression on the group and on slopes; Newton's method.

    Args:
        group: of each pattern, numbered from 0.
        groups: how many there are.
        slopes: a row for each pattern; columns of ones, of 0 and 1, and of values scaled to the like.
        successes: in each pattern, possibly weighted.
        trials: likewise.
        spread: standard deviation of the groups' effects, in log odds.
    """
    prior = np.concatenate([np.full(groups, spread), np.full(slopes.shape[1], _PRIOR_SD)]) ** -2
    coefficients = np.zeros(len(prior))
    for _ in range(_MOST_STEPS):
        effect, log_odds = coefficients[:groups], slopes @ coefficients[groups:]
        probability = inverse_logit(effect[group] + log_odds)
        information = _information(group, groups, slopes, trials * probability * (1 - probability))
        score = design_sums(group, groups, slopes, successes - trials * probability) - prior * coefficients
        covariance = np.linalg.inv(information + np.diag(prior)).astype(np.float64)
        step = covariance @ score
        longest = np.abs(step).max()
        if longest < _SHORTEST_STEP:
            break
        # Far from the maximum Newton's step may overshoot.
        coefficients = coefficients + step * min(1, _LONGEST_STEP / longest)
    return Logistic(effect, log_odds, probability, covariance, information)


def fit_hierarchical(
    group: Ids, groups: int, slopes: Floats, successes: Floats, trials: Floats
) -> tuple[Logistic, float]:
    """The same where the spread between groups follows from the data: a random intercept of each group.

    The spread is that of the greatest likelihood, over the coefficients by Laplace's approximation (Breslow and Clayton
    1993, https://doi.org/10.2307/2290687). A group of few is drawn far towards the others, one of many hardly.

    Args:
        group: of each pattern, numbered from 0.
        groups: how many there are.
        slopes: as for `fit_logistic`.
        successes: likewise.
        trials: likewise.

    Returns:
        The model and the spread, a standard deviation in log odds.
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 - slow to import, needed only here

    def loss(log_spread: float) -> float:
        model = fit_logistic(group, groups, slopes, successes, trials, spread=np.exp(log_spread))
        logit = model.effect[group] + model.log_odds
        likelihood = successes @ logit - trials @ np.logaddexp(0, logit)
        effects = groups * log_spread + model.effect @ model.effect / np.exp(2 * log_spread) / 2
        _, log_determinant = np.linalg.slogdet(model.covariance)
        return float(effects - likelihood - log_determinant / 2)

    bounds = (np.log(_SMALLEST_SPREAD), np.log(_LARGEST_SPREAD))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    spread = float(np.exp(found.x))
    return fit_logistic(group, groups, slopes, successes, trials, spread=spread), spread


def inverse_logit(log_odds: Floats) -> Floats:
    """The probabilities of log odds."""
    from scipy.special import expit  # noqa: PLC0415 - slow to import, needed only here

    probabilities: Floats = expit(log_odds)
    return probabilities


def design_sums(group: Ids, groups: int, slopes: Floats, values: Floats) -> Floats:
    """The product of the transposed design and the values: their sums by group, then with each slope."""
    return np.concatenate([np.bincount(group, values, groups), values @ slopes])


def _information(group: Ids, groups: int, slopes: Floats, weights: Floats) -> Floats:
    """The weighted products of all columns; those of groups with each other are zero but for their own."""
    weighted = slopes * weights[:, np.newaxis]
    crossed = np.column_stack([np.bincount(group, column, groups) for column in weighted.T])
    # Not as a matrix product, whose threads get in each other's way on a busy machine and add up in any order.
    own = np.einsum("ij,ik->jk", weighted, slopes)
    return np.block([[np.diag(np.bincount(group, weights, groups)), crossed], [crossed.T, own]])
