"""Write a mapping from what the headers of an extract's files say; every guess is marked as one.

Cells are looked at for how dates and codes are written; none of them is told.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from outcomes.contract import TABLES, Table
from outcomes.errors import OutcomesError
from outcomes.home import private_files
from outcomes.intake.sources.dated import dated_columns, event_date
from outcomes.intake.sources.engine import scratch_folder
from outcomes.intake.sources.files import SUFFIXES, Opened, open_file, readable, sheets
from outcomes.intake.sources.mapping import PLACE
from outcomes.settings import Settings
from outcomes.sql.engine import connect

_LOOKED_AT = 1000
"""Cells of a column, from the beginning of its file."""

_NAMES = {
    "patient_id": "mrn patient patientid patid pid subjectid personid recordid patientnumber patnr patientnr "
    "patientennr patientennummer",
    "birth_date": "dob birthdate dateofbirth birthdt geburtsdatum",
    "birth_year": "birthyear yob yearofbirth",
    "sex": "sex gender geschlecht",
    "death_date": "deathdate dateofdeath dod deceaseddate",
    "last_contact_date": "lastcontact lastcontactdate lastseen lastvisit lastvisitdate",
    "smoking": "smoking smoker smokingstatus tobacco tobaccouse raucher",
    "asa_class": "asa asaclass asascore",
    "encounter_id": "encounterid encounter visitid csn caseid hadmid stayid fallnr fallnummer",
    "start_date": "startdate start admitdate admissiondate admittime admitdt begin orderdate",
    "end_date": "enddate end dischargedate dischtime dischdt stop stopdate",
    "type": "type encountertype visittype patientclass class",
    "date": "date day surgerydate operationdate opdate proceduredate procdate servicedate chartdate diagnosisdate "
    "dxdate visitdate surveydate completiondate studydate imagedate examdate datum opdatum surgerydt visitdt",
    "procedure_id": "procedureid procid opid surgeryid",
    "diagnosis_id": "diagnosisid dxid",
    "follow_up_id": "followupid surveyid responseid",
    "imaging_id": "imagingid studyid findingid",
    "treatment_id": "treatmentid orderid prescriptionid",
    "code": "code cpt cptcode procedurecode proccode icd icdcode icd10 icd10cm icd10pcs dxcode diagnosiscode atc "
    "atccode rxnorm rxcui medcode",
    "code_system": "codesystem system codetype vocabulary",
    "modifier": "modifier cptmodifier modifier1",
    "levels": "levels joints fusedlevels",
    "surgeon_id": "surgeonid surgeon providerid",
    "position": "position seqnum sequence rank dxrank",
    "neck_pain_nrs": "neckpainnrs necknrs nrsneck neckpain neckvas vasneck vasnacken",
    "arm_pain_nrs": "armpainnrs armnrs nrsarm armpain armvas vasarm",
    "ndi_total": "nditotal ndi ndiscore",
    "mjoa_total": "mjoatotal mjoa mjoascore",
    "eq_vas": "eqvas eq5dvas",
    "promis_pf_t": "promispft promispf",
    "promis_pi_t": "promispit promispi",
    "route": "route",
}
"""How headers may call a column of the dated extract, without case, blanks and signs."""

_FILE_WORDS = {
    "patients": "patient demog person",
    "encounters": "encounter visit stay admission",
    "procedures": "proc surg operat",
    "diagnoses": "diag dx problem condition",
    "follow_ups": "prom survey follow score ndi questionnaire",
    "imaging": "imag radiol finding",
    "treatments": "med drug treat therap prescri",
}
_TELLING = {
    "patients": {"birth_date", "birth_year", "sex"},
    "encounters": {"end_date", "type"},
    "procedures": {"code", "surgeon_id", "levels", "modifier"},
    "diagnoses": {"code", "position"},
    "follow_ups": {"neck_pain_nrs", "arm_pain_nrs", "ndi_total", "mjoa_total", "eq_vas"},
    "imaging": {"modality", "finding"},
    "treatments": {"route", "treatment_class"},
}
"""Columns by which a table is known."""

_FORMATS = (
    *("%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y%m%d", "%d-%b-%Y", "%d%b%Y", "%m-%d-%Y", "%d-%m-%Y"),
    *("%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%d-%b-%y"),
)
_TIME_OF_DAY = re.compile(r"(?<=\d)(?: +|T)\d{1,2}[:.]\d{2}.*$")
_ISO = r"\d{4}-\d{2}-\d{2}.*"
_SYSTEMS = {
    "CPT": r"\d{4}[0-9AMTFU](?:\.0)?",
    "ATC": r"[A-Za-z]\d{2}[A-Za-z]{2}\d{2}",
    "ICD10PCS": r"[0-9A-HJ-NP-Za-hj-np-z]{3}\.?[0-9A-HJ-NP-Za-hj-np-z]{4}",
    "ICD10CM": r"[A-Za-z]\d[0-9A-Za-z](?:\.?[0-9A-Za-z]{1,4})?",
    "ICD9CM": r"[0-9VE]\d{2}\.?\d{0,2}",
}
_TIME = re.compile(r"(?i)^(.+?)[_ .-]?(pre|preop|bl|base|baseline|\d{1,2} ?(?:w|wk|weeks?|m|mo|months?|y|yr|years?))$")
"""A header that ends with the time of a visit."""

_HEAD = """# A mapping for `outcomes import table`; docs/sources/table.md says what each line can hold.
# Read the lines marked as guesses, then try it: outcomes import table DIR … --dry-run

