"""REDCap's data dictionary, and an export of a project by a mapping that it allows.

An export is read as any table extract (`intake/sources/table.py`). The dictionary says which fields identify a person:
those marked so, and those of a kind that does, as an e-mail address or free text. A mapping may name none of them but
as a key or a date, which the import turns into random keys and days, and only if it lists them under `identifiers`.

Source: Harris et al., REDCap; the columns of the data dictionary as REDCap's designer and its API write them.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import duckdb

from outcomes.contract import TABLES
from outcomes.errors import OutcomesError
from outcomes.intake.reading import spelled
from outcomes.intake.sources.dated import LeftOut, Source, dated_columns
from outcomes.intake.sources.files import read_header, read_small
from outcomes.intake.sources.mapping import Block, Mapping
from outcomes.intake.sources.table import table_source

_HEADERS = {
    "name": ("variable / field name", "field_name"),
    "form": ("form name", "form_name"),
    "kind": ("field type", "field_type"),
    "label": ("field label", "field_label"),
    "choices": (
        "choices, calculations, or slider labels",
        "choices or calculations",
        "select_choices_or_calculations",
    ),
    "validation": (
        "text validation type or show slider number",
        "text_validation_type_or_show_slider_number",
    ),
    "greatest": ("text validation max", "text_validation_max"),
    "identifier": ("identifier?", "identifier"),
}
"""The dictionary's columns, as it is downloaded and as the API gives it."""

_IDENTIFYING_KINDS = ("notes", "file", "descriptive", "signature", "sql")
_IDENTIFYING_VALIDATIONS = re.compile(r"email|phone.*|ssn|.*mrn.*|zipcode|postalcode.*|signature")
_WITH_CHOICES = ("radio", "dropdown", "checkbox")
_YES_AND_NO = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}


@dataclass(frozen=True)
class Field:
    """A field of a project: its variable, form, kind, label, choices by code, validation, and what is said of it.

    `greatest` is the greatest number that it takes, as written, if that is limited.
    """

    name: str
    form: str
    kind: str
    label: str
    choices: dict[str, str]
    validation: str
    greatest: str
    is_marked: bool

    @property
    def is_date(self) -> bool:
        """Whether it is validated as a date, with or without a time."""
        return self.validation.startswith("date")

    @property
    def is_identifying(self) -> bool:
        """Whether it is marked as an identifier, or of a kind that identifies or may say anything."""
        return (
            self.is_marked
            or self.kind in _IDENTIFYING_KINDS
            or _IDENTIFYING_VALIDATIONS.fullmatch(self.validation) is not None
        )

    @property
    def headers(self) -> list[str]:
        """How an export may head its columns: raw and labelled, a checkbox by its choices."""
        if self.kind != "checkbox":
            return [self.name, self.label]
        return [header for code in self.choices for header in (self.box(code), self.labelled_box(code))]

    def box(self, code: str) -> str:
        """The column of a choice of a checkbox in a raw export."""
        return f"{self.name}___{re.sub('[^a-z0-9_]', '_', code.lower())}"

    def labelled_box(self, code: str) -> str:
        """The column of a choice of a checkbox in a labelled export."""
        return f"{self.label} (choice={self.choices[code]})"


def plain(header: str) -> str:
    """A header or label without case, marks of HTML and blanks too many."""
    return " ".join(re.sub(r"<[^>]*>", " ", header).lower().split())


def is_dictionary(path: Path) -> bool:
    """Whether a file is a data dictionary, by its header."""
    if not path.name.lower().endswith(".csv"):
        return False
    try:
        header = [spelled(name) for name in read_header(path)]
    except OutcomesError:
        return False
    return all(any(name in header for name in _HEADERS[needed]) for needed in ("name", "form", "kind", "identifier"))


def find_dictionary(folder: Path) -> Path | None:
    """The data dictionary in a folder.

    Raises:
        OutcomesError: source_malformed when there are several.
    """
    found = [path for path in sorted(folder.glob("*")) if path.is_file() and is_dictionary(path)]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise OutcomesError("source_malformed", f"{names} are data dictionaries; leave one in the folder")
    return found[0] if found else None


