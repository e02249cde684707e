"""All arithmetic of months (`YYYY-MM`) and years (`YYYY`); days are counted from 1970-01-01."""

import calendar
import datetime
import re
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from outcomes.arrays import Ints

Grain = Literal["M", "Y"]
"""A month or a year."""

MONTH = r"(19|20)[0-9]{2}-(0[1-9]|1[0-2])"
"""The pattern of a month of 1900 to 2099: another year is a slip, and calendars end somewhere."""

_EPOCH = datetime.date(1970, 1, 1)
_INDEX_PERIOD = r"^(19|20)\d\d(-(0[1-9]|1[0-2]))?$"


def is_month(text: str) -> bool:
    """Whether the text is a month, `YYYY-MM`, of 1900 to 2099."""
    return re.fullmatch(MONTH, text) is not None


def add_months(month: str, months: int) -> str:
    """The month that comes so many months later; earlier when fewer than none."""
    year, of_year = divmod(month_number(month) + months, 12)
    return f"{year:04d}-{of_year + 1:02d}"


def month_number(month: str) -> int:
    """Which month it is, counted through the years: the next month has the next number."""
    return 12 * int(month[:4]) + int(month[5:]) - 1


def quarter_of(month: str) -> str:
    """The first month of the quarter that holds the month."""
    return add_months(month, -((int(month[5:]) - 1) % 3))


def months_until(last: str, count: int) -> list[str]:
    """So many consecutive months, the last of which is `last`."""
    return [add_months(last, -back) for back in reversed(range(count))]


def first_day(month: str) -> datetime.date:
    """The first day of a month."""
    return datetime.date(int(month[:4]), int(month[5:]), 1)


def last_day(month: str) -> datetime.date:
    """The last day of a month, on which its extract is cut."""
    year, of_year = int(month[:4]), int(month[5:])
    return datetime.date(year, of_year, calendar.monthrange(year, of_year)[1])


def day_number(date: datetime.date) -> int:
    """Ints since 1970-01-01."""
    return (date - _EPOCH).days


def first_days(days: Ints, grain: Grain) -> Ints:
    """The first day of the month or the year of each day."""
    return _numbers(_in_grain(days, grain))


def last_days(days: Ints, grain: Grain) -> Ints:
    """The last day of the month or the year of each day."""
    return _numbers(_in_grain(days, grain) + 1) - 1


def as_text(days: Ints, grain: Grain) -> NDArray[np.str_]:
    """The month or the year of each day, `YYYY-MM` or `YYYY`."""
    return np.datetime_as_string(days.astype("datetime64[D]"), unit=grain)


def bounds(index_periods: pa.ChunkedArray) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """The first and the last day of each index period, a month or a year since 1900; NaT where it is neither."""
    trimmed = pc.utf8_trim_whitespace(index_periods)
    known = pc.if_else(pc.match_substring_regex(trimmed, _INDEX_PERIOD), trimmed, pa.scalar("NaT"))

    def months(of_year: str) -> NDArray[np.datetime64]:
        is_year = pc.equal(pc.utf8_length(known), len("YYYY"))
        texts = pc.if_else(is_year, pc.binary_join_element_wise(known, of_year, "-"), known)
        return np.asarray(pc.fill_null(texts, "NaT").to_numpy(), dtype="datetime64[M]")

    return months("01").astype("datetime64[D]"), (months("12") + 1).astype("datetime64[D]") - 1


def _in_grain(days: Ints, grain: Grain) -> NDArray[np.datetime64]:
    return days.astype("datetime64[D]").astype(f"datetime64[{grain}]")


def _numbers(dates: NDArray[np.datetime64]) -> Ints:
    return dates.astype("datetime64[D]").astype(np.int64)
