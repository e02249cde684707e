"""The planted stories: how the patients of a site fare otherwise than those of the others, from which quarter on."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from outcomes.arrays import Floats, Ints
from outcomes.periods import add_months, day_number, first_day
from outcomes.synthetic.draws import Rng

Kind = Literal["outlier", "step", "drift", "loss_of_follow_up", "coding_change"]
Risk = Literal["pain", "revision", "adjacent_disease", "visits", "levels"]
"""What a story multiplies: the share of poor recoveries, the share revised other than for adjacent segment disease, the
rate of that disease, the share of visits kept with the time until a patient is lost, and the share of fusions whose
joints are recorded."""


@dataclass(frozen=True)
class Story:
    """One planted story.

    An `outlier` has `factor` times the risk always. The other kinds begin with the fusions of the month `since`
    (YYYY-MM): a `drift` leads to `factor` evenly over two years, the others are there at once.
    """

    site_id: str
    kind: Kind
    risk: Risk
    factor: float
    since: str | None = None


OUTLIERS = (Story("dogwood", "outlier", "pain", 1.35), Story("elm", "outlier", "revision", 3.0))
"""1.35 times the poor recoveries make about 1.25 times the mean of all sites in pain at 12 months; 3 times the
revisions other than for adjacent segment disease about twice the patients revised within 2 years."""

CHANGES = (
    Story("birch", "step", "adjacent_disease", 2.2),
    Story("cedar", "loss_of_follow_up", "visits", 0.6),
    Story("elm", "coding_change", "levels", 0.5),
    Story("fir", "drift", "pain", 2.0),
)
"""Without a beginning: it is drawn. The drift is of a common outcome, because what is rare shows no drift at a small
site within the time that a registry has."""

_QUARTERS_BACK = range(10, 15)
"""How many quarters before the end a change may begin: late enough for a time before it, early enough to show."""

_QUARTERS_BACK_OF_DRIFT = range(16, 21)
"""A drift begins sooner: it takes two years to come to its full size, and a year more until its patients answer."""

_DRIFT_DAYS = 730


def planted_stories(rng: Rng, until: str) -> tuple[Story, ...]:
    """The stories of a registry that ends in the month `until`: outliers, and changes that begin in a drawn quarter.

    Args:
        rng: a stream of its own, so that nothing else moves.
        until: the last month, YYYY-MM.
    """
    return OUTLIERS + tuple(begun(rng, story, until) for story in CHANGES)


def begun(rng: Rng, story: Story, until: str) -> Story:
    """The change, with a drawn quarter as its beginning."""
    this_quarter = add_months(until, -((int(until[5:]) - 1) % 3))
    quarters_back = _QUARTERS_BACK_OF_DRIFT if story.kind == "drift" else _QUARTERS_BACK
    return replace(story, since=add_months(this_quarter, -3 * int(rng.choice(quarters_back))))


def factor_of(stories: Iterable[Story], risk: Risk, index_day: Ints) -> Floats:
    """By what the risk of each patient is multiplied.

    Args:
        stories: those of the patients' site.
        risk: what is multiplied.
        index_day: the day of each index fusion, in days since 1970-01-01.
    """
    factor = np.ones(len(index_day))
    for story in stories:
        if story.risk == risk:
            factor *= 1 + (story.factor - 1) * _course(story, index_day)
    return factor


def _course(story: Story, index_day: Ints) -> Floats:
    """How far the story has come at each fusion, from 0 to 1."""
    if story.since is None:
        return np.ones(len(index_day))
    since = index_day - day_number(first_day(story.since))
    if story.kind == "drift":
        return np.clip(since / _DRIFT_DAYS, 0, 1)
    return (since >= 0).astype(float)