def read_dictionary(path: Path) -> list[Field]:
    """The fields of a project, in their order; the first is that of the record.

    Raises:
        OutcomesError: source_malformed.
    """
    if not path.is_file() or not is_dictionary(path):
        raise OutcomesError("source_malformed", f"{path.name} is no data dictionary of REDCap in CSV")
    written = {spelled(name): name for name in read_header(path)}
    columns = {
        column: next((written[name] for name in names if name in written), "") for column, names in _HEADERS.items()
    }
    rows = [{column: row.get(name, "").strip() for column, name in columns.items()} for row in read_small(path)]
    fields = [_field(row) for row in rows if row["name"]]
    if not fields:
        raise OutcomesError("source_malformed", f"{path.name} names no field")
    return fields


def _field(row: dict[str, str]) -> Field:
    kind = row["kind"].lower()
    return Field(
        name=row["name"].lower(),
        form=row["form"],
        kind=kind,
        label=" ".join(re.sub(r"<[^>]*>", " ", row["label"]).split()),
        choices=dict(_choices(row["choices"])) if kind in _WITH_CHOICES else _YES_AND_NO.get(kind, {}),
        validation=row["validation"].lower(),
        greatest=row["greatest"] or ("100" if kind == "slider" else ""),
        is_marked=row["identifier"].lower() in ("y", "yes", "1", "true"),
    )


def _choices(text: str) -> Iterator[tuple[str, str]]:
    """The choices of a field, `1, Yes | 0, No`: code and label."""
    for choice in text.split("|"):
        code, comma, label = choice.partition(",")
        if comma and code.strip():
            yield code.strip(), label.strip()


def redcap_source(mapping: Mapping, folder: Path) -> Source:
    """The source that a mapping makes of a project's export, with its data dictionary in the folder.

    Raises:
        OutcomesError: source_malformed when there is no dictionary; mapping_malformed when the mapping names a field
            that identifies persons.
    """
    dictionary = find_dictionary(folder)
    if dictionary is None:
        raise OutcomesError("source_malformed", "there is no data dictionary of REDCap in the folder")
    fields = read_dictionary(dictionary)
    if problems := list(_forbidden(mapping, fields)):
        raise OutcomesError("mapping_malformed", "; ".join(problems))
    source = table_source(mapping, folder)
    closed = {field.name for field in fields[1:] if field.is_identifying}
    never_read = len(closed - {spelled(name) for name in mapping.identifiers})
    return replace(source, left_out=partial(_left_out, source, dictionary.name, never_read))


def _left_out(source: Source, dictionary: str, never_read: int, con: duckdb.DuckDBPyConnection) -> list[LeftOut]:
    return [*source.left_out(con), LeftOut(dictionary, "never_read", never_read)]


def _forbidden(mapping: Mapping, fields: list[Field]) -> Iterator[str]:
    """The places where a mapping names a field that identifies persons."""
    record, *others = fields
    identifying = {plain(header): field for field in others if field.is_identifying for header in field.headers}
    allowed = {spelled(name) for name in mapping.identifiers}
    if unknown := allowed - {field.name for field in identifying.values()}:
        yield f"identifiers: {min(unknown)} is no field that the dictionary marks"
    for table, blocks in mapping.tables.items():
        for block in blocks:
            for column, header in _read(block):
                field = identifying.get(plain(header))
                if field is None or plain(header) == record.name:
                    continue
                if field.name not in allowed:
                    may_be = "; may it be read? Then list it under identifiers" if _is_turned(table, column) else ""
                    yield f"{table}.{column}: {field.name} identifies persons, says the data dictionary{may_be}"
                elif not _is_turned(table, column):
                    yield f"{table}.{column}: {field.name} identifies persons, so it can only be a key or a date"


def _read(block: Block) -> Iterator[tuple[str, str]]:
    """The columns of a block with each header that they are read from."""
    for name, cell in block.columns.items():
        for header in cell.headers:
            yield from ((name, header.replace("{}", each)) for each in block.for_each or [""])
    yield from (("where", where.column) for where in block.where)


def _is_turned(table: str, column: str) -> bool:
    """Whether the import makes a random key or a day of it, or an age."""
    return column.endswith("_id") or column == "birth_year" or dated_columns(TABLES[table]).get(column) == "date"


def of_forms(fields: Iterable[Field]) -> dict[str, list[Field]]:
    """The fields by form, in their order."""
    forms: dict[str, list[Field]] = {}
    for field in fields:
        forms.setdefault(field.form, []).append(field)
    return forms
