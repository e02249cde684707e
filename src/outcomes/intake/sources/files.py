"""Files as hospitals export them, as relations of text: CSV in whatever separator and encoding, Parquet, Excel.

They are read as a stream. What is not UTF-8, or of Excel, is first written anew into the import's private folder. The
readers' own errors quote cells, so none of them is ever chained or logged.
"""

import codecs
import csv
import datetime
import gzip
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import IO

import duckdb

from outcomes.errors import OutcomesError
from outcomes.intake.reading import spelled
from outcomes.sql.quoting import identifier, literal

SUFFIXES = (".csv", ".tsv", ".txt", ".parquet", ".xlsx")
"""Of the files that can be read, in any case; those of text may end in `.gz`."""

_SEPARATORS = ",;\t|"
_CHUNK = 2**20
_LONGEST_LINE = 8 * 2**20
"""Bytes of a line: a cell of free text that nobody maps may be long."""

_BUFFER = 2 * _LONGEST_LINE
"""Bytes that are read at once, and held by each thread; by itself the reader takes sixteen lines of this length."""

_GZIP = b"\x1f\x8b"
_OTHER_FORMATS = (b"\xd0\xcf\x11\xe0", b"PK\x03\x04")
"""How files of the older Excel begin, and packed ones, as of other spreadsheets."""

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_ERROR = re.compile(r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!)")
"""What Excel shows where a formula has no result."""

_DAMAGED = (duckdb.Error, csv.Error, gzip.BadGzipFile, zipfile.BadZipFile, EOFError, KeyError, SyntaxError, ValueError)
"""What the readers raise, of a packed file without a workbook too, and of a workbook that is cut off."""

_WHY_DAMAGED = "it is damaged, or of another format"
_SEP_LINE = re.compile(r'"?sep=(.)"?\s*', re.IGNORECASE)
_LINE = re.compile(r"CSV Error on Line: (\d+)")
_FILE = re.compile(r"^  file = (.+)$", re.MULTILINE)
_CELLS = re.compile(r"Expected Number of Columns: (\d+) Found: (\d+)")


@dataclass(frozen=True)
class Opened:
    """A file as a relation of text cells.

    Attributes:
        name: the file's name, to name it in a message.
        relation: a view of its rows but blank ones; a column each, c1, c2 and so on.
        headers: the columns' names as written.
    """

    name: str
    relation: str
    headers: tuple[str, ...]

    def column(self, header: str) -> str | None:
        """The view's column under a header, whatever its case and the blanks around it.

        Raises:
            OutcomesError: source_malformed when several columns bear it.
        """
        found = [place for place, name in enumerate(self.headers, 1) if spelled(name) == spelled(header)]
        if len(found) > 1:
            raise OutcomesError("source_malformed", f"{self.name}: {len(found)} columns {header}")
        return f"c{found[0]}" if found else None


@dataclass(frozen=True)
class _Layout:
    """How a text file is written."""

    encoding: str
    separator: str
    lines_above: int
    headers: tuple[str, ...]


def open_file(  # noqa: PLR0913 - each of them is a choice about reading
    con: duckdb.DuckDBPyConnection,
    path: Path,
    relation: str,
    scratch: Path,
    sheet: str | None = None,
    *,
    is_vocabulary: bool = False,
) -> Opened:
    """Make a file a view of text cells.

    Args:
        con: where the view is made.
        path: the file, or a folder of Parquet files that are its parts.
        relation: the view's name.
        scratch: a private folder for a copy in UTF-8.
        sheet: of an Excel file; the first one by default.
        is_vocabulary: whether it is a table of OHDSI's vocabularies: those with tabs have no quotes, so that a quote
            is a character like any other.

    Raises:
        OutcomesError: source_malformed; says the likely cause.
    """
    with _named(path):
        if path.is_dir():
            headers, rows = _typed(con, _read_parts(path))
        elif path.name.lower().endswith(".parquet"):
            headers, rows = _typed(con, f"read_parquet({literal(path)})")
        elif path.name.lower().endswith(".xlsx"):
            headers, rows = _text(_sheet_as_text(path, sheet, scratch / relation), relation, scratch)
        else:
            headers, rows = _text(path, relation, scratch, is_vocabulary=is_vocabulary)
        return _view(con, path.name, relation, headers, rows)


