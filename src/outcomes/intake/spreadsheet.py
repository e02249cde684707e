"""Cells that a person edits in a spreadsheet: none is run as a formula, and none becomes a date or loses its zeros."""

import csv
import io
import re
from collections.abc import Iterable, Sequence

_WORD = r"(?!(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))[A-Za-z]"
_PLAIN = re.compile(rf"-?(?:0|[1-9]\d{{0,14}})|{_WORD}[^\t\r\n]*")
"""What a spreadsheet keeps as it is wherever it is set up: a whole number, and what starts with a letter but is no
month. A decimal (`1.4`) is a date in some countries."""

_MARK = "'"
_DELIMITERS = ",;\t"


def guarded(cell: str | None) -> str:
    """A cell as a spreadsheet leaves it alone: marked with an apostrophe unless that is not needed."""
    if not cell:
        return ""
    return cell if _PLAIN.fullmatch(cell) else f"{_MARK}{cell}"


def unguarded(text: str) -> str | None:
    """The cell that a person left or wrote; None when it is empty."""
    return text.removeprefix(_MARK) or None


def written(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Rows as CSV (RFC 4180)."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    return lines.getvalue()


def read_rows(text: str) -> list[list[str]]:
    """The rows of a CSV, its head first, whichever delimiter a spreadsheet of the country writes; without blank lines.

    Raises:
        csv.Error: it is none.
    """
    line, _, _ = text.partition("\n")
    delimiter = max(_DELIMITERS, key=line.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    return [row for row in rows if any(cell.strip() for cell in row)]
