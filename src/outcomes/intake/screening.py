"""The gate that refuses a submission that is not de-identified.

Every string that a site sends is scanned for what Safe Harbor removes (45 CFR 164.514(b)(2)). A finding names table,
column, rule and number of rows, never a value. Device identifiers and free text have no column to come in by: the
contract is an allow-list, and closed lists hold its text columns. What several cells give away together, an age over
89 or the day of surgery, is worked out as a recipient could.
"""

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from outcomes.contract import TABLES, Column, ColumnType, Table
from outcomes.errors import SubmissionRefused
from outcomes.intake.inference import ages_reaching_90, patients_of_a_common_cut
from outcomes.intake.manifest import Method

_START = r"(?:^|[^0-9A-Za-z])"
_END = r"(?:$|[^0-9A-Za-z])"
_YEAR = r"(?:19|20)\d\d"
_MONTH = r"(?:0[1-9]|1[0-2])"
_DAY = r"(?:0[1-9]|[12]\d|3[01])"
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_HEXTET = r"[0-9A-Fa-f]{1,4}"
_MONTH_NAME = r"(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[A-Za-z]*"

_ANYWHERE = {
    "ssn": rf"{_START}\d{{3}}[- ]\d{{2}}[- ]\d{{4}}{_END}",
    "phone": rf"{_START}(?:1[ .-]?)?(?:\(\d{{3}}\) ?|\d{{3}}[ .-])\d{{3}}[ .-]\d{{4}}{_END}|\+\d[\d ().-]{{7,}}\d",
    "email": r"[^\s@]+@[^\s@]+\.[A-Za-z]{2,}",
    "url": r"(?i)[a-z][a-z+.-]+://|(?:^|[^a-z0-9])www\.[a-z0-9]",
    "ip_address": rf"(?:^|[^0-9.])(?:{_BYTE}\.){{3}}{_BYTE}(?:$|[^0-9.])|(?:{_HEXTET}:){{4,7}}{_HEXTET}",
    "full_date": "|".join(
        (
            rf"{_START}{_YEAR}[-/.](?:{_MONTH}|[1-9])[-/.](?:{_DAY}|[1-9])(?:$|[^0-9])",
            rf"{_START}(?:{_DAY}|[1-9])[-/.](?:{_DAY}|[1-9])[-/.]{_YEAR}{_END}",
            rf"{_START}(?:{_DAY}|[1-9])/(?:{_DAY}|[1-9])/\d\d{_END}",
            rf"[^0-9A-Za-z]{_YEAR}{_MONTH}{_DAY}{_END}|{_START}{_YEAR}{_MONTH}{_DAY}[^0-9A-Za-z]",
            rf"{_START}(?:{_DAY}|[1-9])[ .-]+{_MONTH_NAME}[ .,-]+\d{{2,4}}{_END}",
            rf"{_START}(?:{_DAY}|[1-9]){_MONTH_NAME}{_YEAR}{_END}",
            rf"{_START}{_MONTH_NAME}[ .-]+(?:{_DAY}|[1-9])[ ,-]+\d{{4}}{_END}",
        )
    ),
    "record_number": r"(?i)(?:^|[^a-z])(?:mrn|medical record|med rec|patient no|account|acct|npi|ssn|dob)[ :#._-]*\d",
    "person_title": r"(?:^|[^A-Za-z])(?i:mr|mrs|ms|miss|dr|prof|herr|frau|mme)(?:\. *|\s+)\pL{2,}",
    "person_name": r"(?:^|[^\pL])\p{Lu}\p{Ll}+(?:, ?| )\p{Lu}\p{Ll}+",
    "zip_code": rf"{_START}\d{{5}}-\d{{4}}{_END}|{_START}[A-Z]{{2}},? \d{{5}}{_END}",
}
"""What no string may show, wherever it stands in it."""

