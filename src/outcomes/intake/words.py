"""Free text: words that no column of the contract has, and that may be a person's name or address."""

import re
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from outcomes.contract import TABLES, Column
from outcomes.intake.rules import closed_lists
from outcomes.intake.shapes import PLACEHOLDER

_LETTER = r"[^\x00-@\[-`{-\x7f]"
"""A letter, or any sign beyond ASCII: quicker made into a program than the class of all letters."""

_APART = re.compile(r"[\s;,]+")
_WORD = re.compile(r"[^\W\d_]{2,}")
_SHORTEST_IN_A_CODE = 3
"""Letters that make a word of what stands beside blanks in a code; alone a word has one more (`LT`, `NEC`)."""

_CODED = frozenset({"code", "modifier", "level", "levels"})
"""Columns of codes, in which a single word is free text already."""

_NUMBER, _LONG_NUMBER = (re.compile(rf"(?<![\d.,])\d{{{least},}}") for least in (5, 6))
"""Whole numbers longer than any measure, and longer than a CPT code."""

_ORDINARY = frozenset(
    _WORD.findall(
        "about above after and answered applicable asked available before below between bilateral both current day "
        "days declined done ex false first former greater last left less level levels month months more na no not occ "
        "occiput null only or other past patient per point points recorded refused reported right score since smoker "
        "than true total unable unknown untested up visit week weeks with without year years yes"
    )
)
"""Words by which people say why a cell holds no answer, or which unit it has."""


def free_text(column: Column, distinct: pa.Table) -> pa.Table:
    """Those of a column's cells that hold words and none of the contract's; of codes a word is enough.

    Args:
        column: of the contract, no key.
        distinct: its distinct `values`, made plain.
    """
    is_coded = column.name in _CODED
    pattern = (
        rf"{_LETTER}{{4}}|\s{_LETTER}{{3}}|[^\x00-\x7f]" if is_coded else rf"{_LETTER}{{2}}.*[\s;,].*{_LETTER}{{2}}"
    )
    found = distinct.filter(pc.match_substring_regex(distinct["values"], pattern))
    is_told = _is_free_code if is_coded else _is_free
    return found.filter(pa.array([is_told(value) for value in found["values"].to_pylist()], pa.bool_()))


def masked(column: Column, cells: pa.ChunkedArray) -> pa.ChunkedArray:
    """Cells with an x for each letter and digit of what may name a person: words that the contract has not, numbers.

    Args:
        column: of the contract, no key. Of a column of codes a word alone is a code, and so are five digits.
        cells: as delivered.
    """
    encoded = cells.combine_chunks().dictionary_encode()
    texts = [_masked(text, is_coded=column.name in _CODED) for text in encoded.dictionary.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string()).take(encoded.indices)])


def _masked(cell: str, *, is_coded: bool) -> str:
    number = _LONG_NUMBER if is_coded else _NUMBER
    shown = number.sub(lambda found: found[0] if PLACEHOLDER.fullmatch(found[0]) else "x" * len(found[0]), cell)
    if is_coded and len(_APART.split(cell.strip())) == 1:
        return shown
    return _WORD.sub(lambda found: found[0] if found[0].lower() in _known() else "x" * len(found[0]), shown)


def _is_free(cell: str) -> bool:
    apart = [part for part in _APART.split(cell) if _WORD.search(part)]
    return len(apart) > 1 and _known().isdisjoint(_words(cell))


def _is_free_code(cell: str) -> bool:
    """Whether a word stands in the cell: one between blanks, or letters alone as long as no code has them."""
    alone = [word for word in _APART.split(cell) if _WORD.fullmatch(word)]
    words = {
        word.lower() for word in alone if len(word) >= _SHORTEST_IN_A_CODE + (len(alone) == 1) or not word.isascii()
    }
    return bool(words) and _known().isdisjoint(words)


def _words(cell: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(cell)]


@cache
def _known() -> frozenset[str]:
    """The words of all closed lists, and ordinary ones."""
    listed = {spelling for table in TABLES for words in closed_lists(table).values() for spelling in words}
    return _ORDINARY | {word for spelling in listed for word in _words(spelling)}