@dataclass(frozen=True)
class Place:
    """Where a table of a database is."""

    schema: str
    table: str


def place_of_table(source: str, name: str, places: Iterable[Place], schema: str | None) -> Place | None:
    """Where the table of a name is, in any case; None where there is none.

    Args:
        source: what the database is called in a message.
        name: of the table, in small letters.
        places: all tables.
        schema: that of a table of which there are several.

    Raises:
        OutcomesError: source_malformed when there are several all the same.
    """
    found = [place for place in places if place.table.lower() == name]
    chosen = [place for place in found if place.schema == schema] or found
    if len(chosen) > 1:
        schemas = ", ".join(sorted(place.schema for place in chosen))
        raise OutcomesError("source_malformed", f"{source}: a table {name} in each schema of {schemas}; name --schema")
    return chosen[0] if chosen else None


def read_header(path: Path) -> tuple[str, ...]:
    """The header of a text file.

    Raises:
        OutcomesError: source_malformed; says the likely cause.
    """
    with _named(path):
        return _layout(path).headers


def read_small(path: Path) -> list[dict[str, str]]:
    """The rows of a small text file, by its headers; a cell that a row has not is empty.

    Raises:
        OutcomesError: source_malformed; says the likely cause.
    """
    with _named(path):
        layout = _layout(path)
        with unpacked(path) as packed, io.TextIOWrapper(packed, encoding=layout.encoding, newline="") as lines:
            for _ in range(layout.lines_above):
                lines.readline()
            rows = csv.DictReader(lines, delimiter=layout.separator, restval="", strict=True)
            return list(rows)


def open_database(
    con: duckdb.DuckDBPyConnection, path: Path, names: Iterable[str], schema: str | None = None
) -> dict[str, Opened]:
    """Make tables of a DuckDB file views of text cells; gives those that are there, in any case and schema.

    Args:
        con: where the views are made; it reads the file and never writes it.
        path: the file.
        names: of the tables.
        schema: that of tables of which there are several.

    Raises:
        OutcomesError: source_malformed when it is no DuckDB file, or it cannot be told which table is meant.
    """
    with _named(path):
        con.execute(f"attach {literal(path)} as delivered (type duckdb, read_only)")
        rows = con.execute(
            "select distinct schema_name, table_name from duckdb_columns() where database_name = 'delivered'"
        ).fetchall()
        places = [Place(*row) for row in rows]
        opened = {}
        for name in names:
            place = place_of_table(path.name, name, places, schema)
            if place:
                read = f"delivered.{identifier(place.schema)}.{identifier(place.table)}"
                opened[name] = _view(con, f"{path.name}, table {name}", f"delivered_{name}", *_typed(con, read))
        return opened


def _read_parts(folder: Path) -> str:
    """The rows of the Parquet files of a folder.

    Raises:
        OutcomesError: source_malformed when it has none, or is of a table format, by which not all of them are valid.
    """
    if any((folder / name).exists() for name in ("_delta_log", "metadata")):
        raise OutcomesError("source_malformed", f"{folder.name}: it is a Delta or Iceberg table; export it as Parquet")
    parts = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".parquet")
    if not parts:
        raise OutcomesError("source_malformed", f"{folder.name}: a folder without a .parquet file")
    return f"read_parquet([{', '.join(map(literal, parts))}], union_by_name = true)"


def _view(con: duckdb.DuckDBPyConnection, name: str, relation: str, headers: tuple[str, ...], rows: "_Rows") -> Opened:
    """Make rows a view without those that are blank."""
    cells = ", ".join(f"{identifier(column)} as c{place}" for place, column in enumerate(rows.names, 1))
    blank = " and ".join(f"coalesce(trim(c{place}), '') = ''" for place in range(1, len(headers) + 1))
    con.execute(f"create view {relation} as select * from (select {cells} from {rows.read}) where not ({blank})")
    return Opened(name, relation, headers)


@contextmanager
def readable() -> Iterator[None]:
    """Name the file, the line and the likely cause where rows of opened files cannot be read after all.

    Raises:
        OutcomesError: source_malformed.
    """
    try:
        yield
    except (duckdb.InvalidInputException, duckdb.ConversionException) as error:
        text = str(error)
        if "CSV Error" not in text and "CSV Parser" not in text:
            raise
        raise OutcomesError("source_malformed", _cause(text)) from None


