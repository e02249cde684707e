"""Read a delivered file as a table of strings: as the site wrote it, and what it means for a cell to be missing.

The readers' own errors quote cells, so none of them is ever chained or logged.
"""

import errno
import os
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from outcomes.contract import TABLES, Column, Table
from outcomes.errors import SubmissionRefused

SUFFIXES = (".csv", ".parquet")
"""Of the files that hold a table, in any case."""

OPTIONAL_COLUMNS = frozenset({"deleted"})
"""Columns that a file may leave out; left out, they are empty."""

MISSING = ("", "na", "n/a", "null", "none", "nan", ".")
"""What stands for a missing value in every column, in any case: other tools write their empty cells so."""


MOST_BYTES = 2**31
"""Of a file, and of what a Parquet file unpacks to: no site's table comes near, and more than one is held at once."""

_MOST_ROWS = 20_000_000
_MOST_COLUMNS = 1_000
_LONGEST_LINE = 2**20
"""Bytes that a reader of CSV takes at a time; of a cell in Parquet no more either."""

_MOST_RATIO = 500
_LEAST_SUSPECT = 2**28
"""Below so many unpacked bytes no ratio is suspect: columns of one value pack well."""

_COLUMNS_TOLD = 5
"""Foreign columns whose positions a message names."""


class _NotUtf8(Exception):  # noqa: N818 - never leaves this module
    """Bytes that should be text in UTF-8 and are not."""


@dataclass(frozen=True)
class Cells:
    """The cells of one delivered table: strings, the contract's columns in the contract's order.

    Attributes:
        delivered: as written, null where nothing is.
        read: without surrounding blanks, null where they stand for a missing value.
        coded: of each column with a declared code for missing, whether the cell holds one (boolean).
    """

    delivered: pa.Table
    read: pa.Table
    coded: pa.Table

    @property
    def rows(self) -> int:
        """The number of rows."""
        return int(self.delivered.num_rows)


def is_table_file(name: str) -> bool:
    """Whether a file of this name can hold a table: it ends in `.csv` or `.parquet`, in any case."""
    return PurePath(name).suffix.lower() in SUFFIXES


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """The content of a delivered file. A link is not followed, and of a pipe or a device nothing is read.

    Args:
        path: the file.
        most: the bytes that it may have; of a larger one nothing is read.

    Raises:
        SubmissionRefused: file_special, file_denied or file_too_large.
        FileNotFoundError: there is no such file.
    """
    try:
        # Without O_NONBLOCK, opening a pipe would wait for someone to write to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except PermissionError:
        raise SubmissionRefused("file_denied", _in_words(path)) from None
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
            raise SubmissionRefused("file_special", _in_words(path)) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise SubmissionRefused("file_special", _in_words(path))
    with os.fdopen(descriptor, "rb") as file:
        _limit(os.fstat(descriptor).st_size, most, f"{_in_words(path)}: bytes")
        return file.read(most)


def _limit(count: int, most: int, what: str) -> None:
    """Refuse more than what may be.

    Raises:
        SubmissionRefused: file_too_large.
    """
    if count > most:
        raise SubmissionRefused("file_too_large", f"{what}, {most:,} at most")


def _in_words(path: Path) -> str:
    """A delivered file by its name where that is one of ours: a site may have put anything into another."""
    return path.stem.lower() if path.stem.lower() in {"manifest", *TABLES} else "a file"


def count_rows(name: str, content: bytes) -> int:
    """Count the data rows of a CSV or Parquet file; a row of blank cells alone is none.

    Args:
        name: the file's name; its suffix tells the format.
        content: the file's bytes.

    Raises:
        SubmissionRefused: file_encoding, file_unreadable or file_too_large.
    """
    return int(as_delivered(name, content).num_rows)


