"""Write a mapping of a REDCap export from its data dictionary; every guess is marked as one.

A row of an export is a record, an event or an instance of an instrument, with the fields of all forms. So a form's rows
are those in which one of its fields is filled, and what forms say of the patient is made one row. No cell is looked at.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from outcomes.contract import TABLES, ColumnType, Table
from outcomes.errors import OutcomesError
from outcomes.intake.rules import closed_lists
from outcomes.intake.sources.dated import dated_columns, dated_name, event_date
from outcomes.intake.sources.files import Opened
from outcomes.intake.sources.guess import Guess, column_of, likeness, of_table
from outcomes.intake.sources.mapping import PLACE
from outcomes.intake.sources.redcap import Field, of_forms, plain

_MISSING_CODES = ("NI", "INV", "UNK", "NASK", "ASKU", "NAV", "MSK", "NAVU", "NP", "UNC", "TRC")
"""Those that REDCap proposes to projects, after HL7's null flavours."""

_HEAD = """# A mapping for `outcomes import redcap`; docs/sources/redcap.md says what each line can hold.
# Read the lines marked as guesses, then try it: outcomes import redcap DIR … --dry-run

# How the days and keys that are delivered are de-identified: safe_harbor (only the year of surgery is told),
# limited_data_set or expert_determination (the month is).
method = ""
"""

_JOINT = re.compile(r"[CT](\d)\s*[-/]\s*([CT]?)(\d)", re.IGNORECASE)
_CPT = re.compile(r"(?<!\d)\d{5}(?!\d)")
_DATES = {"dmy": ["%d-%m-%Y", "%d/%m/%Y"], "mdy": ["%m-%d-%Y", "%m/%d/%Y"]}
"""How a labelled export writes validated dates; a raw one writes all as ISO."""

_SYSTEMS = {"procedures": "CPT", "diagnoses": "ICD10CM", "treatments": "ATC"}
_NUMERIC = (ColumnType.INTEGER, ColumnType.DECIMAL)
_TRUTH = {"yes": "true", "true": "true", "checked": "true", "no": "false", "false": "false", "unchecked": "false"}


def is_export(fields: list[Field], headers: tuple[str, ...]) -> bool:
    """Whether a file with these headers is an export of the project: its first column is that of the record."""
    return bool(headers) and plain(headers[0]) in (fields[0].name, plain(fields[0].label))


def guess_redcap(fields: list[Field], export: Opened) -> str:
    """The text of a mapping of an export, to be read and completed by a person.

    Args:
        fields: of the data dictionary.
        export: the file, opened.

    Raises:
        OutcomesError: source_malformed when the file is no export of the project.
    """
    if not is_export(fields, export.headers):
        raise OutcomesError("source_malformed", f"{export.name}: its first column is not {fields[0].name}")
    is_labelled = plain(export.headers[0]) != fields[0].name
    written = {plain(header): header.strip() for header in export.headers}
    project = _Project(export.name, fields, written, is_labelled=is_labelled)
    return "\n".join([_HEAD, *project.notes(), *project.patients(), *project.forms()])


