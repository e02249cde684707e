"""Tables of cards, and their CSV."""

import csv
import io
from dataclasses import replace

import pytest

from dashboards.cards import Cell, Pins, Raw, Table, as_csv


def lines(table: Table, *facts: tuple[str, str]) -> list[list[str]]:
    """The CSV of a table, read again."""
    return list(csv.reader(io.StringIO(as_csv(table, *facts))))


def test_pinned_rows_stand_first_in_a_group_of_their_own() -> None:
    rows = [[Cell(name.upper(), name)] for name in "abcd"]
    table = Table("Letters", ("Letter",), rows, groups=["x", "x", "y", "z"], pins=Pins(frozenset("cb"), "/pins"))
    assert [(name, [row[0].value for row in of]) for name, of in table.grouped()] == [
        ("Pinned", ["b", "c"]),
        ("x", ["a"]),
        ("z", ["d"]),
    ]
    assert [name for name, _ in replace(table, pins=None).grouped()] == ["x", "y", "z"]


def test_a_csv_says_what_it_is_then_its_head_then_its_rows() -> None:
    table = Table(
        "Pain, by year", ("Year", "Patients"), [["2023", Cell("1,234", 1234)], ["2024", Cell("– hidden", "suppressed")]]
    )
    assert lines(table, ("of", "A site"), ("release", "2026-03-x")) == [
        ["# Pain, by year"],
        ["# of: A site"],
        ["# release: 2026-03-x"],
        ["Year", "Patients"],
        ["2023", "1234"],
        ["2024", "suppressed"],
    ]


def test_a_cell_without_a_value_says_its_text_and_zero_is_a_value() -> None:
    table = Table("x", ("a", "b", "c"), [[Cell("text"), Cell("none", 0), Cell("3 %", 0.031)]])
    assert lines(table)[-1] == ["text", "0", "0.031"]


def test_lines_end_and_quotes_double_as_the_standard_says() -> None:
    table = Table("x", ("a",), [['says "so", twice\nover']])
    assert as_csv(table).endswith('"says ""so"", twice\nover"\r\n')


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1+2", "@SUM(A1)", "\tx", "\rx", '=HYPERLINK("https://x")'])
def test_a_text_that_a_spreadsheet_would_run_is_harmless(text: str) -> None:
    assert lines(Table("x", ("a",), [[text]]))[-1] == [f"'{text}"]
    assert lines(Table("x", ("a",), [[Cell("shown", text)]]))[-1] == [f"'{text}"]


@pytest.mark.parametrize("value", [-3, -0.25, 7])
def test_a_number_below_zero_stays_a_number(value: Raw) -> None:
    assert lines(Table("x", ("a",), [[Cell("shown", value)]]))[-1] == [str(value)]


def test_a_fact_that_looks_like_a_formula_stays_behind_its_sign() -> None:
    assert lines(Table("=1", ("a",), []), ("of", "=cmd"))[:2] == [["# =1"], ["# of: =cmd"]]


def test_texts_and_cells_may_stand_in_one_row() -> None:
    (row,) = Table("x", ("a", "b"), [["text", Cell("c", 1)]]).cells()
    assert row == [Cell("text"), Cell("c", 1)]