def _cause(text: str) -> str:
    """What is wrong with a line, without the line."""
    file, line = _FILE.search(text), _LINE.search(text)
    name = PurePath(file[1]).name if file else "a file"
    if "CSV Parser" in text:
        return f"{name}: do its lines end in different ways? Save it anew, with one kind of line end"
    place = f"{name}, line {line[1] if line else 'unknown'}"
    if cells := _CELLS.search(text):
        is_longer = int(cells[2]) > int(cells[1])
        why = "a separator within a cell needs quotes" if is_longer else "is it cut off, or a line below the table?"
        return f"{place}: {cells[2]} cells where the header has {cells[1]}; {why}"
    if "unterminated quote" in text:
        return f'{place}: a quote is opened and never closed, or one within a cell is written \\" and not ""'
    if "Maximum line size" in text:
        return f"{place}: a line is longer than {_LONGEST_LINE // 2**20} MiB; is a quote never closed?"
    return f"{place}: it cannot be read as CSV"


@contextmanager
def _named(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise OutcomesError("source_malformed", f"there is no file {path.name}") from None
    except duckdb.IOException as error:
        # DuckDB lets one process write, or many read.
        why = "another program has it open to write" if "lock on file" in str(error) else _WHY_DAMAGED
        raise OutcomesError("source_malformed", f"{path.name}: {why}") from None
    except _DAMAGED:
        raise OutcomesError("source_malformed", f"{path.name}: {_WHY_DAMAGED}") from None


@dataclass(frozen=True)
class _Rows:
    read: str
    names: tuple[str, ...]


def _typed(con: duckdb.DuckDBPyConnection, read: str) -> tuple[tuple[str, ...], _Rows]:
    """The columns of typed rows, and their cells in words."""
    columns = [(name, kind) for name, kind, *_ in con.execute(f"describe from {read}").fetchall()]
    cells = ", ".join(f"{_as_text(identifier(name), kind)} as {identifier(name)}" for name, kind in columns)
    names = tuple(name for name, _ in columns)
    return names, _Rows(f"(select {cells} from {read})", names)


def _as_text(column: str, kind: str) -> str:
    """A Parquet cell in words: a whole number without decimals, unless it may be rounded; NaN as nothing."""
    if kind in {"DOUBLE", "FLOAT"}:
        text = f"nullif(cast({column} as varchar), 'nan')"
        return f"case when abs({column}) < {2**53} then regexp_replace({text}, '[.]0$', '') else {text} end"
    return f"cast({column} as varchar)"


def _text(path: Path, relation: str, scratch: Path, *, is_vocabulary: bool = False) -> tuple[tuple[str, ...], _Rows]:
    layout = _layout(path)
    plain = path
    if layout.encoding not in {"utf-8", "utf-8-sig"}:
        plain = scratch / relation / path.name
        plain.parent.mkdir()
        _write_as_utf8(path, layout.encoding, plain)
    names = tuple(f"h{place}" for place in range(1, len(layout.headers) + 1))
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    packed = "gzip" if plain is path and _is_packed(path) else "none"
    quotes = "quote = '', escape = ''" if is_vocabulary and layout.separator == "\t" else "quote = '\"', escape = '\"'"
    options = (
        f"columns = {{{columns}}}, auto_detect = false, header = true, skip = {layout.lines_above}, "
        f"delim = {literal(layout.separator)}, {quotes}, compression = '{packed}', "
        f"max_line_size = {_LONGEST_LINE}, buffer_size = {_BUFFER}"
    )
    return layout.headers, _Rows(f"read_csv({literal(plain)}, {options})", names)


def sheets(path: Path) -> list[str | None]:
    """The sheets of an Excel file that hold anything, where it has several; else None alone, which is the first.

    Raises:
        OutcomesError: source_malformed.
    """
    if not path.name.lower().endswith(".xlsx"):
        return [None]
    from openpyxl import load_workbook  # noqa: PLC0415 - heavy, and only Excel files need it

    with _named(path), closing(load_workbook(path, read_only=True, data_only=True)) as book:
        if len(book.worksheets) == 1:
            return [None]
        return [
            sheet.title
            for sheet in book.worksheets
            if any(cell not in (None, "") for row in sheet.iter_rows(values_only=True) for cell in row)
        ]


def _sheet_as_text(path: Path, sheet: str | None, folder: Path) -> Path:
    """A sheet of an Excel file as CSV: dates as ISO dates, whole numbers without decimals, errors as nothing.

    Raises:
        OutcomesError: source_malformed when there is no such sheet.
    """
    from openpyxl import load_workbook  # noqa: PLC0415 - heavy, and only Excel files need it

    folder.mkdir()
    written = folder / path.name
    book = load_workbook(path, read_only=True, data_only=True)
    try:
        if sheet is not None and sheet not in book.sheetnames:
            raise OutcomesError("source_malformed", f"{path.name}: no sheet {sheet}")
        rows = (book[sheet] if sheet is not None else book.worksheets[0]).iter_rows(values_only=True)
        with written.open("w", encoding="utf-8", newline="") as lines:
            csv.writer(lines).writerows([_of_sheet(cell) for cell in row] for row in rows)
    finally:
        book.close()
    return written


def _of_sheet(cell: object) -> object:
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, float) and cell.is_integer():
        return int(cell)
    return "" if isinstance(cell, str) and _ERROR.fullmatch(cell) else cell


