"""The mapping of a table extract: a TOML file that says which column of which file is which of the contract's.

It names columns and codes of the source, never a value of a record, so its mistakes are told by line and field.
"""

import difflib
import math
import re
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import available_timezones

import duckdb
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from outcomes.contract import TABLES, ColumnType, Table
from outcomes.errors import OutcomesError
from outcomes.intake.manifest import Method
from outcomes.intake.sources.dated import dated_columns, dated_name, event_date

PLACE = "{}"
"""In the name of a column: each word of `for_each` in turn."""

_NUMERIC = (ColumnType.INTEGER, ColumnType.DECIMAL)
_LONGEST_NAME = 255
_GREATEST = 1_000_000


def _as_list(given: Any) -> Any:
    return given if isinstance(given, list) else [given]


def _inside(name: str) -> str:
    if not Path(name).parts or Path(name).is_absolute() or ".." in Path(name).parts or len(name) > _LONGEST_NAME:
        raise ValueError("name a file within the folder of the extract")
    return name


def _telling_a_day(date_format: str) -> str:
    """A format with which the database reads dates, and of which year, month and day are written."""
    try:
        duckdb.execute("select try_strptime('', ?)", [date_format]).fetchall()
    except duckdb.Error:
        raise ValueError("no format of dates; write it as %d.%m.%Y") from None
    letters = "".join(re.findall("%-?([a-zA-Z])", date_format)).lower()
    if not any(all(letter in letters for letter in enough) for enough in ("ymd", "ybd", "yj", "x", "c")):
        raise ValueError("it tells no day; write it as %d.%m.%Y")
    return date_format


def _reckoned(number: float) -> float:
    # Numbers are reckoned with six decimals.
    if not math.isfinite(number) or not abs(number) < _GREATEST or (number and not round(number, 6)):
        raise ValueError("a number below a million, of at most six decimals")
    return number


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError("no time zone of this name; write it as Europe/Berlin")
    return name


Text = Annotated[str, BeforeValidator(lambda given: str(given) if isinstance(given, int | float) else given)]
"""A code or a word; a number may stand without quotes."""

