"""Any table extract with a mapping (`intake/sources/mapping.py`) → a dated extract.

Each block of the mapping is a select over its file. Cells are read in words: surrounding blanks go, and what stands
for a missing value is null. A date must say its day: one that does not, or is not of a stated format, is unreadable.
"""

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import reduce
from itertools import combinations, pairwise
from pathlib import Path

import duckdb

from outcomes.contract import TABLES, ColumnType, Table
from outcomes.errors import OutcomesError
from outcomes.intake.reading import MISSING, pattern_of_code
from outcomes.intake.sources.dated import (
    LeftOut,
    NotMapped,
    Source,
    dated_columns,
    dated_name,
    dated_relation,
    event_date,
    words_not_mapped,
)
from outcomes.intake.sources.engine import count
from outcomes.intake.sources.files import Opened, open_file
from outcomes.intake.sources.mapping import PLACE, Block, Cell, Mapping, Where
from outcomes.sql.quoting import literal

_BLANKS = " \t\r\n\xa0"
_ISO = r"\d{4}-\d{2}-\d{2}(?:[ T]\d{2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)?(?: ?(?:Z|[+-]\d{2}(?::?\d{2})?))?"
_ZONED = r".*[ T]\d{2}:\d{2}.*(?:Z|[+-]\d{2}(?::?\d{2})?)"
_DAY_AND_TIME = r"^(.*?\d)(?:(?: +|T)\d{1,2}[:.]\d{2}.*)?$"
"""A day, and a time that may follow it: no letter of a month's name begins one."""

_IN_SHORT = re.compile("%-?y")
"""In a format of dates: a year of two digits."""

_NUMBER = r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?"
"""As FHIR writes numbers too; of what is none DuckDB may make one, as 10 of 1_0."""

_JOINTS = ("level", "levels")
_VERTEBRAE = ("C0", "C1", "C2", "C3", "C4", "C5", "C6", "C7", "T1", "T2")
_SHAPE = r"regexp_replace(regexp_replace({cell}, '\d', '9', 'g'), '\pL', 'a', 'g')"
"""A cell with all digits and letters alike, which tells how dates are written and no date."""

_NOTHING = f"^(?i:{'|'.join(map(re.escape, MISSING))})$"
_LONGEST_NOTHING = max(map(len, MISSING))
_FIRST_YEAR, _LAST_YEAR = 1900, 2099
_NUMERIC = (ColumnType.INTEGER, ColumnType.DECIMAL)


def table_source(mapping: Mapping, folder: Path) -> Source:
    """The source that a mapping makes of a folder of files."""
    extract = _Extract(mapping, folder)
    return Source(mapping.method, extract.load, left_out=extract.left_out, not_mapped=extract.not_mapped)


@dataclass(frozen=True)
class _Selected:
    """A select of a contract table's rows, one column `is_kept`, one `is_filled`, and a flag `bad_…` per column."""

    table: Table
    block: Block
    file: Opened
    each: str
    sql: str
    reads_again: bool
    """Whether another select reads the same rows of the file."""

    @property
    def reads(self) -> set[str | None]:
        """The columns of the file that it reads."""
        sources = [header for cell in self.block.columns.values() for header in cell.headers]
        wheres = [where.column for where in self.block.where]
        return {self.file.column(name.replace(PLACE, self.each)) for name in [*sources, *wheres]}

    @property
    def may_be_unreadable(self) -> list[str]:
        """The columns with cells that may not be read as stated; others are delivered as they stand.

        A row whose own date cannot be read is not delivered, which the engine counts.
        """
        own = None if self.table.name == "patients" else event_date(self.table)
        kinds = dated_columns(self.table)
        return [
            name
            for name, cell in self.block.columns.items()
            if name != own and (cell.values or cell.is_converted or kinds[name] != "varchar")
        ]


