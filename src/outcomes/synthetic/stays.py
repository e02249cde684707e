"""Encounters, which procedures and diagnoses point at by number until keys are given."""

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


def add_unplanned_stays(rng: Rng, plan: Plan, stays: Stays) -> None:
    """Readmissions (about 3 % within 30 days) and emergency visits."""
    readmitted = some(rng, plan.discharge + 2 < plan.seen_until, 0.03)
    start = plan.discharge[readmitted] + 2 + often(rng, 10, len(readmitted))
    stays.add(readmitted, start, start + 2, "inpatient")
    came = some(rng, chance(rng, 1, plan.size), 0.06)
    day = plan.discharge[came] + 1 + often(rng, 60, len(came))
    stays.add(came, day, day, "emergency")