_WHOLE_KEY = {
    "ssn": r"^\d{9}$",
    "phone": r"^1?\d{10}$",
    "full_date": rf"^[A-Za-z]{{0,4}}{_YEAR}{_MONTH}{_DAY}[A-Za-z]{{0,3}}$",
}
"""What a key may not be as a whole, since it would be derived from an identifier."""

_WHOLE_PERSON_KEY = {"record_number": r"^\d{6,8}$"}
"""What the key of a person or a stay may not be: bare digits as long as a medical record or account number."""

_WHOLE_TEXT = {
    "ssn": r"^\d{9}$",
    "phone": r"^1?\d{10}$",
    "full_date": rf"^{_YEAR}{_MONTH}{_DAY}$",
    "zip_code": r"^\d{5}$",
}
"""What other text may not be as a whole."""

_PLACEHOLDER = re.compile(r"-?(?:9+\d|(\d)\1*)")
"""A number that is nobody's: one digit again and again, or nines and a last digit (9998)."""

SHAPES = {
    "ssn": "nine digits, with or without hyphens or blanks as in a Social Security number",
    "phone": "ten or eleven digits in groups, or as a whole",
    "email": "text with an @ and a domain",
    "url": "an address of the web",
    "ip_address": "an address of the internet protocol",
    "full_date": "a date to the day in any usual order, with a month's name, or as eight digits, also beside letters",
    "record_number": "a word such as MRN, account or NPI before digits; of a patient, stay or surgeon also six to "
    "eight digits alone",
    "person_title": "Mr, Dr, Frau and the like before a word",
    "person_name": "two words in capitals and small letters, as a name has",
    "zip_code": "five digits and four, or a state and five digits",
}
"""What each rule on identifiers refuses, in words."""

_EXPECTED = {"code": "zip_code", "index_period": "full_date"}
"""Rules that a column is spared: a CPT code has five digits, and too fine a period has a refusal of its own."""

_PERSON_KEYS = frozenset({"patient_id", "encounter_id", "surgeon_id"})

_UUID = r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_PLAIN_NUMBER = r"^-?\d{1,6}(?:\.\d*)?$"
_LETTER_AFTER_DIGIT = r"\d[A-Za-z]"
_OLDEST_AGE = 90
_LONGEST_LIFE = 120
"""No one at surgery is older: a greater number is no age but a placeholder (999) or a slip, which validation blanks."""

_YEARS_OF_BIRTH = (1800, 2100)
_AGE = r"^[^0-9-]*(?P<age>\d+(?:\.\d*)?)"
"""The number that a reader would find in a cell, whatever stands around it: `95 years`, `>95`."""


@dataclass(frozen=True)
class Finding:
    """Rows of one column that break one rule of the gate; `code` is the refusal that follows."""

    code: str
    table: str
    column: str
    rule: str
    rows: int

    def __str__(self) -> str:
        """The finding in words, without a value."""
        return f"{self.table}.{self.column}: {self.rule}, {self.rows} row{'s' if self.rows > 1 else ''}"


def screen(tables: Mapping[str, pa.Table], method: Method, data_cut: datetime.date | None = None) -> None:
    """Let a submission pass, or refuse it whole.

    Args:
        tables: the delivered tables by name, every cell a string or null.
        method: how the site says that it de-identified the extract.
        data_cut: the date on which the extract was cut, where it is known: a day that lies later says nothing.

    Raises:
        SubmissionRefused: identifier_found, age_over_89, index_period_too_fine or data_cut_common, in this order.
    """
    found = findings(tables, method, data_cut)
    for code in ("identifier_found", "age_over_89", "index_period_too_fine", "data_cut_common"):
        places = [str(finding) for finding in found if finding.code == code]
        if places:
            raise SubmissionRefused(code, "; ".join(places))