@dataclass
class _Extract:
    mapping: Mapping
    folder: Path
    opened: dict[tuple[Path, str | None], Opened] = field(default_factory=dict)
    selects: list[_Selected] = field(default_factory=list)

    def load(self, con: duckdb.DuckDBPyConnection, scratch: Path) -> None:
        """Make the dated relations as views over the files."""
        for name, blocks in self.mapping.tables.items():
            table = TABLES[name]
            selects = [
                _Selected(table, block, file, each, _select(self.mapping, table, block, file, each), place > 0)
                for block in blocks
                for file in [self._open(con, path, block.sheet, scratch) for path in self._paths(block)]
                for place, each in enumerate(block.for_each or [""])
            ]
            rows = " union all by name ".join(
                f"select {', '.join(one.block.columns)} from ({one.sql}) where is_kept and is_filled" for one in selects
            )
            if any(block.merge for block in blocks):
                rows = _merged(selects, rows)
            con.execute(f"create view {dated_relation(table)} as {rows}")
            self.selects += selects

    def left_out(self, con: duckdb.DuckDBPyConnection) -> list[LeftOut]:
        """Rows that a `where` leaves out, visits of a wide file that were not held, and cells that cannot be read."""
        found: dict[tuple[str, str, str | None], int] = {}
        for one in self.selects:
            columns = one.may_be_unreadable
            if not (columns or one.block.where or _answers(one.block)):
                continue  # nothing is to be counted, so the file need not be read once more
            bad = ", ".join(f"count(*) filter (where is_kept and is_filled and bad_{name})" for name in columns)
            counts = con.execute(
                "select count(*) filter (where not is_kept), count(*) filter (where is_kept and not is_filled), "
                f"{bad} from ({one.sql})"
            ).fetchall()[0]
            not_filled = "not_filled" if one.block.filled else "not_held"
            keys = [("left_out_by_where", None), (not_filled, None), *(("unreadable", name) for name in columns)]
            for (reason, column), rows in list(zip(keys, counts, strict=True))[one.reads_again :]:
                key = (one.table.name, reason, column)
                found[key] = found.get(key, 0) + rows
        left = [LeftOut(table, reason, rows, column) for (table, reason, column), rows in found.items()]
        if any(block.merge for block in self.mapping.tables["patients"]):
            ids = " union all ".join(
                f"select patient_id from ({one.sql}) where is_kept and is_filled and patient_id is not null"
                for one in self.selects
                if one.table.name == "patients"
            )
            rows = count(con, f"from ({ids})") - count(con, f"from (select distinct patient_id from ({ids}))")
            left.append(LeftOut("patients", "merged", rows))
        return left

    def not_mapped(self, con: duckdb.DuckDBPyConnection) -> list[NotMapped]:
        """Columns of the files that no block reads, and words that `values` does not name, dates by their shape."""
        found = [
            NotMapped(file.name, header)
            for file in self.opened.values()
            for place, header in enumerate(file.headers, 1)
            if not any(f"c{place}" in one.reads for one in self.selects if one.file is file)
        ]
        for one in self.selects:
            for name, cell in one.block.columns.items():
                if not (cell.values or dated_columns(one.table)[name] == "date"):
                    continue
                word = f"read_{name}" if cell.values else _SHAPE.format(cell=f"read_{name}")
                rows = (
                    f"select '{name}' as spot, {word} as word, patient_id from ({one.sql}) "
                    f"where is_kept and is_filled and bad_{name}"
                )
                found += words_not_mapped(con, one.table.name, rows)
        return found

    def _paths(self, block: Block) -> list[Path]:
        """The files of a block, each once."""
        found: set[Path] = set()
        for name in block.file:
            paths = {path for path in self.folder.glob(name) if path.is_file()}
            if not paths:
                others = {path.name.lower(): path.name for path in self.folder.glob("*") if path.is_file()}
                close = difflib.get_close_matches(name.lower(), others, n=1, cutoff=0.8)
                hint = f"; perhaps {others[close[0]]}" if close else ""
                raise OutcomesError("source_malformed", f"there is no file {name} in the folder{hint}")
            found |= paths
        return sorted(found)

    def _open(self, con: duckdb.DuckDBPyConnection, path: Path, sheet: str | None, scratch: Path) -> Opened:
        if (path, sheet) not in self.opened:
            self.opened[path, sheet] = open_file(con, path, f"file_{len(self.opened)}", scratch, sheet)
        return self.opened[path, sheet]


