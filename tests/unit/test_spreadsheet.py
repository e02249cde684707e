"""Cells that go through a spreadsheet and come back as they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.intake.spreadsheet import guarded, read_rows, unguarded, written


@given(st.text(min_size=1).filter(lambda text: "\0" not in text))
def test_every_cell_comes_back_as_it_was(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell


@pytest.mark.parametrize("cell", ["=1+1", "+cmd", "-2+3", "@sum(a)", "\t=1", "\r=1", " =1", "＝1", "|x", "%0A=1"])
def test_what_a_spreadsheet_could_run_is_marked(cell: str) -> None:
    assert guarded(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["2026-01", "3-4", "1e5", "007", "1.4", "27,4", "1234567890123456", "MAR1", "Sep 3"])
def test_what_a_spreadsheet_would_change_is_marked(cell: str) -> None:
    assert guarded(cell) == f"'{cell}"


@pytest.mark.parametrize("cell", ["0", "42", "-40", "C5-6", "M54.2", "female", "true"])
def test_what_a_spreadsheet_keeps_stands_as_it_is(cell: str) -> None:
    assert guarded(cell) == cell


def test_nothing_is_an_empty_cell_and_comes_back_as_nothing() -> None:
    assert (guarded(None), guarded(""), unguarded("")) == ("", "", None)


@given(
    st.lists(st.lists(st.text(alphabet='ab,;"\n ', min_size=1).filter(str.strip), min_size=3, max_size=3), min_size=1)
)
def test_written_rows_are_read_again(rows: list[list[str]]) -> None:
    assert read_rows(written(("a", "b", "c"), rows)) == [["a", "b", "c"], *rows]