def screen_missing_codes(codes: Iterable[str]) -> None:
    """Refuse declared codes for missing that look like an identifier: quarantine keeps their cells as delivered.

    Args:
        codes: as the manifest declares them.

    Raises:
        SubmissionRefused: identifier_found.
    """
    texts = [text for text in (code.rpartition("=")[2] for code in codes) if not _PLACEHOLDER.fullmatch(text)]
    told = _distinct(pa.chunked_array([texts], pa.string()))
    found = {
        rule
        for patterns in (_ANYWHERE, _WHOLE_PERSON_KEY, _WHOLE_TEXT)
        for rule, pattern in patterns.items()
        if _matching(told, pattern).num_rows
    }
    if found:
        raise SubmissionRefused("identifier_found", f"manifest.missing_codes: {', '.join(sorted(found))}")


def screen_accepted(patients: pa.Table) -> None:
    """Refuse the submission if validation left somebody who turns 90 within the days of follow-up.

    Args:
        patients: the accepted rows, typed; a row may hold the data cut that was in force before.

    Raises:
        SubmissionRefused: age_over_89.
    """
    reaching = _reaching_90(pa.table({name: patients[name].cast(pa.string()) for name in patients.column_names}), None)
    if reaching:
        raise SubmissionRefused("age_over_89", "; ".join(map(str, reaching)))


def findings(tables: Mapping[str, pa.Table], method: Method, data_cut: datetime.date | None = None) -> list[Finding]:
    """Everything in the tables of a submission that may not pass; arguments as of `screen`."""
    values = [
        (TABLES[name], column, _distinct(cells[column.name]))
        for name, cells in tables.items()
        for column in TABLES[name].columns
    ]
    suspected = _suspected((column, distinct) for _, column, distinct in values)
    found = [finding for one in values for finding in _of_column(*one, suspected, method)]
    return found + (_by_arithmetic(tables["patients"], data_cut) if "patients" in tables else [])


def _of_column(
    table: Table, column: Column, distinct: pa.Table, suspected: frozenset[str], method: Method
) -> list[Finding]:
    """What may not pass in one column, by itself."""
    found = [
        Finding("identifier_found", table.name, column.name, rule, rows)
        for rule, rows in _identifiers(column, distinct, suspected)
    ]
    if column.name == "age_years":
        found += _ages(table, column, distinct)
    if column.name == "index_period":
        rows = _rows(_matching(distinct, _finer_than(method)))
        found += _as_finding("index_period_too_fine", table, column, rows)
    return found


def _by_arithmetic(patients: pa.Table, data_cut: datetime.date | None) -> list[Finding]:
    """What the rows of patients give away together."""
    return _reaching_90(patients, data_cut) + [
        Finding("data_cut_common", "patients", column, "one_date_fits", rows)
        for column, rows in patients_of_a_common_cut(patients, data_cut).items()
    ]


def _reaching_90(patients: pa.Table, data_cut: datetime.date | None) -> list[Finding]:
    rows = ages_reaching_90(patients, data_cut)
    return [Finding("age_over_89", "patients", "age_years", "reaches_90_in_follow_up", rows)] if rows else []


def _ages(table: Table, column: Column, distinct: pa.Table) -> list[Finding]:
    """Ages over 90, and years of birth, which tell the age."""
    found = pc.struct_field(pc.extract_regex(pc.utf8_normalize(distinct["values"], "NFKC"), _AGE), "age")
    ages = pc.fill_null(pc.cast(found, pa.float64()), -1)
    first, last = _YEARS_OF_BIRTH
    rules = {
        "age_over_89": pc.and_(pc.greater(ages, _OLDEST_AGE), pc.less_equal(ages, _LONGEST_LIFE)),
        "year_of_birth": pc.and_(pc.greater_equal(ages, first), pc.less_equal(ages, last)),
    }
    return [
        Finding("age_over_89", table.name, column.name, rule, rows)
        for rule, is_found in rules.items()
        for rows in [_rows(distinct.filter(is_found))]
        if rows
    ]


def _as_finding(code: str, table: Table, column: Column, rows: int) -> list[Finding]:
    return [Finding(code, table.name, column.name, code, rows)] if rows else []