def rows_of_file(path: Path) -> Iterator[int]:
    """For each row that is read of a file, in order, its number there, as a spreadsheet shows it: blank rows count too.

    The header of a CSV file is row 1, unless blank rows lie above it; Parquet has none.
    """
    if path.suffix.lower() == ".parquet":
        rows = _parse_parquet(path.name, path.read_bytes())
        yield from (int(place) + 1 for place in np.setdiff1d(np.arange(rows.num_rows), _blank_rows(rows)))
        return
    with path.open(encoding="utf-8-sig", newline="") as lines:
        filled = (row for row, text in enumerate(_records(lines), 1) if _is_filled(text))
        next(filled, None)  # the header
        yield from filled


def _records(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a CSV file, of which those with a line end within quotes are one."""
    record, quotes = [], 0
    for line in lines:
        record.append(line)
        quotes += line.count('"')
        if quotes % 2 == 0:
            yield "".join(record)
            record, quotes = [], 0


def as_delivered(name: str, content: bytes) -> pa.Table:
    """All rows of a CSV or Parquet file as strings, but rows of blank cells alone; its columns in lower case.

    Args:
        name: the file's name; its suffix tells the format.
        content: the file's bytes.

    Raises:
        SubmissionRefused: file_encoding, file_unreadable or file_too_large.
    """
    if _is_blank(content):
        return pa.table({})
    try:
        rows = _parse(name, content)
    except _NotUtf8:
        raise SubmissionRefused("file_encoding", PurePath(name).stem) from None
    except (pa.ArrowException, ValueError, OSError):
        raise SubmissionRefused("file_unreadable", PurePath(name).stem) from None
    return rows.rename_columns([spelled(column) for column in rows.column_names])


def spelled(column: str) -> str:
    """A column's name as the contract spells it: a header may use any case, and blanks around it."""
    return column.strip().lower()


def codes_for_missing(table: Table, declared: Iterable[str]) -> dict[str, list[str]]:
    """The codes for missing that a manifest declares, by the columns of a table in which they hold.

    Args:
        table: of the contract.
        declared: a code alone, for every column but keys and days, or after a column's name, which may end in `*`, and
            an equals sign.
    """
    found: dict[str, list[str]] = {}
    for one in declared:
        pattern, _, code = one.rpartition("=")
        for column in table.columns:
            if fnmatchcase(column.name, pattern) if pattern else _is_answer(column):
                found.setdefault(column.name, []).append(code)
    return found


def _is_answer(column: Column) -> bool:
    return not column.name.endswith("_id") and not column.is_day and column.name != "deleted"


def read_table(table: Table, name: str, content: bytes, version: int, missing_codes: Iterable[str] = ()) -> Cells:
    """Read one file.

    A header may spell the names of the columns in any case and with blanks around them. A column that came with a later
    version of the contract than the delivery's is null, and the file must not hold it.
    A file that holds only its header is a table without rows.

    Args:
        table: the contract table that the file is meant to hold.
        name: the file's name; its suffix tells the format.
        content: the file's bytes.
        version: the contract version that the manifest states.
        missing_codes: what else stands for a missing value, see `codes_for_missing`.

    Raises:
        SubmissionRefused: file_empty, file_encoding, file_unreadable, file_too_large, column_missing or column_extra.
    """
    if _is_blank(content):
        raise SubmissionRefused("file_empty", table.name)
    delivered = as_delivered(name, content)
    _check_columns(table, delivered.column_names, version)
    return as_cells(table, delivered, missing_codes)


_BLANK_LINES_ABOVE = re.compile(rb'\A(\xef\xbb\xbf)?(?:(?:[ \t,"]|\xc2\xa0)*\r?\n)+')
"""Lines of separators alone above the header, as a spreadsheet leaves them; the mark of UTF-8 may come first."""


def _is_blank(content: bytes) -> bool:
    return not content or content.isspace()


def _parse(name: str, content: bytes) -> pa.Table:
    """All rows but those of blank cells alone, as strings; an empty cell, quoted or not, is null."""
    is_parquet = PurePath(name).suffix.lower() == ".parquet"
    parse = _parse_parquet if is_parquet else _parse_csv
    return _without_blank_rows(parse(PurePath(name).stem, content))


def _parse_csv(name: str, content: bytes) -> pa.Table:
    """Parse RFC 4180."""
    _limit(content.count(b"\n"), _MOST_ROWS, f"{name}: rows")
    _limit(_longest_line(content), _LONGEST_LINE, f"{name}: bytes of a line")
    _check_utf8(content)
    if content.count(b'"') % 2:
        # An open quote would swallow the rest of the file as one cell.
        raise ValueError
    content = _BLANK_LINES_ABOVE.sub(rb"\1", content)
    closed = content if content.endswith(b"\n") else content + b"\n"
    # The head is asked first: rows that do not fit one of too many columns would hide what is wrong with it.
    of_head = csv.ParseOptions(newlines_in_values=True, invalid_row_handler=lambda _: "skip")
    with csv.open_csv(pa.BufferReader(closed), parse_options=of_head) as reader:
        names = reader.schema.names
    _limit(len(names), _MOST_COLUMNS, f"{name}: columns")
    return csv.read_csv(
        pa.BufferReader(closed),
        parse_options=csv.ParseOptions(newlines_in_values=True, invalid_row_handler=_without_cells),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )


def _longest_line(content: bytes) -> int:
    ends = np.flatnonzero(np.frombuffer(content, dtype=np.uint8) == ord("\n"))
    return int(np.diff(ends, prepend=-1, append=len(content)).max())


def _without_cells(row: csv.InvalidRow) -> str:
    """What becomes of a row that has not as many cells as the header: a row of separators alone is a leftover."""
    return "error" if _is_filled(row.text) else "skip"


def _is_filled(row: str) -> bool:
    """Whether a row is more than separators."""
    return row.replace(",", "").replace('"', "").strip() != ""


def _without_blank_rows(rows: pa.Table) -> pa.Table:
    blank = _blank_rows(rows)
    return rows.filter(pc.invert(pc.is_in(pa.array(np.arange(rows.num_rows)), blank))) if len(blank) else rows


def _blank_rows(rows: pa.Table) -> pa.Array:
    """The places of rows of blank cells alone."""
    places = pa.array(np.arange(rows.num_rows))
    blank = places
    for column in rows.columns:
        # Of the first column all rows are asked, of each further one those alone that were blank so far: mostly none.
        cells = column.take(blank) if len(blank) < rows.num_rows else column
        blank = blank.filter(pc.fill_null(pc.equal(pc.utf8_trim_whitespace(cells), ""), True))
    return blank


def _check_utf8(content: bytes) -> None:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        raise _NotUtf8 from None
    if b"\0" in content:
        # UTF-16 without its mark decodes as UTF-8, with NULs between the letters.
        raise _NotUtf8


def _parse_parquet(name: str, content: bytes) -> pa.Table:
    file = parquet.ParquetFile(pa.BufferReader(content))
    _check_unpacked(name, file.metadata, len(content))
    # Texts are read as a dictionary, or one long text in many rows would fill the memory.
    texts = [field.name for field in file.schema_arrow if _is_text(field.type)]
    delivered = parquet.ParquetFile(pa.BufferReader(content), read_dictionary=texts).read()
    _limit(sum(map(_unpacked_bytes, delivered.columns)), MOST_BYTES, f"{name}: unpacked bytes")
    _limit(max(map(_longest_cell, delivered.columns), default=0), _LONGEST_LINE, f"{name}: bytes of a cell")
    return pa.table([as_strings(column) for column in delivered.columns], names=delivered.column_names)


def _check_unpacked(name: str, said: parquet.FileMetaData, packed: int) -> None:
    """Refuse a file by what it says of itself, before anything is unpacked.

    Raises:
        SubmissionRefused: file_too_large.
    """
    _limit(said.num_rows, _MOST_ROWS, f"{name}: rows")
    _limit(said.num_columns, _MOST_COLUMNS, f"{name}: columns")
    unpacked = sum(said.row_group(place).total_byte_size for place in range(said.num_row_groups))
    _limit(unpacked, MOST_BYTES, f"{name}: unpacked bytes")
    if unpacked > _LEAST_SUSPECT:
        _limit(unpacked // packed, _MOST_RATIO, f"{name}: unpacked bytes for each packed one")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _unpacked_bytes(column: pa.ChunkedArray) -> int:
    if not pa.types.is_dictionary(column.type) or not _is_text(column.type.value_type):
        return int(column.nbytes)
    lengths = (pc.sum(pc.binary_length(chunk.dictionary).take(chunk.indices)).as_py() for chunk in column.chunks)
    return sum(length or 0 for length in lengths)


def _longest_cell(column: pa.ChunkedArray) -> int:
    if not pa.types.is_dictionary(column.type) or not _is_text(column.type.value_type):
        return 0
    return max((pc.max(pc.binary_length(chunk.dictionary)).as_py() or 0 for chunk in column.chunks), default=0)


def as_strings(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The cells of a Parquet column in words."""
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
    try:
        cells = column.cast(pa.string())
        cells.validate(full=True)
    except pa.ArrowInvalid:
        raise _NotUtf8 from None
    return cells


def _check_columns(table: Table, delivered: list[str], version: int) -> None:
    names = table.names(version)
    missing = [name for name in names if name not in delivered and name not in OPTIONAL_COLUMNS]
    if missing:
        raise SubmissionRefused("column_missing", f"{table.name}: {', '.join(missing)}")
    # A file without a header shows its first row here, so a foreign name is never repeated, only its position.
    extra = [
        position for position, name in enumerate(delivered, 1) if name not in names or name in delivered[: position - 1]
    ]
    if extra:
        told = ", ".join(map(str, extra[:_COLUMNS_TOLD]))
        more = f" and {len(extra) - _COLUMNS_TOLD} more" if len(extra) > _COLUMNS_TOLD else ""
        raise SubmissionRefused("column_extra", f"{table.name}: column {told}{more}")


def as_cells(table: Table, delivered: pa.Table, missing_codes: Iterable[str] = ()) -> Cells:
    """The cells of a delivered table that holds strings.

    Args:
        table: the contract table.
        delivered: its columns as written; those that are not there are empty.
        missing_codes: what else stands for a missing value, see `codes_for_missing`.
    """
    codes = codes_for_missing(table, missing_codes)
    empty = pa.chunked_array([pa.nulls(delivered.num_rows, pa.string())])
    written = {name: delivered[name] if name in delivered.column_names else empty for name in table.schema.names}
    read = {name: read_cells(cells) for name, cells in written.items()}
    coded = {name: _is_coded(read[name], codes[name]) for name in table.schema.names if name in codes}
    read |= {name: pc.if_else(is_coded, pa.scalar(None, pa.string()), read[name]) for name, is_coded in coded.items()}
    return Cells(pa.table(written), pa.table(read), pa.table(coded))


def read_cells(cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells without surrounding blanks, null where they stand for a missing value."""
    if cells.null_count == len(cells):
        return cells
    trimmed = pc.utf8_trim_whitespace(cells)
    is_missing = pc.is_in(pc.utf8_lower(trimmed), pa.array(MISSING))
    return pc.if_else(is_missing, pa.scalar(None, pa.string()), trimmed)


def _is_coded(read: pa.ChunkedArray, codes: Iterable[str]) -> pa.ChunkedArray:
    """Whether a cell holds one of the codes."""
    return pc.fill_null(pc.match_substring_regex(read, "|".join(map(pattern_of_code, codes))), False)


def pattern_of_code(code: str) -> str:
    """Pattern of a code for missing in any case, of a whole number also with leading and decimal zeros."""
    if re.fullmatch(r"-?\d+", code):
        sign, digits = "-" * code.startswith("-"), code.lstrip("-0") or "0"
        return rf"^{sign}0*{digits}(?:\.0*)?$"
    return rf"^(?i:{re.escape(code)})$"
