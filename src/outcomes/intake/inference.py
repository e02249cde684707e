"""What the rows of patients give away by arithmetic: the day of surgery from a common data cut, an age over 89.

Cells come as delivered, strings or null. A cell that is no number, and a day that cannot be, say nothing here:
validation keeps them out of the lake.
"""

import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.arrays import Floats, Ints, Mask
from outcomes.periods import bounds

FEWEST_PATIENTS = 20
"""Below this many patients a common date cannot be told from chance."""

_STANDARD_ERRORS = 4
_DAYS_PER_YEAR = 365.25
_MOST_DAYS = 10_957
"""Thirty years, the contract's limit of a day."""

_OLDEST_AGE = 90
_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)$"
"""As validation reads one, so that no spelling passes here and becomes a number there."""

_DAY_COLUMNS = ("data_cut_day", "last_contact_day", "death_day")

_SHIFTED_DAYS = 730
"""Shifted dates leave index_period right to within a year, and the patient's cut likewise."""

LATEST_DAY_WITHOUT_PERIOD = 9_998
"""Where index_period is unknown, 9999 is taken for what it mostly is, a placeholder."""


def last_date(data_cut: datetime.date) -> datetime.date:
    """The last date that a record can have of an extract that was cut on a date.

    A day that lies later, were surgery on the first day of index_period, cannot be: it stands for something else.
    """
    return data_cut + datetime.timedelta(days=_SHIFTED_DAYS)


def ages_reaching_90(patients: pa.Table, data_cut: datetime.date | None = None) -> int:
    """The number of patients delivered as younger than 90 who turn 90 by the latest day known of them.

    Args:
        patients: the delivered table patients.
        data_cut: the date on which the extract was cut, where it is known: no later day counts.
    """
    age = _numbers(patients["age_years"])
    days = np.stack([_days(patients, name, data_cut) for name in _DAY_COLUMNS])
    latest = np.where(np.isnan(days), -np.inf, days).max(axis=0)
    reached = age + np.floor(latest / _DAYS_PER_YEAR)
    return int(np.count_nonzero((age < _OLDEST_AGE) & (reached >= _OLDEST_AGE)))


def patients_of_a_common_cut(patients: pa.Table, data_cut: datetime.date | None = None) -> dict[str, int]:
    """The number of patients that one date of the data cut fits, by the column that gives it away.

    A patient without `data_cut_day`, or in contact after it, is judged by `last_contact_day`, which is then the cut.

    Args:
        patients: the delivered table patients.
        data_cut: the date on which the extract was cut, where it is known: no later day counts.

    Returns:
        The columns from which a common date can be worked out; of a sound submission none.
    """
    cut, contact = (_days(patients, name, data_cut) for name in ("data_cut_day", "last_contact_day"))
    uncovered = np.where(contact <= cut, np.nan, contact)
    fitting = {
        name: _fitting_one_date(patients["index_period"], days)
        for name, days in (("data_cut_day", cut), ("last_contact_day", uncovered))
    }
    return {name: count for name, count in fitting.items() if count}


def _fitting_one_date(index_period: pa.ChunkedArray, days: Floats) -> int:
    """How many patients the best date fits, or 0 when so many can be chance.

    The patient's cut lies between the first and the last day of the index period, moved by the days to the cut. With
    cuts of their own, spread over twice the index period or more, half of the patients at most are expected to share
    a date; and where nearly all are of one index period, they share one whatever the cut. Four standard errors above
    the greater of the two is no chance any more.
    """
    first, last = bounds(index_period)
    known = ~(np.isnan(days) | np.isnat(first))
    earliest = first[known].astype(np.int64) + days[known].astype(np.int64)
    latest = last[known].astype(np.int64) + days[known].astype(np.int64)
    # Counted from the last day of the index period, the days to the cut say nothing of the day within the period.
    telling = ~_counted_from_the_last_day(latest)
    earliest, latest, days = earliest[telling], latest[telling], days[known][telling]
    if len(days) < FEWEST_PATIENTS:
        return 0
    date, fitting = _best_date(earliest, latest)
    expected = max(0.5, _expected_share(earliest, latest, days, date))
    # The standard error of a share is greatest, 1 / (2 sqrt(n)), where the share is a half.
    is_chance = fitting / len(days) <= expected + _STANDARD_ERRORS / (2 * np.sqrt(len(days)))
    return 0 if is_chance else fitting


def _counted_from_the_last_day(latest: Ints) -> Mask:
    """The patients whose latest possible cut is that of most patients; none when most differ.

    Surgeries of which more than half fall on the last day of a month do not exist.
    """
    dates, place, counts = np.unique(latest, return_inverse=True, return_counts=True)
    if len(dates) == 0 or counts.max() <= len(latest) / 2:
        return np.zeros(len(latest), dtype=bool)
    of_most: Mask = place == counts.argmax()
    return of_most


def _best_date(earliest: Ints, latest: Ints) -> tuple[int, int]:
    """The date that lies within most intervals, and within how many: it is the start of one of them."""
    started = np.searchsorted(np.sort(earliest), earliest, side="right")
    ended = np.searchsorted(np.sort(latest), earliest, side="left")
    best = int((started - ended).argmax())
    return int(earliest[best]), int(started[best] - ended[best])


def _expected_share(earliest: Ints, latest: Ints, days: Floats, date: int) -> float:
    """The share of the patients that the date would fit, were the days to the cut dealt out anew among them."""
    in_order = np.sort(days)
    first, last = date - latest + days, date - earliest + days
    fitting = np.searchsorted(in_order, last, side="right") - np.searchsorted(in_order, first, side="left")
    return float(fitting.mean() / len(days))


def _days(patients: pa.Table, name: str, data_cut: datetime.date | None) -> Floats:
    """Day numbers of a column; NaN where there is none within thirty years that can be."""
    days = np.floor(_numbers(patients[name]))
    latest = np.full(len(days), _MOST_DAYS) if data_cut is None else _latest_days(patients["index_period"], data_cut)
    return np.where((days >= -_MOST_DAYS) & (days <= latest), days, np.nan)


def _latest_days(index_period: pa.ChunkedArray, data_cut: datetime.date) -> Ints:
    first, _ = bounds(index_period)
    possible = (np.datetime64(last_date(data_cut), "D") - first).astype(np.int64)
    return np.where(np.isnat(first), LATEST_DAY_WITHOUT_PERIOD, np.minimum(possible, _MOST_DAYS))


def _numbers(cells: pa.ChunkedArray) -> Floats:
    """The cells as numbers; NaN where a cell is none."""
    trimmed = pc.utf8_trim_whitespace(cells)
    numbers = pc.if_else(pc.match_substring_regex(trimmed, _NUMBER), trimmed, pa.scalar(None, pa.string()))
    numbers = pc.utf8_ltrim(numbers, "+")
    floats = pc.cast(numbers, pa.float64())
    return np.asarray(floats.to_numpy(zero_copy_only=False) if isinstance(floats, pa.Array) else floats.to_numpy())
