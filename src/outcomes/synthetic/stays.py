"""Encounters, which procedures and diagnoses point at by number until keys are given."""

import numpy as np
import pandas as pd

from outcomes.arrays import Ints
from outcomes.synthetic.draws import Rng, Texts, chance, events, keys, often, some
from outcomes.synthetic.patients import Plan

NO_STAY = -1


class Stays:
    """Collects the encounters of one site."""

    def __init__(self) -> None:
        self._frames: list[pd.DataFrame] = []
        self._count = 0

    def add(self, who: Ints, start: Ints, end: Ints, kind: Texts | str) -> pd.Series:
        """Note one encounter per entry; gives back their numbers."""
        frame = events(
            who, end, start_day=start, end_day=end, type=kind, stay=range(self._count, self._count + len(who))
        )
        self._frames.append(frame)
        self._count += len(who)
        return frame["stay"]

    def frame(self) -> pd.DataFrame:
        """All encounters, by number; `day` is the last day of each."""
        return pd.concat(self._frames, ignore_index=True)

    def keys(self, rng: Rng) -> Texts:
        """A random key for each number."""
        return keys(rng, self._count)


def held_as_outpatient(visits: pd.DataFrame, stays: Stays) -> pd.DataFrame:
    """The visits, each after surgery with an outpatient encounter of its own."""
    came = (visits["day"] > 0).to_numpy()
    who, day = visits.loc[came, "who"].to_numpy(), visits.loc[came, "day"].to_numpy()
    stay = np.full(len(visits), NO_STAY)
    stay[came] = stays.add(who, day, day, "outpatient")
    return visits.assign(stay=stay)


def add_return_visits(rng: Rng, visits: pd.DataFrame, stays: Stays) -> None:
    """Encounters to which patients are asked back after a visit with a sign of the nerves, most within a month."""
    signs = visits["numbness"].eq(True) | visits["radiating_pain"].eq(True) | visits["mrc_grade_min"].lt(5)
    asked = visits[signs & (visits["day"] > 0) & chance(rng, 0.6, len(visits))]
    day = asked["day"].to_numpy() + 1 + often(rng, 18, len(asked))
    stays.add(asked["who"].to_numpy(), day, day, "outpatient")


def add_unplanned_stays(rng: Rng, plan: Plan, stays: Stays) -> None:
    """Readmissions (about 3 % within 30 days) and emergency visits."""
    readmitted = some(rng, plan.discharge + 2 < plan.seen_until, 0.02)
    start = plan.discharge[readmitted] + 2 + often(rng, 10, len(readmitted))
    stays.add(readmitted, start, start + 2, "inpatient")
    came = some(rng, chance(rng, 1, plan.size), 0.06)
    day = plan.discharge[came] + 1 + often(rng, 60, len(came))
    stays.add(came, day, day, "emergency")
