"""What rows give away by arithmetic: the day of surgery from a common data cut or event, an age over 89.

Cells come as delivered, strings or null. A cell that is no number, and a day that cannot be, say nothing here:
validation keeps them out of the lake.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.arrays import Floats, Ints, Mask
from outcomes.contract import TABLES
from outcomes.periods import bounds

FEWEST_PATIENTS = 20
"""Below this many patients a common date cannot be told from chance."""

_DAYS_OF_A_MONTH = 31
FEWEST_WITH_EVENTS = 60
"""As `FEWEST_PATIENTS`, of patients who may have many events each."""

_NEARLY_ALL = 0.99
_FEWER_BESIDE = 0.9
"""The share of patients with an event near a date half an index period away, from which on any date would fit."""

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


def ages_reaching_90(
    patients: pa.Table, data_cut: datetime.date | None = None, others: Mapping[str, pa.Table] | None = None
) -> int:
    """The number of patients delivered as younger than 90 who turn 90 by the latest day known of them.

    Args:
        patients: the delivered table patients.
        data_cut: the date on which the extract was cut, where it is known: no later day counts.
        others: the other delivered tables by name, each of whose days counts.
    """
    age = _numbers(patients["age_years"])
    days = np.stack([_days(patients, name, data_cut) for name in _DAY_COLUMNS])
    latest = np.where(np.isnan(days), -np.inf, days).max(axis=0)
    for events in _events(patients, others or {}, data_cut).values():
        np.maximum.at(latest, events.patient, events.days)
    reached = age + np.floor(latest / _DAYS_PER_YEAR)
    return int(np.count_nonzero((age < _OLDEST_AGE) & (reached >= _OLDEST_AGE)))


@dataclass(frozen=True)
class _Events:
    """The days of one column: of each, the patient's place in the table patients, and the day."""

    patient: Ints
    days: Floats


def _events(
    patients: pa.Table, others: Mapping[str, pa.Table], data_cut: datetime.date | None
) -> dict[tuple[str, str], _Events]:
    """The days of every column of the other tables that are some patient's, by table and column."""
    found = {}
    for name, rows in others.items():
        places = pc.index_in(rows["patient_id"], patients["patient_id"].combine_chunks())
        periods = patients["index_period"].take(places.combine_chunks())
        place = pc.fill_null(places, -1).to_numpy()
        for column in TABLES[name].columns:
            if column.is_day:
                days = _days(pa.table({column.name: rows[column.name], "index_period": periods}), column.name, data_cut)
                is_known = (place >= 0) & ~np.isnan(days)
                found[name, column.name] = _Events(place[is_known], days[is_known])
    return found


def events_on_a_common_date(
    patients: pa.Table, others: Mapping[str, pa.Table], data_cut: datetime.date | None = None
) -> dict[tuple[str, str], int]:
    """The number of patients with an event that one calendar date fits, by the table and column that give it away.

    A month's delivery has all its events in that month, and a date in its middle fits four in five of them; and of
    patients with many events any date fits one. So the date must fit nearly all, and those around it must not. Of an
    index period of a year nothing is said: any date of a month's delivery fits all.

    Args:
        patients: the delivered table patients.
        others: the other delivered tables by name.
        data_cut: the date on which the extract was cut, where it is known: no later day counts.
    """
    first, last = (bound.astype(np.int64) for bound in bounds(patients["index_period"]))
    is_known = ~np.isnat(bounds(patients["index_period"])[0]) & (last - first < _DAYS_OF_A_MONTH)
    fitting = {}
    for place, events in _events(patients, others, data_cut).items():
        of_known = is_known[events.patient]
        patient, days = events.patient[of_known], events.days[of_known].astype(np.int64)
        if count := _fitting_one_event(patient, days, first[patient], last[patient]):
            fitting[place] = count
    return fitting


def _fitting_one_event(patient: Ints, days: Ints, first: Ints, last: Ints) -> int:
    """How many patients have an event that the best date fits, or 0 when so many can be chance.

    Args:
        patient: of each event, who had it.
        days: the day of each, since the patient's surgery.
        first: the first date on which that surgery can have been.
        last: the last such date.
    """
    patients = len(np.unique(patient))
    if patients < FEWEST_WITH_EVENTS:
        return 0
    earliest, latest = _apart(patient, first + days, last + days)
    date, fitting = _best_date(earliest, latest)
    needed = _NEARLY_ALL * patients
    if fitting < needed:
        return 0
    half = int(np.median(last - first)) // 2 + 1
    beside = (_covering(earliest, latest, date - half) + _covering(earliest, latest, date + half)) / 2
    return fitting if beside < _FEWER_BESIDE * patients else 0


def _apart(patient: Ints, earliest: Ints, latest: Ints) -> tuple[Ints, Ints]:
    """The intervals of dates of each patient, those that overlap made one, so that a date counts a patient once."""
    order = np.lexsort((earliest, patient))
    patient, earliest, latest = patient[order], earliest[order], latest[order]
    # The intervals of a patient are equally long, so that each ends after the one before it.
    follows = (patient[1:] == patient[:-1]) & (earliest[1:] <= latest[:-1])
    return earliest[np.r_[True, ~follows]], latest[np.r_[~follows, True]]


def _covering(earliest: Ints, latest: Ints, date: int) -> int:
    return int(np.count_nonzero((earliest <= date) & (date <= latest)))


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
