"""Read the cells of a delivered table in the contract's types and its spelling, each distinct cell of a column once."""

import math
import re
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.contract import Column, ColumnType, Table
from outcomes.intake.reading import Cells
from outcomes.intake.rules import CELL_FACTS, closed_lists

_TEXT = "[!-~]{1,64}"
"""Text of the contract is a key, a code or a word of a closed list: visible ASCII without a blank, never free text."""

_KEY = "[A-Za-z0-9+/_-][A-Za-z0-9._:+/=_-]{0,63}"
"""Base64 and its relatives are keys. Without brackets, quotes and bars no formula of a spreadsheet does anything."""

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")
"""A number is a plain decimal: a cast would also read `1_0` and `1e3`."""

_LARGEST = 2**31 - 1
"""No integer of the contract needs more than 32 bits, and the difference of two of them cannot overflow."""

_BOOLEANS = dict.fromkeys(("1", "t", "true", "y", "yes"), True) | dict.fromkeys(("0", "f", "false", "n", "no"), False)

_CODED = {"code": r"^(\d{4,8})\.0*$", "modifier": r"^(\d\d)\.0*$"}
"""Columns of codes: read in capitals, without dots. A blank within makes it words, which are no code.

What matches is a number as a spreadsheet writes it (22551.0): no code has so many digits before a dot of its own.
"""

_SYSTEMS = ("code_system",)
"""Columns of code systems: read in capitals, without blanks, dots, hyphens and underscores (ICD-10-CM)."""

_JOINTS = ("level", "levels")
"""Columns of joints: read in capitals, without blanks and dots."""


def typed_rows(table: Table, cells: Cells) -> pa.Table:
    """The rows in the contract's types; a cell that cannot take its type is null.

    Args:
        table: the contract table.
        cells: its rows as delivered.

    Returns:
        row_number (1 = the first row below the header), the contract's columns, and the facts of cells:
        type_failures (cells that could not take their type), missing_codes (cells with a declared code for missing;
        null without such codes) and deleted_is_readable (null where `deleted` is not given).
    """
    words = closed_lists(table.name)
    typed = {
        column.name: in_type(column, words.get(column.name, {}), cells.read[column.name]) for column in table.columns
    }
    numbers = pa.array(np.arange(1, cells.rows + 1))
    failures, codes = (_count(cells.rows, flags.values()) for flags in (_mistyped(cells, typed), _coded(cells)))
    facts = {
        CELL_FACTS[0]: failures,
        CELL_FACTS[1]: codes if cells.coded.num_columns else pa.nulls(cells.rows, pa.int64()),
        "deleted_is_readable": pc.if_else(
            pc.is_valid(cells.read["deleted"]), pc.is_valid(typed["deleted"]), pa.scalar(None, pa.bool_())
        ),
    }
    return pa.table({"row_number": numbers} | typed | facts)


def cells_null_already(cells: Cells, typed: pa.Table) -> pa.Table:
    """The cells that the rules on types and on codes for missing look at, before any other rule.

    Args:
        cells: rows of a contract table as delivered.
        typed: the same rows as `typed_rows` gives them.

    Returns:
        row_number, fact (type_failures or missing_codes) and column of each such cell, in this order.
    """
    found = [
        (int(row) + 1, fact, name)
        for fact, flags in zip(CELL_FACTS, (_mistyped(cells, typed), _coded(cells)), strict=True)
        for name, is_found in flags.items()
        for row in np.flatnonzero(is_found)
    ]
    rows, facts, columns = zip(*sorted(found), strict=True) if found else ((), (), ())
    return pa.table(
        {
            "row_number": pa.array(rows, pa.int64()),
            "fact": pa.array(facts, pa.string()),
            "column": pa.array(columns, pa.string()),
        }
    )


def _mistyped(cells: Cells, typed: pa.Table | Mapping[str, pa.Array]) -> dict[str, np.ndarray]:
    """By column but `deleted`, which cells are given and could not take its type."""
    return {
        name: _as_flags(pc.and_(pc.is_valid(cells.read[name]), pc.is_null(typed[name])))
        for name in cells.read.column_names
        if name != "deleted" and cells.read[name].null_count < typed[name].null_count
    }


def _coded(cells: Cells) -> dict[str, np.ndarray]:
    """By column, which cells hold a declared code for missing."""
    return {name: _as_flags(cells.coded[name]) for name in cells.coded.column_names}


def in_type(column: Column, words: Mapping[str, str], cells: pa.ChunkedArray) -> pa.Array:
    """Cells in their column's type and the contract's spelling, null when they cannot take them.

    Args:
        column: of the contract.
        words: its closed list, by how each word may be spelled in small letters; empty when it has none.
        cells: strings or null.
    """
    if cells.null_count == len(cells):
        return pa.nulls(len(cells), column.type.arrow)
    encoded = cells.combine_chunks().dictionary_encode()
    return _in_type(column, words, encoded.dictionary).take(encoded.indices)


def _in_type(column: Column, words: Mapping[str, str], distinct: pa.Array) -> pa.Array:
    match column.type:
        case ColumnType.INTEGER:
            return pa.array([_integer(cell) for cell in distinct.to_pylist()], pa.int64())
        case ColumnType.DECIMAL:
            return pa.array([_decimal(cell) for cell in distinct.to_pylist()], pa.float64())
        case ColumnType.BOOLEAN:
            return pa.array([_boolean(cell) for cell in distinct.to_pylist()], pa.bool_())
        case ColumnType.TEXT:
            return _text(column.name, words, distinct)


def _decimal(cell: str) -> float | None:
    number = float(cell) if _NUMBER.fullmatch(cell) else math.inf
    return number if math.isfinite(number) else None


def _integer(cell: str) -> int | None:
    number = _decimal(cell)
    return int(number) if number is not None and abs(number) <= _LARGEST and number.is_integer() else None


def _boolean(cell: str) -> bool | None:
    # A spreadsheet writes 1.0 and 0.0.
    return _BOOLEANS.get(re.sub(r"^0*([01])\.0*$", r"\1", cell).replace(".", "").lower())


def _text(name: str, words: Mapping[str, str], distinct: pa.Array) -> pa.Array:
    text = distinct
    if name in _CODED:
        text = pc.replace_substring_regex(text, _CODED[name], r"\1")
        text = pc.utf8_upper(pc.replace_substring(text, ".", ""))
    if name in _SYSTEMS:
        text = pc.utf8_upper(pc.replace_substring_regex(text, "[ ._-]", ""))
    if name in _JOINTS:
        text = pc.utf8_upper(pc.replace_substring_regex(text, "[ .]", ""))
    if words:
        spelled = pc.index_in(pc.utf8_lower(pc.replace_substring(text, ".", "")), pa.array(list(words)))
        text = pc.coalesce(pa.array(list(words.values())).take(spelled), text)
    pattern = _KEY if name.endswith("_id") else _TEXT
    return pc.if_else(pc.match_substring_regex(text, rf"\A(?:{pattern})\z"), text, pa.scalar(None, pa.string()))


def _count(rows: int, flags: Iterable[np.ndarray]) -> pa.Array:
    """Of each row, in how many columns it has its flag."""
    return pa.array(np.sum([*flags, np.zeros(rows, dtype=np.int64)], axis=0, dtype=np.int64))


def _as_flags(cells: pa.ChunkedArray) -> np.ndarray:
    return np.asarray(cells.to_numpy(), dtype=bool)
