"""A card: what a chart says in a sentence, the chart, and its numbers as a table. Pages, files and reports share it."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, repeat
from operator import itemgetter
from typing import Any

from markupsafe import Markup

from dashboards.charts.style import Figure

Raw = str | int | float | None


@dataclass(frozen=True)
class Cell:
    """A cell of a table: how it is said, the value that a CSV holds, and where it leads."""

    text: str
    value: Raw = None
    href: str | None = None
    content: Markup | None = None
    """What stands in its place on a page, such as a small chart."""


@dataclass(frozen=True)
class Pins:
    """How rows are pinned: the values of the first cells of those that are, and where a form says of another."""

    pinned: frozenset[str]
    address: str


@dataclass(frozen=True)
class Table:
    """The numbers of a card. The first column names the row; the last `numbers` columns are numbers.

    `groups` names the group of each row, in whose order rows stand; such a table can be searched. With `pins` its rows
    can be pinned: those that are stand first, in a group of their own.
    """

    caption: str
    head: tuple[str, ...]
    rows: Sequence[Sequence[Cell | str]]
    numbers: int = 0
    groups: Sequence[str] = ()
    pins: Pins | None = None
    is_stacked: bool = False
    """Whether a row of words is as wide as the card on a narrow screen, its cells one below the other."""
    folds_after: int | None = None
    """So many rows are seen at once; the others fold out below them."""

    def in_two(self) -> tuple["Table", "Table | None"]:
        """The rows that are seen at once, and those that fold out; None where all are seen."""
        if self.folds_after is None or len(self.rows) <= self.folds_after:
            return self, None
        first, others = self.rows[: self.folds_after], self.rows[self.folds_after :]
        return replace(self, rows=first), replace(self, caption=f"{self.caption}, further ones", rows=others)

    def is_pinned(self, row: Sequence[Cell]) -> bool:
        """Whether a row stands among those that are pinned."""
        return self.pins is not None and row[0].value in self.pins.pinned

    def grouped(self) -> Iterable[tuple[str, list[list[Cell]]]]:
        """The rows by group, each cell with its value; a table without groups has one without a name."""
        rows = list(self.cells())
        pinned = [row for row in rows if self.is_pinned(row)]
        if pinned:
            yield "Pinned", pinned
        for name, of_group in groupby(zip(self.groups or repeat(""), rows, strict=False), key=itemgetter(0)):
            others = [row for _, row in of_group if not self.is_pinned(row)]
            if others:
                yield name, others

    def cells(self) -> Iterable[list[Cell]]:
        """The rows, each cell with its value."""
        for row in self.rows:
            yield [Cell(cell) if isinstance(cell, str) else cell for cell in row]


@dataclass(frozen=True)
class Card:
    """One card of a page.

    `name` is its anchor and the name of its files; `sentence` says what the chart shows, also to who cannot see it.
    `about` is a definition, on hover and in words; `basis` how many patients it rests on and how complete they are.
    """

    name: str
    title: str
    sentence: str = ""
    figure: Figure | None = None
    css_class: str = "chart"
    table: Table | None = None
    is_table: bool = False
    """The table is the card itself, not the numbers behind a chart."""
    body: Sequence[str | Markup] = ()
    """What stands above the figure: a text is a paragraph, anything else comes from `rendering.part`."""
    about: str = ""
    basis: str = ""
    notes: Sequence[str] = ()
    is_wide: bool = True
    beside: Sequence[tuple[str, str]] = ()
    """Name and value of each row of the figure, where it is one of rows."""
    below: Sequence[tuple[str, Sequence[tuple[float, str]]]] = ()
    """Rows of numbers under the axis, such as numbers at risk: a title, and texts at places from 0 to 1."""
    can_be_saved: bool = True
    """Whether it may leave as a file; single patients may not."""


def as_csv(table: Table, *facts: tuple[str, str]) -> str:
    """A table as CSV (RFC 4180), after comment lines that say what it is.

    Args:
        table: the table.
        facts: name and value of what the numbers belong to.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([f"# {table.caption}"])
    for name, value in facts:
        writer.writerow([f"# {name}: {value}"])
    writer.writerow(table.head)
    for row in table.cells():
        writer.writerow([_escape_formula(cell.text if cell.value is None else cell.value) for cell in row])
    return out.getvalue()


def _escape_formula(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula keeps its sign behind an apostrophe."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value
