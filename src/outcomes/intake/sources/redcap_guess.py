"""Write a mapping of a REDCap export from its data dictionary; every guess is marked as one.

A row of an export is a record, an event or an instance of an instrument, with the fields of all forms. So a form's rows
are those in which one of its fields is filled, and what forms say of the patient is made one row. No cell is looked at.
"""

import json
import re
from collections import Counter
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

_MISSING_CODES = {
    "NI": "No information",
    "INV": "Invalid",
    "UNK": "Unknown",
    "NASK": "Not asked",
    "ASKU": "Asked but unknown",
    "NAV": "Temporarily unavailable",
    "MSK": "Masked",
    "NA": "Not applicable",
    "NAVU": "Not available",
    "NP": "Not present",
    "UNC": "Unencoded",
    "TRC": "Trace",
}
"""Those that REDCap proposes to projects, after HL7's null flavours, with their labels."""

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
    counts = Counter(map(plain, export.headers))
    project = _Project(export.name, fields, written, counts, is_labelled=is_labelled)
    blocks = [*project.patients(), *project.forms()]
    return "\n".join([_HEAD, *project.notes(blocks), *blocks])


@dataclass(frozen=True)
class _Project:
    file: str
    fields: list[Field]
    written: dict[str, str]
    counts: Counter[str]
    is_labelled: bool

    @property
    def readable(self) -> list[Field]:
        """The fields that may be read, or if a person says so, as dates that identify, and are in the export."""
        return [
            field
            for field in self.fields[1:]
            if (field.is_date or not field.is_identifying)
            and any(plain(header) in self.written for header in field.headers)
        ]

    def notes(self, blocks: list[str]) -> Iterator[str]:
        """Codes for missing values, what is never read, and the dates of it that the blocks read."""
        missing = [*_MISSING_CODES, *(_MISSING_CODES.values() if self.is_labelled else ())]
        yield "# Codes for missing values: REDCap's proposals; compare them with the project's own."
        yield f"missing = [{', '.join(map(_text, missing))}]  # guess"
        closed = [field for field in self.fields[1:] if field.is_identifying]
        if closed:
            yield f"# never read, since they identify persons: {', '.join(field.name for field in closed)}"
            text = "\n".join(blocks)
            dates = [_text(field.name) for field in closed if field.is_date and _text(self._header(field)) in text]
            yield "# Those of them that shall become days, an age or random keys; take away the # to let them be read."
            yield f"# identifiers = [{', '.join(dates)}]"
        yield ""

    def patients(self) -> Iterator[str]:
        """The block of patients: from all forms."""
        table = TABLES["patients"]
        yield from self._head(table)
        yield "merge = true"
        yield from self._columns(table)
        named = _named(table, self.readable)
        yield from self._boxes_of(table, named)
        for column, field in named.items():
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
        lines += self._levels(guess, fields)
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
            filled = [column for column, name in guess.headers.items() if self._is_single(self._written(name, by_name))]
            yield f"filled = [{', '.join(map(_text, filled))}]"
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

    def _is_single(self, header: str) -> bool:
        """Whether no two columns are headed so: labels need not be unique."""
        return self.counts[plain(header)] <= 1

    def _box(self, field: Field, code: str) -> str:
        header = field.labelled_box(code) if self.is_labelled else field.box(code)
        return self.written.get(plain(header), header)

    def _line(self, table: Table, column: str, field: Field, header: str) -> str:
        """A column of a block: from a header, with what its choices mean."""
        if not self._is_single(header):
            return f"# {column} = {_text(header)}: several columns of the export are headed so; export raw"
        if dated_columns(table)[column] == "date":
            formats = _DATES.get(field.validation.rpartition("_")[2], []) if self.is_labelled else []
            more = f", date_format = [{', '.join(map(_text, formats))}]" if formats else ""
            return f"{column} = {_cell(header, more)}  # guess"
        values, without = self._values(table, column, field)
        more = f", values = {{ {', '.join(f'{_text(key)} = {_text(word)}' for key, word in values.items())} }}"
        if not values:
            more = _reckoned(column, field)
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

    def _boxes_of(self, table: Table, named: dict[str, Field]) -> Iterator[str]:
        """Yes or no by a box of a checkbox, of what no field of its own says."""
        values = 'Checked = "true", Unchecked = "false"' if self.is_labelled else '1 = "true", 0 = "false"'
        boxes: dict[str, list[str]] = {}
        for field in self.readable:
            for code, label in field.choices.items() if field.kind == "checkbox" else ():
                column = column_of(table, label) or column_of(table, re.split("[ ,(]", label)[0])
                if column and column not in named and _type(table, column) is ColumnType.BOOLEAN:
                    boxes.setdefault(column, []).append(self._box(field, code))
        for column, (box, *others) in boxes.items():
            comment = f"; not read: {', '.join(others)}" if others else ""
            yield f"{column} = {_cell(box, f', values = {{ {values} }}')}  # guess{comment}"

    def _levels(self, guess: Guess, fields: Iterable[Field]) -> Iterator[str]:
        """The joints that are boxes of a checkbox."""
        boxes = {self._box(field, code): joint for field in fields for code, joint in _joints(field).items()}
        if guess.table.name == "procedures" and boxes and "levels" not in guess.headers:
            checked = ", ".join(f"{_text(header)} = {_text(joint)}" for header, joint in boxes.items())
            yield f"levels = {{ checked = {{ {checked} }} }}  # guess"


_SYSTEM = 'code_system = {{ constant = "{}" }}  # guess'


def _guess(table: Table, fields: list[Field]) -> Guess | None:
    """What of a table a form has: one visit a row, or several side by side; None without a date or anything else."""
    headers = {column: field.name for column, field in _named(table, fields).items()}
    date = event_date(table)
    dates = [field.name for field in fields if field.is_date]
    if date not in headers and len(dates) == 1:
        headers = {date: dates[0], **headers}
    if table.name == "procedures" and "code" not in headers:
        operations = [field.name for field in fields if _names_operations(field)]
        headers |= {"code": operations[0]} if operations else {}
    if date not in headers:
        wide = of_table(table, Opened("", "", tuple(field.name for field in fields if field.kind != "checkbox")))
        return wide if wide.visits and date in wide.headers else None
    has_codes = table.name == "procedures" and any(_cpt_boxes(field) for field in fields)
    return Guess(table, headers, ()) if len(headers) > 1 or has_codes else None


def _names_operations(field: Field) -> bool:
    """Whether one of its choices is taken, and most of them name a code of CPT."""
    found = [_word(TABLES["procedures"], "code", code, label) for code, label in field.choices.items()]
    return field.kind != "checkbox" and 2 * sum(code is not None for code in found) > len(found)


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
    if "eq5d_1" in headers and "eq5d_version" not in headers:
        version = {3: "3L", 5: "5L"}.get(len(by_name[_first(guess, headers["eq5d_1"])].choices))
        if version:
            yield f'eq5d_version = {{ constant = "{version}" }}  # guess'
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


def _reckoned(column: str, field: Field) -> str:
    """How a number is reckoned with: an item stored from 1 to 6, pain on a line of 100."""
    if _is_one_too_many(column, field):
        return ", offset = -1"
    is_of_100 = field.greatest == "100" or re.search(r"\b0 ?(?:-|–|to) ?100\b", field.label) is not None
    return ", scale = 0.1" if column.endswith("_pain_nrs") and is_of_100 else ""


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