def _select(mapping: Mapping, table: Table, block: Block, file: Opened, each: str) -> str:
    """The rows of one file as a block has them, for one word of `for_each`."""
    kept = " and ".join(_condition(where, _column(file, where.column)) for where in block.where) or "true"
    read = ", ".join(
        f"{_read_key(cell, file, each) if name.endswith('_id') else _read(cell, file, each, mapping.missing)} as {name}"
        for name, cell in block.columns.items()
    )
    cells = {name: _converted(mapping, table, name, cell) for name, cell in block.columns.items()}
    answers = _answers(block)
    filled = f"coalesce({', '.join(answers)}) is not null" if answers else "true"
    converted = ", ".join(f"{cell} as {name}, {name} as read_{name}" for name, cell in cells.items())
    bad = ", ".join(f"{name} is not null and {cell} is null as bad_{name}" for name, cell in cells.items())
    return (
        f"select is_kept, {filled} as is_filled, {converted}, {bad} "
        f"from (select {kept} as is_kept, {read} from {file.relation})"
    )


def _answers(block: Block) -> list[str]:
    """The columns of which one is filled in each row that is one of the table; none where all rows are."""
    return block.filled or [
        name for name, cell in block.columns.items() if any(PLACE in header for header in cell.headers)
    ]


def _merged(selects: Iterable[_Selected], rows: str) -> str:
    """One row of those of each patient: of each column the last of its words, as most are given once."""
    names = dict.fromkeys(name for one in selects for name in one.block.columns if name != "patient_id")
    cells = ", ".join(f"max({name}) as {name}" for name in names)
    # Rows without a patient stay apart, to be counted.
    apart = "case when patient_id is null then row_number() over () end"
    return f"select patient_id, {cells} from (select *, {apart} as apart from ({rows})) group by patient_id, apart"


def _column(file: Opened, header: str) -> str:
    """A column of a file.

    Raises:
        OutcomesError: source_malformed; says which header may have been meant.
    """
    column = file.column(header)
    if column is None:
        close = difflib.get_close_matches(header, file.headers, n=1, cutoff=0.6)
        # A file without a header shows its first row here, so only what is nearly the name is repeated.
        hint = f"; perhaps {close[0]}" if close else ""
        raise OutcomesError("source_malformed", f"{file.name}: no column {header}{hint}{_cause(file)}")
    return column


def _cause(file: Opened) -> str:
    """Why a file may have no column of a name."""
    if len(file.headers) == 1:
        return "; it has one column: is the separator another, or does a title stand above the header?"
    blank = sum(not name.strip() for name in file.headers)
    return "; most of its header is blank: does a title stand above it?" if 2 * blank > len(file.headers) else ""


def _condition(where: Where, column: str) -> str:
    cell = f"lower(trim({column}, {literal(_BLANKS)}))"
    if where.starts_with is not None:
        return (
            "("
            + " or ".join(f"coalesce(starts_with({cell}, {literal(one.lower())}), false)" for one in where.starts_with)
            + ")"
        )
    words = ", ".join(literal(one.lower()) for one in where.one_of or where.none_of or [])
    return (
        f"coalesce({cell} in ({words}), false)"
        if where.one_of is not None
        else f"coalesce({cell} not in ({words}), true)"
    )


def _read_key(cell: Cell, file: Opened, each: str) -> str:
    """A key in words: a number without the decimals that other tools append where some keys of a column are missing."""
    key = _read(cell, file, each, [])
    return rf"case when ends_with({key}, '.0') then regexp_replace({key}, '^(\d+)[.]0$', '\1') else {key} end"


