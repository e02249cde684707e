"""Calendar arithmetic over periods (`YYYY-MM`); days are counted from 1970-01-01."""

import datetime

import numpy as np
from numpy.typing import NDArray

EPOCH = datetime.date(1970, 1, 1)


def periods_ending(until: str, months: int) -> list[str]:
    """`months` + 1 consecutive periods, the last of which is `until`."""
    last = np.datetime64(until, "M")
    return [str(last - back) for back in range(months, -1, -1)]


def last_day(period: str) -> datetime.date:
    """The last day of a period, on which its extract is cut."""
    following = np.datetime64(period, "M") + 1
    return EPOCH + datetime.timedelta(days=int(following.astype("datetime64[D]").astype(np.int64)) - 1)


def day_number(date: datetime.date) -> int:
    """Days since 1970-01-01."""
    return (date - EPOCH).days


def period_start(day_numbers: NDArray[np.int64], unit: str) -> NDArray[np.int64]:
    """The first day of the month (`unit` M) or the year (Y) of each day number."""
    return _as_numbers(_in_units(day_numbers, unit))


def period_end(day_numbers: NDArray[np.int64], unit: str) -> NDArray[np.int64]:
    """The last day of the month (`unit` M) or the year (Y) of each day number."""
    return _as_numbers(_in_units(day_numbers, unit) + 1) - 1


def _in_units(day_numbers: NDArray[np.int64], unit: str) -> NDArray[np.datetime64]:
    return day_numbers.astype("datetime64[D]").astype(f"datetime64[{unit}]")


def _as_numbers(dates: NDArray[np.datetime64]) -> NDArray[np.int64]:
    return dates.astype("datetime64[D]").astype(np.int64)


def as_period(day_numbers: NDArray[np.int64], unit: str) -> NDArray[np.str_]:
    """The month (`unit` M) or the year (Y) of each day number, as text."""
    return np.datetime_as_string(day_numbers.astype("datetime64[D]"), unit=unit)  # type: ignore[call-overload,no-any-return]
