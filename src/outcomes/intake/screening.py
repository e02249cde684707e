"""The gate that refuses a submission that is not de-identified.

Every string that a site sends is scanned for what Safe Harbor removes (45 CFR 164.514(b)(2)). A finding names table,
column, rule and number of rows, never a value. Device identifiers and free text have no column to come in by: the
contract is an allow-list, and closed lists hold its text columns. What several cells give away together, an age over
89 or the day of surgery, is worked out as a recipient could.
"""

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from outcomes.contract import TABLES, Column, ColumnType, Table
from outcomes.errors import SubmissionRefused
from outcomes.intake import keys as judged
from outcomes.intake.inference import ages_reaching_90, events_on_a_common_date, patients_of_a_common_cut
from outcomes.intake.manifest import KeyMethod, Method
from outcomes.intake.shapes import (
    ANYWHERE,
    BY_CHANCE,
    ENCODED,
    FINER_THAN_MONTH,
    PLACEHOLDER,
    WHOLE_KEY,
    WHOLE_PERSON_KEY,
    WHOLE_TEXT,
    plain,
)
from outcomes.intake.words import free_text

_EXPECTED = {"code": "zip_code", "index_period": "full_date"}
"""Rules that a column is spared: a CPT code has five digits, and too fine a period has a refusal of its own."""

_PERSON_KEYS = frozenset({"patient_id", "encounter_id", "surgeon_id"})


class _OwnForm(NamedTuple):
    """From how many keys on, and from which share of a column's, a form is the site's own."""

    fewest: int
    share: float


_SURELY = 0.9
"""Where fewer of the keys of one form have a shape, those that do have it by chance."""

_OWN_FORM = {
    (False, "ssn"): _OwnForm(1, 0.5),
    (False, "phone"): _OwnForm(1, 0.5),
    (True, "grouped_number"): _OwnForm(judged.FEWEST_KEYS, 0.95),
}
"""Rules, of keys of a person or of others, that spare a site's own form: a database numbers rows by nine digits too."""

_UUID = r"(?i)[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_PLAIN_NUMBER = r"^-?\d{1,6}(?:\.\d*)?$"
_LETTER_AFTER_DIGIT = r"\d[A-Za-z]"
_WHOLE_NUMBER = r"^[+-]?0*(?P<whole>[1-9]\d{4,18})(?:[.,]\d*)?$"
_NUMBERS = (ColumnType.INTEGER, ColumnType.DECIMAL)
_LEAST_LARGE = 10_000
_LEAST_DATE = 30_000
"""A spreadsheet's number for a day of 1982; a day that many days from surgery is none."""

_OLDEST_AGE = 90
_LONGEST_LIFE = 120
"""No one at surgery is older: a greater number is no age but a placeholder (999) or a slip, which validation blanks."""

_YEARS_OF_BIRTH = (1800, 2100)
_AGE = r"^[^0-9-]*(?P<age>\d+(?:\.\d*)?(?:[eE]\+?\d{1,2})?)"
"""The number that a reader would find in a cell, whatever stands around it: `95 years`, `>95`, `9.5e1`."""

_OLD_IN_WORDS = r"(?i)ninet|hundred|nonagen|centen|neunzig|hundert|quatre.vingt.(?:dix|onze)|novent|\b0x[0-9a-f]"
"""Ages over 89 in words, in some languages, and numbers that are not decimal."""


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