def _layout(path: Path) -> _Layout:
    """How a text file is written, as its bytes and its first lines show.

    Raises:
        OutcomesError: source_malformed.
    """
    if path.name.lower().endswith(".gz") and not _is_packed(path):
        raise OutcomesError("source_malformed", f"{path.name}: {_WHY_DAMAGED}")
    encoding = _encoding(path)
    with unpacked(path) as packed, io.TextIOWrapper(packed, encoding=encoding, newline="") as lines:
        line = lines.readline()
        lines_above = 0
        stated = _SEP_LINE.fullmatch(line)
        if stated:
            lines_above, line = 1, lines.readline()
        while line and not line.strip(' \t,;|"\r\n\xa0'):
            lines_above, line = lines_above + 1, lines.readline()
        while line.count('"') % 2 and (more := lines.readline()):
            line += more
    if not line:
        raise OutcomesError("source_malformed", f"{path.name}: it is empty")
    separator = stated[1] if stated else max(_SEPARATORS, key=_outside_quotes(line).count)
    try:
        headers = next(csv.reader(io.StringIO(line, newline=""), delimiter=separator, strict=True))
    except (csv.Error, TypeError):
        raise OutcomesError("source_malformed", f"{path.name}: its header cannot be read as CSV") from None
    return _Layout(encoding, separator, lines_above, tuple(headers))


def _outside_quotes(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line)


def _encoding(path: Path) -> str:
    """The encoding of a text file: of those that fit its bytes, the strictest.

    Raises:
        OutcomesError: source_malformed.
    """
    with unpacked(path) as content:
        start = content.read(_CHUNK)
    if start.startswith(_OTHER_FORMATS):
        raise OutcomesError("source_malformed", f"{path.name}: it is no text; save it as .xlsx, or as CSV")
    marked = next((encoding for mark, encoding in _MARKS.items() if start.startswith(mark)), None)
    # UTF-16 without its mark has a NUL in every other byte.
    unmarked = "utf-16-le" if start[1:2] == b"\0" else "utf-16-be" if start[:1] == b"\0" else None
    candidates = [marked or unmarked] if marked or unmarked else ["utf-8", "cp1252"]
    for encoding in candidates:
        if encoding and _fits(path, encoding):
            return encoding
    what = "it is text in neither UTF-8, UTF-16 nor Windows-1252, or has NUL characters"
    raise OutcomesError("source_malformed", f"{path.name}: {what}")


def _fits(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    with unpacked(path) as content:
        try:
            while chunk := content.read(_CHUNK):
                if "\0" in decoder.decode(chunk):
                    return False
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _write_as_utf8(path: Path, encoding: str, to: Path) -> None:
    with (
        unpacked(path) as packed,
        io.TextIOWrapper(packed, encoding=encoding, newline="") as text,
        to.open("w", encoding="utf-8", newline="") as written,
    ):
        while chunk := text.read(_CHUNK):
            written.write(chunk)


def _is_packed(path: Path) -> bool:
    with path.open("rb") as content:
        return content.read(2) == _GZIP


@contextmanager
def unpacked(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, packed with gzip or not."""
    with gzip.open(path) if _is_packed(path) else path.open("rb") as content:
        yield content  # type: ignore[misc]
