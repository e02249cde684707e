"""Those who did not answer, stood for by those like them who did: inverse-probability weights and their share.

How likely an answer was follows from a logistic model with a term for each group (site) and slopes for the rest. Each
answer then stands for itself and, with the odds of not answering, for those like it that did not come: 1 / p in all
(Seaman and White 2013, https://doi.org/10.1177/0962280210395740). In each share the second part is scaled to the
number that it stands for (stabilised, after Hájek), so that the share lies between the bounds of Manski whatever the
model says, and is the observed one where everybody answered.
"""

from typing import NamedTuple

import numpy as np

from outcomes.arrays import Counts, Floats, Ids, Mask
from outcomes.statistics.intervals import wilson_interval
from outcomes.statistics.logistic import design_sums, fit_logistic

_TRUNCATED_BELOW, _TRUNCATED_ABOVE = 0.01, 0.99
"""Of the odds among those who answered; a few patients shall not stand for all."""


class Answers(NamedTuple):
    """Patients by pattern of what the weights know: those with a yes, with a no, and those who did not answer."""

    yes: Counts
    no: Counts
    missing: Counts

    @property
    def answered(self) -> Counts:
        """Patients with an answer, by pattern."""
        return self.yes + self.no


class Share(NamedTuple):
    """A weighted share with its 95 % limits, and how many unweighted answers would tell as much; nan without any."""

    share: float
    low: float
    high: float
    effective: float


class Weighting:
    """The model of who answered, and the shares that follow for any part of the patients."""

    def __init__(self, group: Ids, groups: int, slopes: Floats, answers: Answers) -> None:
        self.answers = answers
        self._group, self._groups, self._slopes = group, groups, slopes
        answered, patients = (part.astype(float) for part in (answers.answered, answers.answered + answers.missing))
        self._model = fit_logistic(group, groups, slopes, answered, patients)
        odds = 1 / self._model.probability - 1
        low, high = weighted_quantiles(odds, answered, (_TRUNCATED_BELOW, _TRUNCATED_ABOVE))
        self.odds: Floats = np.clip(odds, low, high)
        """Of not answering in each pattern, truncated: for how many others like itself an answer stands."""
        self._is_free: Mask = (odds >= low) & (odds <= high)

    def weights(self, among: slice) -> Floats:
        """For how many patients an answer of each pattern stands, itself included; in all for those who could answer.

        Args:
            among: the patterns of the part.
        """
        yes, no, missing = (part[among] for part in self.answers)
        odds = self.odds[among]
        stood_for = float(odds @ (yes + no))
        weights: Floats = 1 + odds * (missing.sum() / stood_for if stood_for > 0 else 0)
        return weights

    def share(self, among: slice) -> Share:
        """The share of yes if those who did not answer were like those who did and looked like them.

        The interval is Wilson's with as many patients as give the variance of the share, at most those who answered.
        The variance follows from the influence of each patient, through the estimated odds too (Lunceford and
        Davidian 2004, https://doi.org/10.1002/sim.1903); where all answers are the same it is zero, and the number is
        that of Kish.

        Args:
            among: the patterns of the part.
        """
        yes, no, missing = (part[among] for part in self.answers)
        answered, unanswered = int(yes.sum() + no.sum()), int(missing.sum())
        if not answered:
            return Share(np.nan, np.nan, np.nan, 0)
        scaled = self.weights(among) - 1
        of_missing = float(self.odds[among] @ yes / (self.odds[among] @ (yes + no)))
        patients = answered + unanswered
        share = float(yes.sum() + unanswered * of_missing) / patients
        variance = self._variance(among, scaled, share, of_missing) / patients**2
        effective = patients**2 / float((yes + no) @ (1 + scaled) ** 2)
        if 0 < share < 1 and variance > 0:
            effective = min(share * (1 - share) / variance, answered)
        low, high = wilson_interval(np.array([share * effective]), np.array([effective]))
        return Share(share, float(low[0]), float(high[0]), effective)

    def _variance(self, among: slice, scaled: Floats, share: float, of_missing: float) -> float:
        """Of the sum of the patients' outcomes: the squares of each patient's influence."""
        yes, no, missing = (part[among] for part in self.answers)
        group, slopes = self._group[among], self._slopes[among]
        probability = self._model.probability[among]
        # By how much the sum moves with each coefficient, and with each patient through them.
        around = yes * (1 - of_missing) - no * of_missing
        moved = design_sums(group, self._groups, slopes, -around * scaled * self._is_free[among])
        through = self._model.covariance @ moved
        by_pattern = through[: self._groups][group] + slopes @ through[self._groups :]
        own_yes = 1 - share + scaled * (1 - of_missing)
        own_no = -share - scaled * of_missing
        own_missing = of_missing - share
        if_answered, if_not = (1 - probability) * by_pattern, -probability * by_pattern
        own = (
            yes @ (own_yes * (own_yes + 2 * if_answered))
            + no @ (own_no * (own_no + 2 * if_answered))
            + missing @ (own_missing * (own_missing + 2 * if_not))
        )
        return float(own + through @ self._model.information @ through)


def weighted_quantiles(values: Floats, weights: Floats, levels: tuple[float, ...]) -> Floats:
    """The smallest values below which, or at which, so much of the weight lies; nan without any."""
    if not len(values):
        return np.full(len(levels), np.nan)
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weights[order])
    places = np.searchsorted(reached, np.array(levels) * reached[-1])
    quantiles: Floats = values[order][np.minimum(places, len(values) - 1)]
    return quantiles
