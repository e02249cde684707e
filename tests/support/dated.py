"""Rows of a synthetic registry with dates in the place of days, for writers of foreign formats."""

import datetime
from collections.abc import Iterable

import numpy as np

from outcomes.contract import TABLES
from outcomes.intake.sources.dated import dated_name
from tests.support.synthetic import Row


def numbers_of(rng: np.random.Generator, keys: Iterable[str]) -> dict[str, str]:
    """A record number for each key, in no order."""
    known = sorted(set(keys))
    return {key: str(number) for key, number in zip(known, rng.permutation(9 * len(known)) + 100_000, strict=False)}


def index_dates(rng: np.random.Generator, patients: Iterable[Row]) -> dict[str, datetime.date]:
    """A day of surgery within the index period of each patient."""
    return {
        row["patient_id"]: datetime.date.fromisoformat(f"{row['index_period']}-{int(rng.integers(1, 29)):02d}")
        for row in patients
    }


def dated(table: str, row: Row, index_date: datetime.date) -> Row:
    """The row with dates; a patient has a date of birth that gives the age at surgery."""
    found: Row = {}
    for column in TABLES[table].columns:
        value = row[column.name]
        if column.is_day and value is not None:
            value = index_date + datetime.timedelta(days=int(value))
        found[dated_name(column)] = value
    if table == "patients":
        found["birth_date"] = index_date - datetime.timedelta(days=int(row["age_years"] * 365.25 + 100))
    return found