def _suspected(values: Iterable[tuple[Column, pa.Table]]) -> frozenset[str]:
    """The rules that some cell breaks, were its column spared none; all columns in one pass a pattern."""
    told = pa.concat_tables(_telling(column, distinct) for column, distinct in values)
    # A pattern is compiled anew for each chunk.
    told = _without_uuids(told.combine_chunks())
    return frozenset(
        rule
        for patterns in (_ANYWHERE, _WHOLE_KEY, _WHOLE_PERSON_KEY, _WHOLE_TEXT)
        for rule, pattern in patterns.items()
        if _matching(told, pattern).num_rows
    )


def _telling(column: Column, distinct: pa.Table) -> pa.Table:
    """The values of a column that may tell something."""
    if column.type is ColumnType.TEXT:
        return distinct
    # Plain small numbers are what these columns are for; only what is left can be an identifier gone astray.
    return distinct.filter(pc.invert(pc.match_substring_regex(distinct["values"], _PLAIN_NUMBER)))


def _without_uuids(distinct: pa.Table) -> pa.Table:
    """The groups of a UUID are random; by chance one of them reads as a date."""
    place = distinct.column_names.index("values")
    return distinct.set_column(place, "values", pc.replace_substring_regex(distinct["values"], _UUID, "uuid"))


def _identifiers(column: Column, distinct: pa.Table, suspected: frozenset[str]) -> Iterator[tuple[str, int]]:
    rules = suspected - {_EXPECTED.get(column.name, "")}
    if not rules:
        return
    told = _without_uuids(_telling(column, distinct))
    for rule in sorted(_ANYWHERE.keys() & rules):
        yield from _if_any(rule, _matching(told, _ANYWHERE[rule]))
    if column.name.endswith("_id"):
        patterns = _WHOLE_KEY | (_WHOLE_PERSON_KEY if column.name in _PERSON_KEYS else {})
        yield from _derived_keys(told, {rule: patterns[rule] for rule in patterns.keys() & rules})
    else:
        for rule in sorted(_WHOLE_TEXT.keys() & rules):
            yield from _if_any(rule, _matching(told, _WHOLE_TEXT[rule]))


def _derived_keys(distinct: pa.Table, patterns: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    matching = {rule: _matching(distinct, pattern) for rule, pattern in sorted(patterns.items())}
    if not any(found.num_rows for found in matching.values()):
        return
    random_lengths = _random_lengths(distinct["values"])
    for rule, found in matching.items():
        lengths = pc.utf8_length(found["values"])
        yield from _if_any(rule, found.filter(pc.invert(pc.is_in(lengths, random_lengths))))


def _random_lengths(values: pa.ChunkedArray) -> pa.Array:
    """Lengths at which most keys mix digits and letters: there, one that is all digits is chance, not a number."""
    mixed = pc.cast(pc.match_substring_regex(values, _LETTER_AFTER_DIGIT), pa.float64())
    shares = (
        pa.table({"length": pc.utf8_length(values), "mixed": mixed}).group_by("length").aggregate([("mixed", "mean")])
    )
    return shares.filter(pc.greater(shares["mixed_mean"], 0.5))["length"].combine_chunks()


def _finer_than(method: Method) -> str:
    """Pattern of an index period that says more than the method allows: a year under Safe Harbor, else a month."""
    if method == "safe_harbor":
        return r"\d{4}.|.\d{4}"
    return rf"^{_YEAR}\D?{_MONTH}\D?{_DAY}|{_ANYWHERE['full_date']}"


def _distinct(cells: pa.ChunkedArray) -> pa.Table:
    counted = pa.table({"values": cells}).group_by("values").aggregate([([], "count_all")])
    return counted.filter(pc.is_valid(counted["values"]))


def _matching(distinct: pa.Table, pattern: str) -> pa.Table:
    return distinct.filter(pc.match_substring_regex(distinct["values"], pattern))


def _if_any(rule: str, found: pa.Table) -> Iterable[tuple[str, int]]:
    return [(rule, _rows(found))] if found.num_rows else []


def _rows(found: pa.Table) -> int:
    return int(pc.sum(found["count_all"]).as_py() or 0)
