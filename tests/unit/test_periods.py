"""Arithmetic of months and years."""

import datetime

import numpy as np
import pyarrow as pa
import pytest

from outcomes.periods import add_months, as_text, bounds, first_days, is_month, last_day, last_days, months_until


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("2026-09", True), ("1900-01", True), ("2099-12", True)),
        *(("2026-00", False), ("2026-13", False), ("2026-9", False), ("2026", False), ("2026-09-01", False)),
        *((" 2026-09", False), ("2026-09\n", False), ("٢٠٢٦-09", False), ("", False)),
        *(("0000-01", False), ("0001-01", False), ("1899-12", False), ("2100-01", False), ("9999-12", False)),
    ],
)
def test_what_is_a_month(text: str, expected: bool) -> None:
    assert is_month(text) is expected


@pytest.mark.parametrize(
    ("month", "months", "expected"),
    [
        *(("2026-09", 0, "2026-09"), ("2026-12", 1, "2027-01"), ("2026-01", -1, "2025-12")),
        *(
            ("2026-09", -24, "2024-09"),
            ("2026-09", 40, "2030-01"),
            ("2026-09", -23, "2024-10"),
            ("2025-12", -11, "2025-01"),
        ),
    ],
)
def test_months_later_and_earlier(month: str, months: int, expected: str) -> None:
    assert add_months(month, months) == expected


def test_consecutive_months_and_their_last_days() -> None:
    assert months_until("2024-03", 3) == ["2024-01", "2024-02", "2024-03"]
    assert months_until("2024-03", 1) == ["2024-03"]
    last = [datetime.date(2024, 1, 31), datetime.date(2024, 2, 29), datetime.date(2024, 3, 31)]
    assert [last_day(month) for month in months_until("2024-03", 3)] == last


def test_the_month_and_the_year_of_a_day() -> None:
    days = np.array(["2024-02-10", "2023-12-31", "2024-01-01"], dtype="datetime64[D]").astype(np.int64)

    def dates(numbers: np.ndarray) -> list[str]:
        return [str(date) for date in numbers.astype("datetime64[D]")]

    assert dates(first_days(days, "M")) == ["2024-02-01", "2023-12-01", "2024-01-01"]
    assert dates(last_days(days, "M")) == ["2024-02-29", "2023-12-31", "2024-01-31"]
    assert dates(first_days(days, "Y")) == ["2024-01-01", "2023-01-01", "2024-01-01"]
    assert dates(last_days(days, "Y")) == ["2024-12-31", "2023-12-31", "2024-12-31"]
    assert as_text(days, "M").tolist() == ["2024-02", "2023-12", "2024-01"]
    assert as_text(days, "Y").tolist() == ["2024", "2023", "2024"]


def test_the_bounds_of_index_periods() -> None:
    texts = ["2024-02", " 2023 ", "2023-13", "1899", "20233", "May", "", None]
    first, last = bounds(pa.chunked_array([texts[:3], texts[3:]], pa.string()))
    assert [str(date) for date in first] == ["2024-02-01", "2023-01-01", *["NaT"] * 6]
    assert [str(date) for date in last] == ["2024-02-29", "2023-12-31", *["NaT"] * 6]