# How the days and keys that are delivered are de-identified: safe_harbor (only the year of surgery is told),
# limited_data_set or expert_determination (the month is).
method = ""
"""


@dataclass(frozen=True)
class Guess:
    """What a file may be: a table, and its headers by column; a header of several visits with their place."""

    table: Table
    headers: dict[str, str]
    visits: tuple[str, ...]


@dataclass(frozen=True)
class _Read:
    """A file, or a sheet of one that has several."""

    file: Opened
    sheet: str | None

    @property
    def name(self) -> str:
        """What it is called."""
        return self.file.name if self.sheet is None else f"{self.file.name}, sheet {self.sheet}"


@private_files()
def guess_mapping(settings: Settings, folder: Path) -> str:
    """The text of a mapping of all files of a folder, to be read and completed by a person.

    Args:
        settings: paths and limits.
        folder: the extract.

    Raises:
        OutcomesError: source_malformed when a file cannot be read or there is none.
    """
    paths = readable_files(folder)
    if not paths:
        raise OutcomesError("source_malformed", f"the folder holds no file that ends in {', '.join(SUFFIXES)}")
    with scratch_folder(settings) as scratch, connect(settings, scratch) as con, readable():
        places = [(path, sheet) for path in paths for sheet in sheets(path)]
        read = [
            _Read(open_file(con, path, f"file_{place}", scratch, sheet), sheet)
            for place, (path, sheet) in enumerate(places)
        ]
        guesses = sorted(((one, _guess(one)) for one in read), key=_in_order)
        blocks = [_block(con, one, guess) for one, guess in guesses]
    guessed = {guess.table for _, guess in guesses if guess}
    needed = [_empty_block(table) for table in TABLES.values() if table.required and table not in guessed]
    return "\n".join([_HEAD, *blocks, *needed])


def empty_mapping() -> str:
    """The text of a mapping of no file: every table, with the columns that it may have, to be filled in."""
    return "\n".join([_HEAD, *map(_empty_block, TABLES.values())])


def _empty_block(table: Table) -> str:
    needed = "  # every submission needs it" if table.required else ""
    lines = [f'# {column} = ""' for column in dated_columns(table)]
    return "\n".join([f"# [[{table.name}]]{needed}", '# file = ""', f"# [{table.name}.columns]", *lines, ""])


def _in_order(guessed: tuple[_Read, Guess | None]) -> int:
    """Tables as the contract has them; what is none last."""
    guess = guessed[1]
    return list(TABLES).index(guess.table.name) if guess else len(TABLES)


def readable_files(folder: Path) -> list[Path]:
    """The files of a folder that can be read as tables, by name."""
    return [
        path
        for path in sorted(folder.glob("*"))
        if path.is_file() and path.name.lower().removesuffix(".gz").endswith(SUFFIXES)
    ]


def _block(con: duckdb.DuckDBPyConnection, one: _Read, guess: Guess | None) -> str:
    if guess is None:
        return f"# {one.name}: nothing that the contract knows; is the first row its header?\n"
    file = one.file
    lines = [f"[[{guess.table.name}]]  # guess", f"file = {_text(file.name)}"]
    lines += [f"sheet = {_text(one.sheet)}"] if one.sheet is not None else []
    if guess.visits:
        lines.append(f"for_each = [{', '.join(map(_text, guess.visits))}]  # guess")
    lines.append(f"[{guess.table.name}.columns]")
    lines += [_line(con, file, guess, column, header) for column, header in guess.headers.items()]
    lines += _added(con, file, guess)
    read = {header.replace(PLACE, visit) for header in guess.headers.values() for visit in guess.visits or ("",)}
    others = [header for header in file.headers if header not in read]
    if others:
        lines.append(f"# not mapped: {', '.join(' '.join(header.split()) for header in others)}")
    return "\n".join([*lines, ""])


def _guess(one: _Read) -> Guess | None:
    """The table of which a file has most columns."""
    guesses = [of_table(table, one.file) for table in TABLES.values()]
    best = max(guesses, key=lambda guess: likeness(guess, one.sheet or one.file.name))
    return best if "patient_id" in best.headers and len(best.headers) > 1 else None


def likeness(guess: Guess, file: str) -> tuple[int, int]:
    """How much a file, or a form, of this name seems to be the table: a greater one is more."""
    name = guess.table.name
    by_name = any(word in file.lower() for word in _FILE_WORDS[name].split())
    return 2 * len(_TELLING[name] & guess.headers.keys()) + 3 * by_name, len(guess.headers)


def of_table(table: Table, file: Opened) -> Guess:
    """What of a table a file has, visits that stand side by side too."""
    plain: dict[str, str] = {}
    wide: dict[str, dict[str, str]] = {}
    for header in file.headers:
        column = column_of(table, header)
        if column:
            plain.setdefault(column, header)
        elif (timed := _TIME.match(header.strip())) and (column := column_of(table, timed[1])):
            wide.setdefault(column, {})[timed[2]] = header
    if table.name != "follow_ups" or event_date(table) in plain or event_date(table) not in wide:
        return Guess(table, plain, ())
    visits = tuple(wide[event_date(table)])
    with_place = {
        column: header.strip()[: -len(visit)] + PLACE
        for column, headers in wide.items()
        for visit, header in list(headers.items())[:1]
        if column not in plain
    }
    return Guess(table, plain | with_place, visits)


def column_of(table: Table, header: str) -> str | None:
    """The column of the dated extract that a header may mean."""
    name = re.sub(r"[^a-z0-9]", "", header.lower())
    for column in dated_columns(table):
        if name == column.replace("_", "") or name in _NAMES.get(column, "").split():
            return column
    item = re.fullmatch(r"ndi(?:item|q)?(\d{1,2})", name)
    return f"ndi_item_{item[1]}" if item and f"ndi_item_{item[1]}" in dated_columns(table) else None


def _line(con: duckdb.DuckDBPyConnection, file: Opened, guess: Guess, column: str, header: str) -> str:
    is_own_name = header.strip().lower() == column
    mark = "" if is_own_name else "  # guess"
    if dated_columns(guess.table)[column] != "date":
        return f"{column} = {_text(header.strip())}{mark}"
    formats = _formats(con, _cells(con, file, _first(guess, header)))
    if not formats:
        return f"{column} = {_text(header.strip())}{mark}"
    other = f" or {_text(formats[1])}" if len(formats) > 1 else ""
    return f"{column} = {{ from = {_text(header.strip())}, date_format = {_text(formats[0])} }}  # guess{other}"


def _first(guess: Guess, header: str) -> str:
    return header.replace(PLACE, guess.visits[0]) if guess.visits else header


def _added(con: duckdb.DuckDBPyConnection, file: Opened, guess: Guess) -> Iterator[str]:
    """Columns that no header gives and that the table needs."""
    headers = guess.headers
    if "code" in headers and "code_system" not in headers:
        system = _system(guess.table, headers["code"], _cells(con, file, headers["code"]))
        yield f"code_system = {{ constant = {_text(system)} }}  # guess"
    if "ndi_total" in headers and "ndi_unit" not in headers:
        numbers = [float(cell) for cell in _cells(con, file, _first(guess, headers["ndi_total"])) if _is_number(cell)]
        unit = "percent" if max(numbers, default=0) > 50 else "points"
        yield f"ndi_unit = {{ constant = {_text(unit)} }}  # guess: points (0 to 50) or percent (0 to 100)"
    needed = [] if guess.table.name == "patients" else [event_date(guess.table)]
    needed += ["code"] if guess.table.name in ("procedures", "diagnoses") else []
    yield from (f'# {name} = ""  # needed, and no header says it' for name in needed if name not in headers)


def _cells(con: duckdb.DuckDBPyConnection, file: Opened, header: str) -> list[str]:
    column = file.column(header)
    if column is None:
        return []
    rows = con.execute(
        f"select trim({column}) from {file.relation} where trim({column}) <> '' limit {_LOOKED_AT}"
    ).fetchall()
    return [cell for (cell,) in rows]


def _formats(con: duckdb.DuckDBPyConnection, cells: Iterable[str]) -> list[str]:
    """The formats in which most dates are written; none when they are ISO dates, or of no known format.

    A few may be written otherwise, as the year of birth alone: the import counts them.
    """
    written = [_TIME_OF_DAY.sub("", cell) for cell in cells]
    if not written or 2 * sum(re.fullmatch(_ISO, cell) is not None for cell in written) > len(written):
        return []
    # With %Y a year of two digits is read as one of antiquity.
    fits = "select count(*) from unnest($cells) as t(cell) where year(try_strptime(cell, $one)) > 999"
    counts = {one: int(con.execute(fits, {"one": one, "cells": written}).fetchall()[0][0]) for one in _FORMATS}
    return [one for one in _FORMATS if counts[one] == max(counts.values()) and 2 * counts[one] > len(written)]


def _system(table: Table, header: str, cells: Iterable[str]) -> str:
    """The code system that the header names, else the one whose codes the cells look like."""
    name = re.sub(r"[^a-z0-9]", "", header.lower())
    named: Mapping[str, str] = {"cpt": "CPT", "pcs": "ICD10PCS", "atc": "ATC", "rx": "RXNORM"}
    for word, system in named.items():
        if word in name:
            return system
    counts = {
        system: sum(re.fullmatch(pattern, cell) is not None for cell in cells) for system, pattern in _SYSTEMS.items()
    }
    if table.name == "diagnoses":
        counts = {system: count for system, count in counts.items() if system.endswith("CM")}
    return max(counts, key=lambda system: counts[system])


def _is_number(cell: str) -> bool:
    return re.fullmatch(r"\d+(?:\.\d*)?", cell) is not None


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
