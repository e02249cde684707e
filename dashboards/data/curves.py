"""Cumulative incidence with death competing: of one's own site exact, of all sites and of groups as all may see it."""

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property

from dashboards.data.reader import ENDED, SHOWN, SUPPRESSED, Reader
from dashboards.data.records import CumulativeIncidenceRow

_STEP_DAYS = 30
"""Days between two points of a curve; what is known so near to a day is said of it, with its own day."""

Group = tuple[str, str]
"""Kind and value of a group of patients."""


@dataclass(frozen=True)
class CurvePoint(CumulativeIncidenceRow):
    """A curve on a day since the index fusion; every number is None unless `state` is shown.

    `at_risk` counts patients still observed without any event just before the day, `events` those with the outcome up
    to and including it: exact of one's own site, else to the nearest 10. `incidence` is a share from 0 to 1 with its
    pointwise 95 % limits, which are None where it is 0 or 1.
    """

    @property
    def is_shown(self) -> bool:
        """Whether the curve is known on this day."""
        return self.state == SHOWN


@dataclass(frozen=True)
class Curve:
    """A cumulative incidence by day (Aalen-Johansen), the days ascending; without points where nothing is known."""

    points: tuple[CurvePoint, ...]

    @cached_property
    def shown(self) -> list[CurvePoint]:
        """The days on which the curve is known."""
        return [point for point in self.points if point.is_shown]

    @property
    def last_day(self) -> int:
        """The last day on which the curve is known; 0 where it never is."""
        return self.shown[-1].day if self.shown else 0

    @property
    def patients(self) -> int:
        """Patients at risk on the first day that is known."""
        return (self.shown[0].at_risk or 0) if self.shown else 0

    @property
    def is_suppressed(self) -> bool:
        """Whether no day may be shown, though enough patients are at risk."""
        return not self.shown and any(point.state == SUPPRESSED for point in self.points)

    def has_ended(self, day: int) -> bool:
        """Whether too few patients are at risk by the day for the curve to go on."""
        state = next((point.state for point in self.points if point.day >= day), ENDED)
        return bool(self.shown) and state == ENDED

    def near(self, day: int) -> CurvePoint | None:
        """The known point closest to a day, at most one step away; None without one, or where the curve has ended."""
        close = [point for point in self.shown if abs(point.day - day) <= _STEP_DAYS]
        return None if self.has_ended(day) else min(close, key=lambda point: abs(point.day - day), default=None)

    def around(self, day: int) -> tuple[CurvePoint | None, CurvePoint | None]:
        """The last known point up to a day and the first from it on: a cumulative share lies between the two."""
        before = [point for point in self.shown if point.day <= day]
        after = (point for point in self.shown if point.day >= day)
        return before[-1] if before else None, next(after, None)


def own(reader: Reader, outcome: str, site_id: str, threshold: int) -> Curve:
    """The exact curve of a site, of all its patients; it ends where fewer than `threshold` are at risk.

    Raises:
        Denied: the site is not one of the scope's.
    """
    where = "outcome = ? and estimator = 'aalen_johansen' and stratum_kind = 'all'"
    rows = reader.own(CurvePoint, "cumulative_incidence", site_id, where, outcome, order="day")
    return Curve(tuple(_cut(row, threshold) for row in rows))


def all_sites(reader: Reader, outcome: str) -> Curve:
    """The curve of all patients of all sites, as everybody may see it."""
    where = "site_id is null and stratum_kind = 'all' and outcome = ?"
    return Curve(tuple(reader.protected(CurvePoint, "cumulative_incidence", where, outcome, order="day")))


def by_group(reader: Reader, outcome: str) -> dict[Group, Curve]:
    """The curve of each group of patients of all sites, as everybody may see it."""
    where = "site_id is null and stratum_kind <> 'all' and outcome = ?"
    found: dict[Group, list[CurvePoint]] = defaultdict(list)
    for row in reader.protected(CurvePoint, "cumulative_incidence", where, outcome, order="day"):
        found[row.stratum_kind, row.stratum or ""].append(row)
    return {group: Curve(tuple(points)) for group, points in found.items()}


def _cut(point: CurvePoint, threshold: int) -> CurvePoint:
    if (point.at_risk or 0) >= threshold and point.incidence is not None:
        return point
    return replace(point, state=ENDED, at_risk=None, events=None, incidence=None, low=None, high=None)
