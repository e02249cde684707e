"""What the patient's site has sent, and up to which day of the patient (section G2)."""

import calendar
import datetime
from collections.abc import Mapping, Set
from dataclasses import dataclass


@dataclass(frozen=True)
class Deliveries:
    """The tables of each submission in force by its month (YYYY-MM), and the month that gave the patient's row."""

    submissions: Mapping[str, Set[str]]
    period: str

    @property
    def tables(self) -> frozenset[str]:
        """The tables that any submission holds."""
        return frozenset[str]().union(*self.submissions.values())

    def sent_until(self, table: str, data_cut_day: int) -> int:
        """The patient's day up to which nothing of the table was left out; the data cut stands for the month's end."""
        known = 0
        for period in sorted(self.submissions):
            day = data_cut_day - (_end(self.period) - _end(period)).days
            if period > self.period:
                break
            if day >= 1 and table not in self.submissions[period]:
                return known
            known = max(day, 0)
        return data_cut_day


def _end(month: str) -> datetime.date:
    year, number = map(int, month.split("-"))
    return datetime.date(year, number, calendar.monthrange(year, number)[1])