def screen(
    tables: Mapping[str, pa.Table],
    method: Method,
    data_cut: datetime.date | None = None,
    key_method: KeyMethod | None = None,
) -> None:
    """Let a submission pass, or refuse it whole.

    Args:
        tables: the delivered tables by name, every cell a string or null.
        method: how the site says that it de-identified the extract.
        data_cut: the date on which the extract was cut, where it is known: a day that lies later says nothing.
        key_method: how the site says that it made the patients' keys.

    Raises:
        SubmissionRefused: identifier_found, age_over_89, index_period_too_fine or data_cut_common, in this order.
    """
    found = findings(tables, method, data_cut, key_method)
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
    texts = [text for text in (code.rpartition("=")[2] for code in codes) if not PLACEHOLDER.fullmatch(text)]
    told = _distinct(pa.chunked_array([texts], pa.string()))
    found = {
        rule
        for patterns in (ANYWHERE, WHOLE_TEXT, {"record_number": WHOLE_PERSON_KEY["record_number"]})
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


def findings(
    tables: Mapping[str, pa.Table],
    method: Method,
    data_cut: datetime.date | None = None,
    key_method: KeyMethod | None = None,
) -> list[Finding]:
    """Everything in the tables of a submission that may not pass; arguments as of `screen`."""
    values = [
        (TABLES[name], column, _plain(_distinct(cells[column.name])))
        for name, cells in tables.items()
        for column in TABLES[name].columns
    ]
    suspected = _suspected((column, distinct) for _, column, distinct in values)
    found = [finding for one in values for finding in _of_column(*one, suspected, method)]
    if "patients" not in tables:
        return found
    return found + _hashed(tables["patients"], key_method) + _by_arithmetic(tables, data_cut)


def _hashed(patients: pa.Table, key_method: KeyMethod | None) -> list[Finding]:
    """Patients whose key can be worked back to what it is the hash of, or may be, as nobody says that it is salted."""
    keys = _distinct(patients["patient_id"])
    found = judged.hashed(keys)
    if found.num_rows:
        return [Finding("identifier_found", "patients", "patient_id", "hashed", _rows(found))]
    if key_method is None and judged.is_hash_shaped(keys):
        return [Finding("identifier_found", "patients", "patient_id", "hash_undeclared", _rows(keys))]
    return []


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


def _by_arithmetic(tables: Mapping[str, pa.Table], data_cut: datetime.date | None) -> list[Finding]:
    """What the rows of all tables give away together."""
    patients = tables["patients"]
    others = {name: rows for name, rows in tables.items() if name != "patients"}
    cuts = patients_of_a_common_cut(patients, data_cut)
    events = events_on_a_common_date(patients, others, data_cut)
    fitting = {**{("patients", column): rows for column, rows in cuts.items()}, **events}
    return _reaching_90(patients, data_cut, others) + [
        Finding("data_cut_common", *place, "one_date_fits", rows) for place, rows in fitting.items()
    ]


def _reaching_90(
    patients: pa.Table, data_cut: datetime.date | None, others: Mapping[str, pa.Table] | None = None
) -> list[Finding]:
    rows = ages_reaching_90(patients, data_cut, others)
    return [Finding("age_over_89", "patients", "age_years", "reaches_90_in_follow_up", rows)] if rows else []


def _ages(table: Table, column: Column, distinct: pa.Table) -> list[Finding]:
    """Ages over 90, and years of birth, which tell the age."""
    found = pc.struct_field(pc.extract_regex(distinct["values"], _AGE), "age")
    ages = pc.fill_null(pc.cast(found, pa.float64()), -1)
    first, last = _YEARS_OF_BIRTH
    rules = {
        "age_over_89": pc.or_(
            pc.and_(pc.greater(ages, _OLDEST_AGE), pc.less_equal(ages, _LONGEST_LIFE)),
            pc.match_substring_regex(distinct["values"], _OLD_IN_WORDS),
        ),
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
        for patterns in (ANYWHERE, WHOLE_KEY, WHOLE_PERSON_KEY, WHOLE_TEXT)
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
    return _with_values(distinct, pc.replace_substring_regex(distinct["values"], _UUID, "uuid"))


def _identifiers(column: Column, distinct: pa.Table, suspected: frozenset[str]) -> Iterator[tuple[str, int]]:
    """The rules on identifiers that a column breaks, each with the rows; a value counts for the first that finds it."""
    rules = suspected - {_EXPECTED.get(column.name, "")}
    told = _telling(column, distinct)
    seen = pa.array([], pa.string())
    for rule, found in chain(
        _by_pattern(column, _without_uuids(told), rules) if rules and told.num_rows else (),
        _of_keys(column, told) if column.name.endswith("_id") else _of_cells(column, distinct, told),
    ):
        fresh = found.filter(pc.invert(pc.is_in(found["values"], seen)))
        if fresh.num_rows:
            yield rule, _rows(fresh)
            seen = pa.concat_arrays([seen, fresh["values"].combine_chunks()])


def _by_pattern(column: Column, told: pa.Table, rules: frozenset[str]) -> Iterator[tuple[str, pa.Table]]:
    is_key = column.name.endswith("_id")
    for rule in sorted(ANYWHERE.keys() & rules - ({*BY_CHANCE} if is_key else set())):
        yield rule, _matching(told, ANYWHERE[rule])
    if is_key:
        for patterns in (BY_CHANCE, *_whole_keys(column)):
            yield from _derived_keys(column, told, {rule: patterns[rule] for rule in patterns if rule in rules})
    else:
        for rule in sorted(WHOLE_TEXT.keys() & rules):
            yield rule, _matching(told, WHOLE_TEXT[rule])


def _whole_keys(column: Column) -> Sequence[Mapping[str, str]]:
    return (WHOLE_KEY, WHOLE_PERSON_KEY) if column.name in _PERSON_KEYS else (WHOLE_KEY,)


def _of_keys(column: Column, keys: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """What keys tell that no shape shows: what they encode, and how they differ from others or do not."""
    yield "not_a_key", judged.not_keys(keys)
    texts = judged.decoded(keys)
    yield "encoded", texts.filter(pc.match_substring_regex(texts["text"], ENCODED))
    yield "unlike_others", judged.unlike_others(keys)
    if column.name in _PERSON_KEYS and judged.numbered(keys):
        yield "record_number", keys
    elif column.name in _PERSON_KEYS and judged.sequential(keys):
        yield "sequential", keys


def _of_cells(column: Column, distinct: pa.Table, told: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """What cells other than keys tell: words, and numbers larger than any measure."""
    yield "free_text", free_text(column, told)
    if column.type in _NUMBERS:
        yield "large_number", _large_numbers(column, distinct)
    if column.name != "code":
        yield "record_number", _record_numbers(column, distinct)


def _record_numbers(column: Column, distinct: pa.Table) -> pa.Table:
    # Of a column of numbers only one after letters is none that it may hold.
    letters = "{1,4}" if column.type in _NUMBERS else "{0,4}"
    found = _matching(distinct, rf"^[A-Za-z]{letters}[-#: ]?\d{{5,}}(?:[.,]0*)?$")
    if column.name == "index_period":
        found = found.filter(pc.invert(pc.match_substring_regex(found["values"], r"^(?:19|20)\d\d")))
    return _no_placeholders(found)


def _large_numbers(column: Column, distinct: pa.Table) -> pa.Table:
    found = _matching(distinct, _WHOLE_NUMBER)
    wholes = pc.struct_field(pc.extract_regex(found["values"], _WHOLE_NUMBER), "whole").to_pylist()
    least = _LEAST_DATE if column.is_day else _LEAST_LARGE
    large = found.filter(pa.array([int(one) >= least for one in wholes], pa.bool_()))
    return _no_placeholders(large)


def _no_placeholders(found: pa.Table) -> pa.Table:
    wholes = pc.replace_substring_regex(found["values"], r"^[+-]?0*|[.,]\d*$", "").to_pylist()
    return found.filter(pa.array([not PLACEHOLDER.fullmatch(one) for one in wholes], pa.bool_()))


def _derived_keys(column: Column, distinct: pa.Table, patterns: Mapping[str, str]) -> Iterator[tuple[str, pa.Table]]:
    for rule, pattern in patterns.items():
        found = _matching(distinct, pattern)
        if found.num_rows:
            others = distinct.filter(pc.invert(pc.is_in(distinct["values"], found["values"].combine_chunks())))
            is_random = pc.is_in(pc.utf8_length(found["values"]), _random_lengths(others["values"]))
            yield rule, _told_by_form(column, rule, found.filter(pc.invert(is_random)), distinct)


def _told_by_form(column: Column, rule: str, found: pa.Table, keys: pa.Table) -> pa.Table:
    """The keys found but those of a form (digits as 9, letters as a) that is the site's own or matches by chance."""
    of_all, of_found = (_count_by_form(some) for some in (keys, found))
    own = _OWN_FORM.get((column.name in _PERSON_KEYS, rule))
    spared = [
        form
        for form, count in of_found.items()
        if (of_all[form] >= judged.FEWEST_KEYS and count < _SURELY * of_all[form])
        or (own is not None and of_all[form] >= max(own.fewest, own.share * len(keys)))
    ]
    return found.filter(pc.invert(pc.is_in(_forms(found), pa.array(spared, pa.string()))))


def _count_by_form(keys: pa.Table) -> Counter[str]:
    return Counter(_forms(keys).to_pylist())


def _forms(keys: pa.Table) -> pa.ChunkedArray:
    return pc.replace_substring_regex(pc.replace_substring_regex(keys["values"], r"\d", "9"), "[A-Za-z]", "a")


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
    return f"{FINER_THAN_MONTH}|{ANYWHERE['full_date']}"


def _distinct(cells: pa.ChunkedArray) -> pa.Table:
    counted = pa.table({"values": cells}).group_by("values").aggregate([([], "count_all")])
    return counted.filter(pc.is_valid(counted["values"]))


def _plain(distinct: pa.Table) -> pa.Table:
    """The values with the dashes, blanks and digits of ASCII; most are so already."""
    beyond = pc.invert(pc.string_is_ascii(distinct["values"]))
    if not pc.any(beyond).as_py():
        return distinct
    values = [plain(value) for value in distinct["values"].to_pylist()]
    return _with_values(distinct, pa.array(values, pa.string()))


def _with_values(distinct: pa.Table, values: pa.Array | pa.ChunkedArray) -> pa.Table:
    return distinct.set_column(distinct.column_names.index("values"), "values", values)


def _matching(distinct: pa.Table, pattern: str) -> pa.Table:
    return distinct.filter(pc.match_substring_regex(distinct["values"], pattern))


def _rows(found: pa.Table) -> int:
    return int(pc.sum(found["count_all"]).as_py() or 0)