@dataclass(frozen=True)
class _Project:
    file: str
    fields: list[Field]
    written: dict[str, str]
    is_labelled: bool

    @property
    def readable(self) -> list[Field]:
        """The fields that may be read and are in the export."""
        return [
            field
            for field in self.fields[1:]
            if not field.is_identifying and any(plain(header) in self.written for header in field.headers)
        ]

    def notes(self) -> Iterator[str]:
        """Codes for missing values, and what is never read."""
        codes = ", ".join(map(_text, _MISSING_CODES))
        yield f"missing = [{codes}]  # guess: REDCap's proposals; see the project's missing data codes"
        if closed := [field.name for field in self.fields[1:] if field.is_identifying]:
            yield f"# never read, since they identify persons: {', '.join(closed)}"
            yield "# identifiers = []  # those of them that are dates or keys, and shall become days and random keys"
        yield ""

    def patients(self) -> Iterator[str]:
        """The block of patients: from all forms."""
        table = TABLES["patients"]
        yield from self._head(table)
        yield "merge = true"
        yield from self._columns(table)
        yield from self._boxes_of(table)
        for column, field in _named(table, self.readable).items():
            yield self._line(table, column, field, self._header(field))
        yield ""

    def forms(self) -> Iterator[str]:
        """The blocks of each form that seems to be a table."""
        tables = set()
        for form, fields in of_forms(self.readable).items():
            guesses = [guess for table in list(TABLES.values())[1:] if (guess := _guess(table, fields))]
            if guesses:
                best = max(guesses, key=lambda guess: likeness(guess, form))
                tables.add(best.table.name)
                yield from self._form(best, fields)
            elif not _named(TABLES["patients"], fields) and not any(map(_joints, fields)):
                yield f"# {form}: nothing that the contract knows\n"
        if "procedures" not in tables:
            yield "# [[procedures]] is needed, and no form seems to hold a date and codes of operations\n"

    def _form(self, guess: Guess, fields: list[Field]) -> Iterator[str]:
        by_name = {field.name: field for field in fields}
        lines = [
            self._line(guess.table, column, by_name[_first(guess, name)], self._written(name, by_name))
            for column, name in guess.headers.items()
        ]
        lines += self._levels(guess.table, fields)
        codes = [(field, code, cpt) for field in fields for code, cpt in _cpt_boxes(field)]
        if guess.table.name == "procedures" and codes and "code" not in guess.headers:
            for field, code, cpt in codes:
                yield from self._head(guess.table)
                ticked = "Checked" if self.is_labelled else "1"
                yield f"where = [{{ column = {_text(self._box(field, code))}, is = [{_text(ticked)}] }}]"
                yield from self._columns(guess.table)
                yield from [*lines, f'code = {{ constant = "{cpt}" }}  # guess', _SYSTEM.format("CPT"), ""]
            return
        yield from self._head(guess.table)
        if guess.visits:
            yield f"for_each = [{', '.join(map(_text, guess.visits))}]  # guess"
        else:
            yield f"filled = [{', '.join(map(_text, guess.headers))}]"
        yield from self._columns(guess.table)
        yield from [*lines, *_added(guess, by_name), ""]

    def _head(self, table: Table) -> Iterator[str]:
        yield f"[[{table.name}]]  # guess"
        yield f"file = {_text(self.file)}"

    def _columns(self, table: Table) -> Iterator[str]:
        yield f"[{table.name}.columns]"
        yield f"patient_id = {_text(self._header(self.fields[0]))}"

    def _header(self, field: Field) -> str:
        header = field.label if self.is_labelled else field.name
        return self.written.get(plain(header), header)

    def _written(self, name: str, by_name: dict[str, Field]) -> str:
        return name if PLACE in name else self._header(by_name[name])

    def _box(self, field: Field, code: str) -> str:
        header = field.labelled_box(code) if self.is_labelled else field.box(code)
        return self.written.get(plain(header), header)

    def _line(self, table: Table, column: str, field: Field, header: str) -> str:
        """A column of a block: from a header, with what its choices mean."""
        if dated_columns(table)[column] == "date":
            formats = _DATES.get(field.validation.rpartition("_")[2], []) if self.is_labelled else []
            more = f", date_format = [{', '.join(map(_text, formats))}]" if formats else ""
            return f"{column} = {_cell(header, more)}  # guess"
        values, without = self._values(table, column, field)
        more = f", values = {{ {', '.join(f'{_text(key)} = {_text(word)}' for key, word in values.items())} }}"
        if not values:
            more = ", offset = -1" if _is_one_too_many(column, field) else ""
        comment = f"; without meaning: {', '.join(without)}" if without else ""
        return f"{column} = {_cell(header, more)}  # guess{comment}"

    def _values(self, table: Table, column: str, field: Field) -> tuple[dict[str, str], list[str]]:
        """What the export writes for each choice with what it means, and choices without meaning."""
        if not field.choices or (_is_number(table, column) and not self.is_labelled):
            return {}, []
        words = {code: _word(table, column, code, label) for code, label in field.choices.items()}
        if _is_one_too_many(column, field):
            words = {code: str(int(code) - 1) for code in field.choices}
        keys = field.choices if self.is_labelled else {code: code for code in field.choices}
        return (
            {keys[code]: word for code, word in words.items() if word},
            [" ".join(label.split()) for code, label in field.choices.items() if not words[code]],
        )

    def _boxes_of(self, table: Table) -> Iterator[str]:
        """Yes or no by a box of a checkbox."""
        values = 'Checked = "true", Unchecked = "false"' if self.is_labelled else '1 = "true", 0 = "false"'
        for field in self.readable:
            for code, label in field.choices.items() if field.kind == "checkbox" else ():
                column = column_of(table, label)
                if column and _type(table, column) is ColumnType.BOOLEAN:
                    yield f"{column} = {_cell(self._box(field, code), f', values = {{ {values} }}')}  # guess"

    def _levels(self, table: Table, fields: Iterable[Field]) -> Iterator[str]:
        """The joints that are boxes of a checkbox."""
        boxes = {self._box(field, code): joint for field in fields for code, joint in _joints(field).items()}
        if table.name == "procedures" and boxes:
            checked = ", ".join(f"{_text(header)} = {_text(joint)}" for header, joint in boxes.items())
            yield f"levels = {{ checked = {{ {checked} }} }}  # guess"


