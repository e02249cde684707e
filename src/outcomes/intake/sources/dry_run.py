"""Try an import: what it would deliver, what it does not understand, and how the submission would be judged.

Everything happens in the import's private folder, which is removed. What is told holds no value of a record: words are
shown when they are short and shared by many patients, and the rows that are shown are invented.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import duckdb

from outcomes.contract import TABLES, Column, ColumnType, Table
from outcomes.errors import OutcomesError
from outcomes.home import private_files
from outcomes.intake.checking import check_submission
from outcomes.intake.rules import closed_lists
from outcomes.intake.sources.crosswalk import Crosswalk
from outcomes.intake.sources.dated import LeftOut, NotMapped, Source, completed, dated_relation
from outcomes.intake.sources.drugs import PACKAGES
from outcomes.intake.sources.engine import check_place, count, deliver, delivered_tables, make_tables, scratch_folder
from outcomes.intake.sources.hints import hints
from outcomes.intake.sources.index_fusion import CODED, known_codes
from outcomes.lake import RuleResult
from outcomes.settings import Settings
from outcomes.sql.engine import connect

MOST_SHOWN = 50
_EXAMPLES = 5
_WORD = re.compile(r"(?!.*\d{6})[^\W_][\w .:/,+-]{0,18}")
"""A code or a word: longer text, and what has as many digits as a record number, is not shown."""

_INVENTED_KEYS = ("kvbnqwtzmrxpld", "hrtzplmqbvnxkd", "zmqpxwvnrtlbkd", "wbnxkzrtqlmpvd", "ptlrvmxzkwqbnd")
_INVENTED_CODES = {"procedures": "22551", "diagnoses": "M5412", "treatments": "M01AE01"}
_INVENTED_WORDS = {"levels": "C5-6", "level": "C5-6", "index_period": "2023-05", "modifier": "58", "bmi": "27.4"}
_INVENTED_DAYS = (0, 42, 91, 182, 365)


@dataclass(frozen=True)
class Invented:
    """Rows as an import delivers them, with the columns that it fills; their cells are invented."""

    table: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Tried:
    """What an import would do.

    Attributes:
        tables: rows that would be delivered, and columns filled in any of them, by table.
        left_out: what would not be delivered, and why.
        not_mapped: columns and words that the source does not understand, the most frequent first.
        not_listed: codes that no code list of the project reads; they do no harm where patients have fusions.
        refusal: why the submission would be refused, if it would.
        rules: the rules that delivered rows break.
        rows_quarantined: rows that they would cost.
        hints: what in the answers looks as if the mapping took it for something else.
        examples: invented rows in the shape of the delivered ones.
    """

    tables: dict[str, tuple[int, tuple[str, ...]]]
    left_out: tuple[LeftOut, ...]
    not_mapped: tuple[NotMapped, ...]
    not_listed: tuple[NotMapped, ...]
    refusal: OutcomesError | None
    rules: tuple[RuleResult, ...]
    rows_quarantined: int
    hints: tuple[str, ...]
    examples: tuple[Invented, ...]


@private_files()
def try_import(settings: Settings, source: Source, site_id: str, period: str | None = None) -> Tried:
    """Import without writing anything that stays; arguments and errors as of `import_extract`."""
    check_place(settings, source, site_id, period)
    with scratch_folder(settings) as scratch:
        made = scratch / "made" / site_id
        with connect(settings, scratch) as con:
            crosswalk = Crosswalk(settings.crosswalks / f"{site_id}.csv")
            period, left_out = make_tables(con, source, crosswalk, period, scratch)
            tried = _tried(settings, con, source, left_out)
            try:
                deliver(con, source, made / period, scratch, left_out)
            except OutcomesError as refusal:
                return replace(tried, refusal=refusal)
        checked = check_submission(settings, made / period)
        quarantined = sum(one.rows_quarantined for one in checked.tables) if checked.refusal is None else 0
        return replace(tried, refusal=checked.refusal, rules=checked.rules, rows_quarantined=quarantined)


def _tried(settings: Settings, con: duckdb.DuckDBPyConnection, source: Source, left_out: Iterable[LeftOut]) -> Tried:
    """What the tables of an import tell before they are judged."""
    tables = {table: _filled(con, table) for table in delivered_tables(con)}
    return Tried(
        tables={table.name: filled for table, filled in tables.items()},
        left_out=tuple(left_out),
        not_mapped=_shown([*source.not_mapped(con), *_packages(con, tables)], settings.minimum_cell_count),
        not_listed=_shown(_not_listed(con, tables), settings.minimum_cell_count),
        refusal=None,
        rules=(),
        rows_quarantined=0,
        hints=(
            *_joined_modifiers(con),
            *_keys_spelled_otherwise(con, left_out),
            *_several_of_a_key(con, tables),
            *(hints(con) if TABLES["follow_ups"] in tables else ()),
        ),
        examples=tuple(_invented(table, columns) for table, (rows, columns) in tables.items() if rows),
    )


def _filled(con: duckdb.DuckDBPyConnection, table: Table) -> tuple[int, tuple[str, ...]]:
    """The rows of a contract table, and its columns that are filled in any row."""
    names = con.table(table.name).columns
    rows, *filled = con.execute(
        f"select count(*), {', '.join(f'count({name})' for name in names)} from {table.name}"
    ).fetchall()[0]
    return rows, tuple(name for name, cells in zip(names, filled, strict=True) if cells)


def _several_of_a_key(con: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> Iterator[str]:
    """Rows that differ and bear one key of their own: as a change of one row they would count twice.

    Of patients the first row counts, which is told as left out; of stays rule ENC-002 tells it.
    """
    for table in tables:
        if table.name in ("patients", "encounters"):
            continue
        repeated = f"select {table.key} from selected_{table.name} group by {table.key} having count({table.key}) > 1"
        if keys := count(con, f"from ({repeated})"):
            yield (
                f"{keys:,} {table.key} stand in several rows of {table.name} that differ; each row is delivered: are "
                "they changes of one row? Then choose one by where"
            )


_SPELLED = "ltrim(lower(regexp_replace(patient_id, '[^0-9A-Za-z]', '', 'g')), '0')"
"""A patient's key without what tools add or take: leading zeros, blanks, signs that nobody sees."""