def _read(cell: Cell, file: Opened, each: str, of_all: list[str]) -> str:
    """A cell in words; null where it stands for a missing value, by codes of all columns or its own."""
    codes = [*of_all, *cell.missing]
    if cell.checked:
        return _checked(cell, file, each)
    if cell.source is None:
        return literal(cell.constant or "")
    column = _column(file, cell.source.replace(PLACE, each))
    trimmed = _trimmed(column)
    patterns = [_NOTHING, *map(pattern_of_code, codes)]
    is_missing = f"regexp_matches({trimmed}, {literal('|'.join(patterns))})"
    if cell.values:
        # A word that has a meaning is no missing value: "none" is an answer where it is a choice.
        return f"case when {_as_key(trimmed)} in ({_keys(cell)}) or not {is_missing} then {trimmed} end"
    shown = f"case when not {is_missing} then {trimmed} end"
    # Most cells are longer than all that stands for a missing value, and need no pattern.
    return shown if codes else f"case when length({trimmed}) > {_LONGEST_NOTHING} then {trimmed} else {shown} end"


def _trimmed(column: str) -> str:
    """A cell without surrounding blanks; most begin and end with a sign of ASCII, which is seen more quickly."""
    begins, ends = f"{column} >= '!' and {column} < chr(127)", f"right({column}, 1) between '!' and '~'"
    return f"case when {begins} and {ends} then {column} else trim({column}, {literal(_BLANKS)}) end"


_TICKED = "'1', 'checked', 'true', 'yes', 'x'"


def _checked(cell: Cell, file: Opened, each: str) -> str:
    """The words of the boxes that are ticked, joined by a semicolon; null where none is."""
    boxes = ", ".join(
        f"case when lower(trim({_column(file, header.replace(PLACE, each))})) in ({_TICKED}) then {literal(word)} end"
        for header, word in cell.checked.items()
    )
    return f"nullif(concat_ws(';', {boxes}), '')"


def _converted(mapping: Mapping, table: Table, name: str, cell: Cell) -> str:
    """The cell in the column's type, null where it cannot be read."""
    if dated_columns(table)[name] == "date":
        formats = cell.date_format or mapping.date_format
        day = _date(name, formats, mapping.time_zone)
        short = [one for one in formats if _IN_SHORT.search(one)]
        return f"coalesce({day}, {_born_in_short(name, short)})" if name == "birth_date" and short else day
    if name == "birth_year":
        return rf"cast(case when regexp_full_match({name}, '\d{{4}}(?:[.]0*)?') then left({name}, 4) end as bigint)"
    return converted(table, name, cell)


def converted(table: Table, name: str, cell: Cell) -> str:
    """The SQL of a cell that is no date, read from a column of its own name: null where it cannot be read."""
    if cell.values:
        cases = " ".join(f"when {literal(_plain(key))} then {literal(word)}" for key, word in cell.values.items())
        return f"case {_as_key(name)} {cases} end"
    if name in _JOINTS:
        return _as_joints(name)
    declared = next((column for column in table.columns if dated_name(column) == name), None)
    if declared is None or declared.type not in _NUMERIC:
        return name
    # No number of the contract has thousands: a comma is a decimal comma.
    number = f"case when regexp_full_match({name}, '{_NUMBER}') then replace({name}, ',', '.') end"
    return _reckoned(number, cell) if cell.is_converted else f"coalesce({number}, {name})"


def _as_joints(name: str) -> str:
    """Joints as the contract writes them: hospitals write C5/6 or C5-C6, and join several by a comma or a plus sign.

    Of levels, C4-7 and C4-5-6-7 are all joints between those vertebrae; a single level is none of several.
    """
    joints = f"upper(trim({name}))"
    # Blanks elsewhere stay, so that screening sees a cell of text for what it is.
    for pattern, by in (
        (r"\b([CT]) (\d)", r"\1\2"),
        (" ?[-/–] ?", "-"),
        (" ?[,;+&] ?", ";"),
        (r"-C(\d)", r"-\1"),
        ("T1-T2", "T1-2"),
    ):
        joints = f"regexp_replace({joints}, '{pattern}', '{by}', 'g')"
    if name != "levels":
        return joints
    cases = " ".join(f"when {literal(written)} then {literal(meant)}" for written, meant in _spans())
    of_each = f"list_transform(string_split({joints}, ';'), lambda joint: case joint {cases} else joint end)"
    return f"array_to_string({of_each}, ';')"