_SYSTEM = 'code_system = {{ constant = "{}" }}  # guess'


def _guess(table: Table, fields: list[Field]) -> Guess | None:
    """What of a table a form has: one visit a row, or several side by side; None without a date or anything else."""
    headers = {column: field.name for column, field in _named(table, fields).items()}
    date = event_date(table)
    dates = [field.name for field in fields if field.validation.startswith("date")]
    if date not in headers and len(dates) == 1:
        headers = {date: dates[0], **headers}
    if date not in headers:
        wide = of_table(table, Opened("", "", tuple(field.name for field in fields if field.kind != "checkbox")))
        return wide if wide.visits and date in wide.headers else None
    has_codes = table.name == "procedures" and any(_cpt_boxes(field) for field in fields)
    return Guess(table, headers, ()) if len(headers) > 1 or has_codes else None


def _named(table: Table, fields: Iterable[Field]) -> dict[str, Field]:
    """The columns of a table that fields seem to be, by variable or else by label."""
    found: dict[str, Field] = {}
    for by_label in (False, True):
        for field in fields:
            column = column_of(table, field.label if by_label else field.name)
            if column and field.kind != "checkbox" and column != "patient_id" and field not in found.values():
                found.setdefault(column, field)
    return found


def _first(guess: Guess, name: str) -> str:
    return name.replace(PLACE, guess.visits[0]) if guess.visits else name


def _added(guess: Guess, by_name: dict[str, Field]) -> Iterator[str]:
    """Columns that no field gives and that the table needs."""
    headers = guess.headers
    if "ndi_total" in headers and "ndi_unit" not in headers:
        label = by_name[_first(guess, headers["ndi_total"])].label
        unit = "percent" if "%" in label or "percent" in label.lower() else "points"
        yield f'ndi_unit = {{ constant = "{unit}" }}  # guess: points (0 to 50) or percent (0 to 100)'
    if "code" in headers and "code_system" not in headers:
        yield _SYSTEM.format(_SYSTEMS[guess.table.name])
    if guess.table.name in ("procedures", "diagnoses") and "code" not in headers:
        yield '# code = ""  # needed, and no field says it'


def _word(table: Table, column: str, code: str, label: str) -> str | None:
    """The contract's word for a choice, if it has one."""
    if column == "code":
        found = _CPT.search(label) or _CPT.fullmatch(code)
        return found[0] if found else None
    if _is_number(table, column):
        return code if re.fullmatch(r"-?\d+", code) else None
    if _type(table, column) is ColumnType.BOOLEAN:
        return _TRUTH.get(label.lower())
    known = closed_lists(table.name).get(column)
    if known is None:
        return label
    first = label.lower().split(" ")[0].strip(",;:")
    return known.get(label.lower()) or known.get(first)


def _is_one_too_many(column: str, field: Field) -> bool:
    """Whether an item of the NDI is stored from 1 to 6 and scored from 0 to 5."""
    return column.startswith("ndi_item") and list(field.choices) == list("123456")


def _cpt_boxes(field: Field) -> list[tuple[str, str]]:
    """The choices of a checkbox that name a code of CPT, each with it."""
    found = [(code, _CPT.search(label) or _CPT.fullmatch(code)) for code, label in field.choices.items()]
    return [(code, cpt[0]) for code, cpt in found if cpt] if field.kind == "checkbox" else []


def _joints(field: Field) -> dict[str, str]:
    """The choices of a checkbox that name a joint, each with it as the contract writes it."""
    found = {code: _JOINT.search(label) for code, label in field.choices.items()} if field.kind == "checkbox" else {}
    return {code: _joint(joint) for code, joint in found.items() if joint}


def _joint(found: re.Match[str]) -> str:
    upper, lower = found[0][0].upper(), found[2].upper()
    return f"{upper}{found[1]}-{'T' if lower == 'T' and upper == 'C' else ''}{found[3]}"


def _is_number(table: Table, column: str) -> bool:
    return _type(table, column) in _NUMERIC


def _type(table: Table, column: str) -> ColumnType | None:
    return next((one.type for one in table.columns if dated_name(one) == column), None)


def _cell(header: str, more: str) -> str:
    return f"{{ from = {_text(header)}{more} }}" if more else _text(header)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