def _keys_spelled_otherwise(con: duckdb.DuckDBPyConnection, left_out: Iterable[LeftOut]) -> Iterator[str]:
    """Rows of patients who are among the patients by another spelling of their keys."""
    for name in [one.table for one in left_out if one.reason == "unknown_patient"]:
        rows = count(
            con,
            f"from (select {_SPELLED} as spelled from ({completed(con, TABLES[name])}) "
            "anti join source_patients using (patient_id) where patient_id is not null) "
            f"where spelled <> '' and spelled in (select {_SPELLED} from source_patients where patient_id is not null)",
        )
        if rows:
            yield (
                f"{rows:,} rows of {name} are of patients whose keys are written otherwise among the patients, as with "
                "leading zeros: export them alike"
            )


_WITH_MODIFIER = r"^([0-9]{4}[0-9A-Z]|[A-Z][0-9]{4})( ?[-,;:/] ?| )[0-9A-Z]{2}$"
"""A code of CPT or HCPCS to which its modifier is joined."""


def _joined_modifiers(con: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Codes that no list knows because a modifier follows them; they may well be those of fusions."""
    procedures = dated_relation(TABLES["procedures"])
    rows = count(con, f"from {procedures} where regexp_matches(upper(trim(cast(code as varchar))), '{_WITH_MODIFIER}')")
    if rows:
        yield f"{rows:,} codes of procedures end with a modifier, as in 22551-59: export code and modifier apart"


_HYPHENATED = r"regexp_replace(code, '^([0-9]{5})([0-9]{4})([0-9]{2})$', '\1-\2-\3')"


def _packages(con: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> list[NotMapped]:
    """Packages of drugs that no list of drugs names."""
    if TABLES["treatments"] not in tables:
        return []
    dated = completed(con, TABLES["treatments"])
    rows = con.execute(
        f"select 'NDC ' || {_HYPHENATED}, count(*), count(distinct patient_id) from ({dated}) "
        f"as dated where {PACKAGES} and code is not null group by all"
    ).fetchall()
    return [NotMapped("treatments", "code", *counted) for counted in rows]


def _not_listed(con: duckdb.DuckDBPyConnection, tables: Iterable[Table]) -> list[NotMapped]:
    """Codes that no list reads: of what would be delivered, or where that is nobody, of the whole source."""
    is_anybody = count(con, "from patients") > 0
    coded = {table: table.name if is_anybody else dated_relation(table) for table in CODED if table in tables}
    con.register("known_codes", known_codes(con, list(coded.values())))
    return [
        NotMapped(table.name, "code", f"{system} {code}", rows, patients)
        for table, relation in coded.items()
        for system, code, rows, patients in con.execute(
            f"select code_system, code, count(*), count(distinct patient_id) from {relation} "
            "anti join known_codes using (code_system, code) "
            "where code_system is not null and code is not null group by all"
        ).fetchall()
    ]


def _shown(found: Sequence[NotMapped], fewest: int) -> tuple[NotMapped, ...]:
    """The most frequent, with words that may be shown; of the others their number and rows alone, by column."""
    in_order = sorted(found, key=lambda one: (-one.rows, one.place, one.column, one.word or ""))
    may_be_shown = [one for one in in_order if one.is_column or _is_shared_word(one, fewest)]
    shown = may_be_shown[:MOST_SHOWN]
    others = dict[tuple[str, str], NotMapped]()
    for one in in_order:
        if one not in shown:
            place = (one.place, "" if one.is_column else one.column)
            before = others.get(place, NotMapped(*place, words=0))
            others[place] = replace(before, rows=before.rows + one.rows, words=before.words + one.words)
    return (*shown, *others.values())


def _is_shared_word(one: NotMapped, fewest: int) -> bool:
    return bool(one.word) and one.patients >= fewest and _WORD.fullmatch(one.word or "") is not None


def _invented(table: Table, filled: Iterable[str]) -> Invented:
    columns = [column for column in table.columns if column.name in set(filled)]
    rows = tuple(tuple(_invented_cell(table, column, row) for column in columns) for row in range(_EXAMPLES))
    return Invented(table.name, tuple(column.name for column in columns), rows)


def _invented_cell(table: Table, column: Column, row: int) -> str:
    words = list(dict.fromkeys(closed_lists(table.name).get(column.name, {}).values()))
    if words:
        return words[0 if column.name == "code_system" else row % len(words)]
    if column.name.endswith("_id"):
        is_own = column.name == table.key and table.name not in ("patients", "encounters")
        return _INVENTED_KEYS[row] + (f"-{table.name[0]}000001" if is_own else "")
    if column.is_day:
        return str(_INVENTED_DAYS[row])
    if column.type is ColumnType.BOOLEAN:
        return ("true", "false")[row % 2]
    known = _INVENTED_WORDS | {"code": _INVENTED_CODES.get(table.name, ""), "age_years": str(48 + 5 * row)}
    return known.get(column.name, str(row + 1))