def _spans() -> Iterator[tuple[str, str]]:
    """From one vertebra to another that is not the next, and by way of those between: as written, and the joints."""
    joints = [_joint(*pair) for pair in pairwise(_VERTEBRAE)]
    for first, last in combinations(range(len(_VERTEBRAE)), 2):
        if last > first + 1:
            meant = ";".join(joints[first:last])
            yield _joint(_VERTEBRAE[first], _VERTEBRAE[last]), meant
            yield reduce(_joint, _VERTEBRAE[first : last + 1]), meant


def _joint(above: str, below: str) -> str:
    """The name of a joint, or of several in a row: the letter of a part of the spine stands once."""
    return f"{above}-{below if 'T' in below and 'T' not in above else below[1:]}"


def _plain(key: str) -> str:
    return key.strip().lower()


def _keys(cell: Cell) -> str:
    """The words that `values` names."""
    return ", ".join(literal(_plain(key)) for key in cell.values)


def _as_key(name: str) -> str:
    """A cell as `values` may name it: in small letters, a whole number without decimals."""
    return rf"lower(regexp_replace({name}, '^(-?\d+)[.]0+$', '\1'))"


def _date(name: str, formats: list[str], time_zone: str | None) -> str:
    """The day that a cell names: as written, or in the time zone where it is stated and the cell says its own."""
    iso = f"case when regexp_full_match({name}, '{_ISO}') then try_cast(left({name}, 10) as date) end"
    stated = formats if name != "birth_date" else [one for one in formats if not _IN_SHORT.search(one)]
    read = f"coalesce({', '.join([iso, *_ways(name, stated)])})"
    if time_zone is not None:
        local = f"cast(timezone({literal(time_zone)}, try_cast({name} as timestamptz)) as date)"
        read = f"case when regexp_full_match({name}, '{_ZONED}') then {local} else {read} end"
    # Most dates are bare ISO dates, which are read in a fifth of the time.
    plain = f"try_cast({name} as date)"
    is_plain = f"{name} like '____-__-__' and left({name}, 4) between '{_FIRST_YEAR}' and '{_LAST_YEAR}'"
    return f"case when {is_plain} and {plain} is not null then {plain} else {_of_our_time(read)} end"


def _ways(name: str, formats: Iterable[str]) -> list[str]:
    """The dates that a cell is in each of the formats; a time may follow where the format has none."""
    day = f"regexp_extract({name}, '{_DAY_AND_TIME}', 1)"
    in_order = sorted(formats, key=lambda one: " " not in one)
    read = [f"cast(try_strptime({name if ' ' in one else day}, {literal(one)}) as date)" for one in in_order]
    # With %Y a year of two digits is read as one of antiquity, which another format may tell.
    return [_of_our_time(way) for way in read]


def _born_in_short(name: str, formats: Iterable[str]) -> str:
    """The birth of which a year of two digits is written: before our era, as the dated extract has it."""
    return f"cast(coalesce({', '.join(_ways(name, formats))}) - interval 4000 year as date)"


def _of_our_time(date: str) -> str:
    """The date; null when it is a placeholder, or its year was written with two digits and read as one of antiquity."""
    return f"case when year({date}) between {_FIRST_YEAR} and {_LAST_YEAR} then {date} end"


def _reckoned(number: str, cell: Cell) -> str:
    """The number, counted from the other end of its scale, moved and scaled, in this order; in decimals.

    One that is too great for that is none.
    """
    value = f"try_cast({number} as decimal(18, 6))"
    if cell.reverse is not None:
        value = f"({_decimal(cell.reverse)} - {value})"
    if cell.offset is not None:
        value = f"({value} + {_decimal(cell.offset)})"
    if cell.scale is not None:
        value = f"({value} * {_decimal(cell.scale)})"
    return rf"regexp_replace(cast(try(cast({value} as decimal(28, 6))) as varchar), '[.]?0+$', '')"


def _decimal(number: float) -> str:
    return f"cast({number!r} as decimal(18, 6))"
