"""Read a delivered file as a table of strings, exactly as the site wrote it.

The readers' own errors quote cells, so none of them is ever chained or logged.
"""

from pathlib import PurePath

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv, parquet

from outcomes.contract import Table
from outcomes.errors import SubmissionRefused

SUFFIXES = (".csv", ".parquet")

OPTIONAL_COLUMNS = frozenset({"deleted"})
"""Columns that a file may leave out; left out, they are empty."""


class _NotUtf8(Exception):  # noqa: N818 - never leaves this module
    """Bytes that should be text in UTF-8 and are not."""


def count_rows(name: str, content: bytes) -> int:
    """Count the data rows of a CSV or Parquet file.

    Args:
        name: the file's name; its suffix tells the format.
        content: the file's bytes.

    Raises:
        SubmissionRefused: file_unreadable.
    """
    if _is_blank(content):
        return 0
    try:
        if _is_parquet(name):
            return int(parquet.ParquetFile(pa.BufferReader(content)).metadata.num_rows)
        return int(_parse_csv(content, pa.binary()).num_rows)
    except (pa.ArrowException, ValueError, OSError):
        raise SubmissionRefused("file_unreadable", PurePath(name).stem) from None


def read_table(table: Table, name: str, content: bytes, version: int) -> pa.Table:
    """Read one file as strings: the contract's columns in the contract's order, empty cells as null.

    A column that came with a later version of the contract than the delivery's is null, and the file must not hold it.
    A file that holds only its header is a table without rows.

    Args:
        table: the contract table that the file is meant to hold.
        name: the file's name; its suffix tells the format.
        content: the file's bytes.
        version: the contract version that the manifest states.

    Raises:
        SubmissionRefused: file_empty, file_encoding, file_unreadable, column_missing or column_extra.
    """
    if _is_blank(content):
        raise SubmissionRefused("file_empty", table.name)
    try:
        delivered = _parse_parquet(content) if _is_parquet(name) else _parse_csv(content, pa.string())
    except _NotUtf8:
        raise SubmissionRefused("file_encoding", table.name) from None
    except (pa.ArrowException, ValueError, OSError):
        raise SubmissionRefused("file_unreadable", table.name) from None
    _check_columns(table, delivered.column_names, version)
    return _contract_columns(table, delivered)


def _is_blank(content: bytes) -> bool:
    return not content or content.isspace()


def _is_parquet(name: str) -> bool:
    return PurePath(name).suffix == ".parquet"


def _parse_csv(content: bytes, cell: pa.DataType) -> pa.Table:
    """Parse RFC 4180; an empty cell, quoted or not, is null and nothing else is."""
    if cell == pa.string():
        _check_utf8(content)
    if content.count(b'"') % 2:
        # An open quote would swallow the rest of the file as one cell.
        raise ValueError
    closed = content if content.endswith(b"\n") else content + b"\n"
    parse = csv.ParseOptions(newlines_in_values=True)
    with csv.open_csv(pa.BufferReader(closed), parse_options=parse) as reader:
        names = reader.schema.names
    return csv.read_csv(
        pa.BufferReader(closed),
        parse_options=parse,
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, cell),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
    )


def _check_utf8(content: bytes) -> None:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        raise _NotUtf8 from None
    if b"\0" in content:
        # UTF-16 without its mark decodes as UTF-8, with NULs between the letters.
        raise _NotUtf8


def _parse_parquet(content: bytes) -> pa.Table:
    delivered = parquet.ParquetFile(pa.BufferReader(content)).read()
    return pa.table([_as_strings(column) for column in delivered.columns], names=delivered.column_names)


def _as_strings(column: pa.ChunkedArray) -> pa.ChunkedArray:
    try:
        cells = column.cast(pa.string())
        cells.validate(full=True)
    except pa.ArrowInvalid:
        raise _NotUtf8 from None
    return pc.if_else(pc.equal(cells, ""), None, cells)


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
        raise SubmissionRefused("column_extra", f"{table.name}: column {', '.join(map(str, extra))}")


def _contract_columns(table: Table, delivered: pa.Table) -> pa.Table:
    empty = pa.nulls(delivered.num_rows, pa.string())
    return pa.table({name: delivered[name] if name in delivered.column_names else empty for name in table.schema.names})
