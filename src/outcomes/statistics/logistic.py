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
_MOST_BINARY = 40
"""Columns of 0 and 1 that make the cells of a design: with the group they are to fit into 63 bits."""
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
    return _fit(_Design(group, groups, slopes), successes, trials, spread)


def _fit(design: "_Design", successes: Floats, trials: Floats, spread: float) -> Logistic:
    prior = np.concatenate([np.full(design.groups, spread), np.full(design.slopes, _PRIOR_SD)]) ** -2
    coefficients = np.zeros(len(prior))
    for _ in range(_MOST_STEPS):
        effect, log_odds = coefficients[: design.groups], design.log_odds(coefficients[design.groups :])
        probability = inverse_logit(effect[design.group] + log_odds)
        information = design.information(trials * probability * (1 - probability))
        score = design.sums(successes - trials * probability) - prior * coefficients
        step = information.plus(prior).solve(score)
        longest = np.abs(step).max()
        if longest < _SHORTEST_STEP:
            break
        # Far from the maximum Newton's step may overshoot.
        coefficients = coefficients + step * min(1, _LONGEST_STEP / longest)
    covariance = information.plus(prior).inverse()
    return Logistic(effect, log_odds, probability, covariance, information.whole())


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

    design = _Design(group, groups, slopes)

    def loss(log_spread: float) -> float:
        model = _fit(design, successes, trials, np.exp(log_spread))
        logit = model.effect[group] + model.log_odds
        likelihood = successes @ logit - trials @ np.logaddexp(0, logit)
        effects = groups * log_spread + model.effect @ model.effect / np.exp(2 * log_spread) / 2
        _, log_determinant = np.linalg.slogdet(model.covariance)
        return float(effects - likelihood - log_determinant / 2)

    bounds = (np.log(_SMALLEST_SPREAD), np.log(_LARGEST_SPREAD))
    found = minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-6})
    spread = float(np.exp(found.x))
    return _fit(design, successes, trials, spread), spread


def inverse_logit(log_odds: Floats) -> Floats:
    """The probabilities of log odds."""
    from scipy.special import expit  # noqa: PLC0415 - slow to import, needed only here

    probabilities: Floats = expit(log_odds)
    return probabilities


def design_sums(group: Ids, groups: int, slopes: Floats, values: Floats) -> Floats:
    """The product of the transposed design and the values: their sums by group, then with each slope."""
    return np.concatenate([np.bincount(group, values, groups), values @ slopes])


class _Design:
    """A design whose columns of 0 and 1 are summed up by cell: patterns that are alike in them and in their group.

    Of a million patients nearly each is a pattern of its own, for age and score are numbers; the cells are few.
    """

    def __init__(self, group: Ids, groups: int, slopes: Floats) -> None:
        self.group, self.groups, self.slopes = group, groups, slopes.shape[1]
        columns = np.ascontiguousarray(slopes.T)
        is_binary = [bool(((column == 0) | (column == 1)).all()) for column in columns]
        self._binary = np.flatnonzero(is_binary)[:_MOST_BINARY]
        self._numeric = np.setdiff1d(np.arange(self.slopes), self._binary)
        self._numbers = list(columns[self._numeric])
        kind = group.astype(np.int64)
        for column in columns[self._binary]:
            kind = 2 * kind + (column == 1)
        _, first, self._cell = np.unique(kind, return_index=True, return_inverse=True)
        self._cell_group, self._cell_slopes = group[first], slopes[np.ix_(first, self._binary)]

    def log_odds(self, coefficients: Floats) -> Floats:
        """Of each pattern, without its group."""
        log_odds: Floats = (self._cell_slopes @ coefficients[self._binary])[self._cell]
        for number, coefficient in zip(self._numbers, coefficients[self._numeric], strict=True):
            log_odds += number * coefficient
        return log_odds

    def sums(self, values: Floats) -> Floats:
        """The product of the transposed design and the values, as `design_sums` gives it."""
        by_number = np.array([np.einsum("i,i", number, values) for number in self._numbers])
        return self._in_order(self._sums_by_cell(values), by_number)

    def information(self, weights: Floats) -> "_Information":
        """The weighted products of all columns."""
        by_cell = self._by_cell(weights)
        weighted_cells = self._cell_slopes * by_cell[:, np.newaxis]
        weighted = [number * weights for number in self._numbers]
        crossed = np.empty((self.groups, self.slopes))
        slopes = np.empty((self.slopes, self.slopes))
        for place, column in zip(self._binary, weighted_cells.T, strict=True):
            crossed[:, place] = np.bincount(self._cell_group, column, self.groups)
        # Not as a matrix product, whose threads get in each other's way on a busy machine and add up in any order.
        slopes[np.ix_(self._binary, self._binary)] = np.einsum("ij,ik->jk", weighted_cells, self._cell_slopes)
        for place, column in zip(self._numeric, weighted, strict=True):
            sums = self._sums_by_cell(column)
            crossed[:, place] = sums[: self.groups]
            slopes[place, self._binary] = slopes[self._binary, place] = sums[self.groups :]
            slopes[place, self._numeric] = [np.einsum("i,i", column, number) for number in self._numbers]
        return _Information(np.bincount(self._cell_group, by_cell, self.groups).astype(float), crossed, slopes)

    def _in_order(self, binary: Floats, numeric: Floats) -> Floats:
        sums = np.empty(self.groups + self.slopes)
        sums[: self.groups] = binary[: self.groups]
        sums[self.groups + self._binary], sums[self.groups + self._numeric] = binary[self.groups :], numeric
        return sums

    def _by_cell(self, values: Floats) -> Floats:
        sums: Floats = np.bincount(self._cell, values, len(self._cell_group)).astype(np.float64, copy=False)
        return sums

    def _sums_by_cell(self, values: Floats) -> Floats:
        return design_sums(self._cell_group, self.groups, self._cell_slopes, self._by_cell(values))


class _Information(NamedTuple):
    """A symmetric matrix: that of the groups (a diagonal), of the groups by the slopes, and of the slopes."""

    groups: Floats
    crossed: Floats
    slopes: Floats

    def plus(self, diagonal: Floats) -> "_Information":
        """With more on the diagonal."""
        groups = len(self.groups)
        return _Information(self.groups + diagonal[:groups], self.crossed, self.slopes + np.diag(diagonal[groups:]))

    def whole(self) -> Floats:
        """As one matrix."""
        return np.block([[np.diag(self.groups), self.crossed], [self.crossed.T, self.slopes]])

    def solve(self, sums: Floats) -> Floats:
        """The coefficients whose product with the matrix these sums are."""
        groups = len(self.groups)
        by_group = sums[:groups] / self.groups
        slopes = np.linalg.solve(self._beside_groups(), sums[groups:] - self.crossed.T @ by_group)
        return np.concatenate([by_group - (self.crossed @ slopes) / self.groups, slopes])

    def inverse(self) -> Floats:
        """Its inverse, as one matrix."""
        shares = self.crossed / self.groups[:, np.newaxis]
        slopes = np.linalg.inv(self._beside_groups())
        crossed = -shares @ slopes
        return np.block([[np.diag(1 / self.groups) - crossed @ shares.T, crossed], [crossed.T, slopes]])

    def _beside_groups(self) -> Floats:
        """What the slopes tell once the groups are known: the Schur complement of the groups."""
        beside: Floats = self.slopes - self.crossed.T @ (self.crossed / self.groups[:, np.newaxis])
        return beside