Texts = Annotated[list[Text], BeforeValidator(_as_list)]
Formats = Annotated[list[Annotated[str, AfterValidator(_telling_a_day)]], BeforeValidator(_as_list)]
Number = Annotated[float, AfterValidator(_reckoned)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Where(_Part):
    """Which rows of a file are read: those whose cell is one of these words, or is none of them, or begins so."""

    column: str
    one_of: Texts | None = Field(None, alias="is")
    none_of: Texts | None = Field(None, alias="is_not")
    starts_with: Texts | None = None

    @model_validator(mode="after")
    def _one_test(self) -> "Where":
        if sum(test is not None for test in (self.one_of, self.none_of, self.starts_with)) != 1:
            raise ValueError("one of is, is_not and starts_with")
        return self


class Cell(_Part):
    """Where the cells of one column come from, and what is made of them."""

    source: str | None = Field(None, alias="from")
    constant: Text | None = None
    checked: dict[str, Text] = {}
    values: dict[str, Text] = {}
    missing: Texts = []
    date_format: Formats = []
    reverse: Number | None = None
    offset: Number | None = None
    scale: Number | None = None

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        return {"from": given} if isinstance(given, str) else given

    @model_validator(mode="after")
    def _from_or_constant(self) -> "Cell":
        if sum((self.source is not None, self.constant is not None, bool(self.checked))) != 1:
            raise ValueError("one of from, constant and checked")
        if self.source is None and len(self.model_fields_set) > 1:
            raise ValueError("constant and checked take nothing else")
        return self

    @property
    def headers(self) -> list[str]:
        """The columns of the file that it is read from."""
        return [self.source] if self.source is not None else list(self.checked)

    @property
    def is_converted(self) -> bool:
        """Whether it is reckoned with."""
        return any(number is not None for number in (self.reverse, self.offset, self.scale))


class Block(_Part):
    """Rows of one contract table from one file, or from several of one layout."""

    file: Annotated[list[Annotated[str, AfterValidator(_inside)]], Field(min_length=1), BeforeValidator(_as_list)]
    sheet: str | None = None
    where: list[Where] = []
    for_each: Texts = []
    filled: Texts = []
    merge: bool = False
    columns: dict[str, Cell]


class Mapping(_Part):
    """The whole mapping; `tables` holds the blocks by contract table."""

    method: Method
    missing: Texts = []
    date_format: Formats = []
    time_zone: Annotated[str, AfterValidator(_known_zone)] | None = None
    identifiers: Texts = []
    tables: dict[str, list[Block]]


_OPTIONS = Mapping.model_fields.keys() - {"tables"}


@dataclass(frozen=True)
class Problem:
    """One mistake of a mapping."""

    line: int
    field: str
    what: str

    def __str__(self) -> str:
        """The problem in words."""
        return f"line {self.line}: {self.field}: {self.what}" if self.field else f"line {self.line}: {self.what}"


Keys = tuple[str | int, ...]


def read_mapping(path: Path) -> Mapping:
    """Read and check a mapping.

    Raises:
        OutcomesError: mapping_malformed; names every line and field that is wrong.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError):
        raise OutcomesError("mapping_malformed", f"there is no file {path.name}") from None
    except UnicodeDecodeError:
        raise OutcomesError("mapping_malformed", f"{path.name} is not UTF-8") from None
    mapping, problems = parse_mapping(text)
    if mapping is None or problems:
        raise OutcomesError("mapping_malformed", f"{path.name}, {'; '.join(map(str, problems))}")
    return mapping


def parse_mapping(text: str) -> tuple[Mapping | None, list[Problem]]:
    """The mapping of a TOML text, and what is wrong with it."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"^(.*?) \(at (?:line (\d+)|end of document)", str(error))
        line = int(found[2]) if found and found[2] else text.count("\n") + 1
        return None, [Problem(line, "", f"not TOML: {found[1] if found else error}")]
    lines = _lines(text)
    if unknown := [name for name in document if name not in {*_OPTIONS, *TABLES}]:
        return None, [
            _problem(lines, (name,), f"no table of the contract{_perhaps(name, {*_OPTIONS, *TABLES})}")
            for name in unknown
        ]
    try:
        mapping = Mapping.model_validate(_nested(document))
    except ValidationError as error:
        return None, [
            _problem(lines, problem["loc"], problem["msg"]) for problem in error.errors(include_context=False)
        ]
    return mapping, [_problem(lines, ("tables", *keys), what) for keys, what in _contradictions(mapping)]


def _nested(document: dict[str, Any]) -> dict[str, Any]:
    """The document with its tables under `tables`, where the model has them."""
    options = {name: value for name, value in document.items() if name in _OPTIONS}
    return options | {"tables": {name: value for name, value in document.items() if name in TABLES}}


def _problem(lines: dict[Keys, int], loc: Keys, message: str) -> Problem:
    keys = tuple(key for key in (loc[1:] if loc[:1] == ("tables",) else loc) if key != "[key]")
    known = next((keys[:length] for length in range(len(keys), 0, -1) if keys[:length] in lines), ())
    field = ".".join(str(key) if isinstance(key, str) else f"{key + 1}" for key in keys)
    return Problem(lines.get(known, 1), field, message.removeprefix("Value error, "))


_HEADER = re.compile(r"^\s*(\[\[?)\s*([\w.\"' -]+?)\s*\]\]?\s*(?:#.*)?$")
_ENTRY = re.compile(r"^\s*([\w\"'-]+(?:\s*\.\s*[\w\"'-]+)*)\s*=")


def _lines(text: str) -> dict[Keys, int]:
    """The lines on which headers and entries of a TOML text stand, which its parser does not tell."""
    lines: dict[Keys, int] = {}
    counts: dict[str, int] = {}
    here: Keys = ()
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            first, *rest = _split(header[2])
            if header[1] == "[[":
                counts[first] = counts.get(first, -1) + 1
            here = (first, *((counts[first],) if first in counts else ()), *rest)
            lines.setdefault(here, number)
            lines.setdefault((first,), number)
        elif entry := _ENTRY.match(line):
            keys = _split(entry[1])
            for length in range(1, len(keys) + 1):
                lines.setdefault((*here, *keys[:length]), number)
    return lines


def _split(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def _contradictions(mapping: Mapping) -> Iterator[tuple[Keys, str]]:
    """What is wrong although each field by itself is right."""
    for name in ("patients", "procedures"):
        if not mapping.tables.get(name):
            yield (name,), "missing; every submission needs it"
    for name, blocks in mapping.tables.items():
        for place, block in enumerate(blocks):
            yield from _of_block(TABLES[name], (name, place), block)


def _of_block(table: Table, keys: Keys, block: Block) -> Iterator[tuple[Keys, str]]:
    needed = ["patient_id"] if table.name == "patients" else ["patient_id", event_date(table)]
    if table.name in ("procedures", "diagnoses"):
        needed += ["code_system", "code"]
    for name in needed:
        if name not in block.columns:
            yield (*keys, "columns"), f"{name} is missing"
    for name, cell in block.columns.items():
        if name not in dated_columns(table):
            yield (*keys, "columns", name), f"no column of {table.name}{_perhaps(name, dated_columns(table))}"
        else:
            yield from (((*keys, "columns", name), what) for what in _of_cell(table, name, cell))
    if block.merge and table.name != "patients":
        yield (*keys, "merge"), "of patients alone"
    if unknown := [name for name in block.filled if name not in block.columns]:
        yield (*keys, "filled"), f"{unknown[0]} is none of its columns"
    names = [name for cell in block.columns.values() for name in cell.headers]
    if any(PLACE in name for name in names) != bool(block.for_each):
        yield (*keys, "for_each"), f"it goes with names of columns that hold {PLACE}"
    if len(set(block.for_each)) < len(block.for_each):
        yield (*keys, "for_each"), "a word stands in it twice"


def _of_cell(table: Table, name: str, cell: Cell) -> Iterator[str]:
    is_date = dated_columns(table)[name] == "date"
    if cell.date_format and not is_date:
        yield "date_format is of dates alone"
    if is_date and (cell.source is None or cell.values):
        yield "a date has neither constant, checked nor values"
    numeric = {dated_name(column) for column in table.columns if column.type in _NUMERIC and not column.is_day}
    if cell.is_converted and name not in numeric:
        yield "reverse, offset and scale are of numbers alone"
    if cell.is_converted and cell.values:
        yield "either values, or reverse, offset and scale"


def _perhaps(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; perhaps {close[0]}" if close else ""
