"""Judge every delivered row by the rules in `expectations/`, one Great Expectations suite per contract table.

Cells are judged first, each by its own column. Facts that span columns, rows or tables are then computed of what is
left, by `sql/validation/<table>.sql`, and judged like any other column. What a broken rule costs:

- critical: the row, which goes to quarantine;
- waiting (critical, with `waits` in its `meta`): the row, for as long as what it names is not delivered;
- warning: a flag on the accepted row;
- info: nothing, it is only counted;
- of a warning or an info with `blanks` in its `meta`, besides: the cell of that column, which is set to missing (`*`:
  each cell that its fact counts). A copy of the row as delivered is kept in quarantine.
"""

import datetime
import gc
import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.contract import TABLES, Column, ColumnType, Table
from outcomes.errors import OutcomesError
from outcomes.intake.inference import LATEST_DAY_WITHOUT_PERIOD, last_date
from outcomes.intake.reading import Cells
from outcomes.lake import BlankedCells, RuleResult
from outcomes.sql.engine import materialize
from outcomes.sql.files import SqlFile
from outcomes.sql.shipped import shipped

if TYPE_CHECKING:
    import pandas as pd

_KNOWN = {"patients": "known_patients", "encounters": "known_encounters"}
"""Relations on which later tables rest, made once the table that they come from is judged."""

_TEXT = "[!-~]{1,64}"
"""Text of the contract is a key, a code or a word of a closed list: visible ASCII without a blank, never free text."""

_KEY = "[A-Za-z0-9][A-Za-z0-9._:-]{0,63}"
"""A key starts with a letter or digit, so that no spreadsheet takes it for a formula."""

_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)"
"""A number is a plain decimal: a cast would also read `1_0` and `1e3`."""

_CODED = {"code": r"^(\d{4,8})\.0*$", "modifier": r"^(\d\d)\.0*$"}
"""Columns of codes: read in capitals, without dots. A blank within makes it words, which are no code.

What matches is a number as a spreadsheet writes it (22551.0): no code has so many digits before a dot of its own.
"""

_SYSTEMS = ("code_system",)
"""Columns of code systems: read in capitals, without blanks, dots, hyphens and underscores (ICD-10-CM)."""

_JOINTS = ("level", "levels")
"""Columns of joints: read in capitals, without blanks and dots."""

ANY_LATER = "any"
"""Whichever later period comes may hold what a row names; sorts after every period."""

_MEASURED_FROM_PATIENT = "days_after_"
"""Begins the facts of critical rules that rest on a patient's data cut or death."""

EVERY_CELL = "*"
"""What the rules on types and on codes for missing blank: each such cell, whichever its column."""

_CELL_FACTS = ("type_failures", "missing_codes")
"""Facts of a row that count its cells: of another type than their column's, with a declared code for missing."""

Expectation = dict[str, Any]


@dataclass(frozen=True)
class Rule:
    """One rule of a suite.

    Attributes:
        code: names it, for good.
        severity: critical, waiting, warning or info.
        reason: what is wrong with a row that breaks it.
        category: conformance, completeness or plausibility (Kahn et al., EGEMS 2016;4:1244).
        context: verification against what the project expects, or validation against a standard from outside.
        columns: what it looks at, of the contract or of the facts.
        blanks: the column whose cell is set to missing in a row that breaks it, if any.
        asks_for_a_value: whether it judges missing cells too; any other rule applies where all its columns are given.
        spares_tombstones: whether a row that only withdraws a key need not keep it.
    """

    code: str
    severity: str
    reason: str
    category: str
    context: str
    columns: tuple[str, ...]
    blanks: str | None
    asks_for_a_value: bool
    spares_tombstones: bool


@dataclass(frozen=True)
class Judgement:
    """One table after validation.

    `accepted` holds flags and the contract's columns, typed. `quarantined` are the refused rows, `pending` those that
    only wait for what they name, `blanked` copies of accepted ones that lost a cell: the contract's columns as
    delivered, then row_number (1 = the first row below the header), rules, reasons and outcome (quarantined, pending
    or blanked). `refusing` counts the quarantined rows by which a submission may be refused: all but those that only
    the data cut or death of a later period's patient makes wrong, or else two months could each refuse the other, and
    the first to come would stay. `cells` counts the cells that accepted rows lost. `looks_ahead_to`: where a row names
    a patient or an encounter that no period up to this one holds, the last of the later periods that first hold one;
    `ANY_LATER` when none does.
    """

    table: Table
    accepted: pa.Table
    quarantined: pa.Table
    pending: pa.Table
    blanked: pa.Table
    refusing: int
    cells: tuple[BlankedCells, ...]
    rules: tuple[RuleResult, ...]
    looks_ahead_to: str | None


@cache
def rules_sha256() -> str:
    """A digest of the rules by which submissions are judged: the contract, the suites and the facts that they judge."""
    files = [*shipped("expectations").glob("*.json"), *shipped("sql", "validation").glob("*.sql")]
    rules_now = {path.name: path.read_text(encoding="utf-8") for path in sorted(files)}
    contract = [(table.name, table.key, [astuple(column) for column in table.columns]) for table in TABLES.values()]
    return hashlib.sha256(json.dumps([rules_now, contract], default=str).encode()).hexdigest()


def suite(table: str) -> dict[str, Any]:
    """The Great Expectations suite of a contract table, as written in `expectations/`."""
    fields: dict[str, Any] = json.loads(shipped("expectations", f"{table}.json").read_text(encoding="utf-8"))
    return fields


def rules(table: str) -> list[Rule]:
    """The rules of a contract table, in the order of its suite."""
    return [_rule(expectation) for expectation in suite(table)["expectations"]]


def _rule(expectation: Expectation) -> Rule:
    asked, meta = expectation["kwargs"], expectation["meta"]
    return Rule(
        code=meta["code"],
        severity="waiting" if meta.get("waits") else expectation["severity"],
        reason=meta["reason"],
        category=meta["category"],
        context=meta["context"],
        columns=tuple(asked[name] for name in ("column", "column_A", "column_B") if name in asked),
        blanks=meta.get("blanks"),
        asks_for_a_value=expectation["type"] == "expect_column_values_to_not_be_null",
        spares_tombstones=not meta.get("tombstones", False),
    )


def validate(
    con: duckdb.DuckDBPyConnection, tables: Mapping[str, Cells], site_id: str, kind: str, data_cut: datetime.date
) -> list[Judgement]:
    """Judge the tables of one submission.

    Args:
        con: a connection to which `Lake.attach_context` has attached what the site's other periods hold.
        tables: the delivered tables by name.
        site_id: the site that delivered them.
        kind: full or incremental; only an incremental submission may rest on rows already in the lake.
        data_cut: the date on which the extract was cut.

    Raises:
        OutcomesError: rule_not_evaluated.
    """
    con.execute(
        "create or replace table submission as "
        "select $1 as site_id, $2 as kind, $3 as last_date, $4 as latest_day_without_period",
        [site_id, kind, last_date(data_cut), LATEST_DAY_WITHOUT_PERIOD],
    )
    expectations = _Expectations()
    judgements = []
    for table in TABLES.values():
        accepted = table.schema.empty_table()
        if table.name in tables:
            judgement = _judge(con, expectations, table, tables[table.name])
            judgements.append(judgement)
            accepted = judgement.accepted
        if table.name in _KNOWN:
            con.register(f"accepted_{table.name}", accepted)
            materialize(con, [SqlFile(shipped("sql", "validation", f"{_KNOWN[table.name]}.sql"))])
    return judgements


def _judge(con: duckdb.DuckDBPyConnection, expectations: "_Expectations", table: Table, cells: Cells) -> Judgement:
    written = suite(table.name)["expectations"]
    con.register("written", cells.delivered.append_column("row_number", _row_numbers(cells)))
    con.register("suite_rules", _rules_table(table.name))
    _type_cells(con, table, cells)
    con.execute("create or replace table broken (row_number bigint, position bigint)")
    con.execute('create or replace table blanked (row_number bigint, position bigint, "column" varchar)')
    results: dict[str, RuleResult] = {}
    of_cells = {*table.schema.names, *_CELL_FACTS}
    for are_of_cells, rows in ((True, f"from delivered_{table.name}"), (False, _rows_with_facts(table))):
        stage = [one for one in written if (one["kwargs"].get("column") in of_cells) is are_of_cells]
        results |= _apply(con, expectations, table, stage, rows)
    if table.name == "patients":
        con.execute(_KEEP_EARLIER_CUT)
    con.execute(_REFUSED)
    kept = con.sql(_kept_rows(table)).to_arrow_table()
    return Judgement(
        table=table,
        accepted=con.sql(_accepted_rows(table)).to_arrow_table(),
        quarantined=kept.filter(pc.equal(kept["outcome"], "quarantined")),
        pending=kept.filter(pc.equal(kept["outcome"], "pending")),
        blanked=kept.filter(pc.equal(kept["outcome"], "blanked")),
        refusing=_refusing(con, table),
        cells=tuple(BlankedCells(table.name, *counted) for counted in con.sql(_CELLS_LOST).fetchall()),
        rules=tuple(results[one["meta"]["code"]] for one in written),
        looks_ahead_to=_looks_ahead_to(con, table),
    )


def _refusing(con: duckdb.DuckDBPyConnection, table: Table) -> int:
    """How many quarantined rows would be so, were no later period there."""
    by_later_patient = "false"
    if table is not TABLES["patients"]:
        by_later_patient = (
            f"starts_with(suite_rules.fact, '{_MEASURED_FROM_PATIENT}') and broken.row_number in ("
            f"select row_number from delivered_{table.name} semi join "
            "(from known_patients where later_period is not null) using (patient_id))"
        )
    ((rows,),) = con.execute(
        "select count(distinct broken.row_number) from broken inner join suite_rules "
        "on broken.position = suite_rules.position and suite_rules.severity = 'critical' "
        f"where not ({by_later_patient})"
    ).fetchall()
    return int(rows)


def _looks_ahead_to(con: duckdb.DuckDBPyConnection, table: Table) -> str | None:
    """The last later period that first holds what a delivered row names and no period up to this one does."""
    named = {"patient_id": "known_patients", "encounter_id": "known_encounters"}
    ahead = [
        f"select case when known.{name} is null then '{ANY_LATER}' else known.later_period end as period "
        f"from delivered_{table.name} as delivered left join {known} as known using ({name}) where {name} is not null"
        for name, known in named.items()
        if name in table.schema.names and name != table.key
    ]
    ((found,),) = (
        con.execute(f"select max(period) from ({' union all '.join(ahead)})").fetchall() if ahead else [(None,)]
    )
    return found


def cells_null_already(con: duckdb.DuckDBPyConnection, table: Table, cells: Cells) -> pa.Table:
    """The cells that the rules on types and on codes for missing look at, before any other rule.

    Args:
        con: a connection that may create relations.
        table: the contract table.
        cells: its rows.

    Returns:
        row_number (1 = the first), fact (type_failures or missing_codes) and column of each such cell.
    """
    _type_cells(con, table, cells)
    return con.sql('select * from cells_null_already order by row_number, fact, "column"').to_arrow_table()


def _type_cells(con: duckdb.DuckDBPyConnection, table: Table, cells: Cells) -> None:
    """Make the table of typed rows, and the view of the cells that could not take their type or are coded missing."""
    con.register("cells", cells.read.append_column("row_number", _row_numbers(cells)))
    # Appended to no column at all, it would have as many rows as there are columns: none.
    coded = dict(zip(cells.coded.column_names, cells.coded.columns, strict=True))
    con.register("coded", pa.table({"row_number": _row_numbers(cells)} | coded))
    con.execute(f"create or replace table delivered_{table.name} as {_typed_rows(table, cells.coded.column_names)}")
    con.execute(
        f"create or replace temp view cells_null_already as {_cells_null_already(table, cells.coded.column_names)}"
    )


def _row_numbers(cells: Cells) -> pa.Array:
    return pa.array(np.arange(1, cells.rows + 1))


def _apply(
    con: duckdb.DuckDBPyConnection,
    expectations: "_Expectations",
    table: Table,
    stage: list[Expectation],
    rows: str,
) -> dict[str, RuleResult]:
    """Judge the rows by some rules of the suite, note who broke them, and blank the cells that this costs."""
    frame = _frame(con, rows, {"deleted", *(column for one in stage for column in _rule(one).columns)})
    is_tombstone = frame["deleted"].eq(True)
    tombstones = frozenset(frame.index[is_tombstone])
    checked = {one["meta"]["code"]: _rows_checked(_rule(one), frame, is_tombstone) for one in stage}
    broken = expectations.broken_rows(table.name, frame, [one for one in stage if checked[one["meta"]["code"]]])
    results, noted = {}, []
    for rule in map(_rule, stage):
        rows_failed = [row for row in broken.get(rule.code, ()) if not (rule.spares_tombstones and row in tombstones)]
        noted += [(row, rule.code) for row in rows_failed]
        results[rule.code] = RuleResult(
            table.name, rule.code, rule.severity, rule.reason, checked[rule.code], len(rows_failed)
        )
    if noted:
        numbers, codes = zip(*noted, strict=True)
        con.register("noted", pa.table({"row_number": pa.array(numbers, pa.int64()), "rule": pa.array(codes)}))
        con.execute(_NOTE)
        lost = {rule.blanks for rule in map(_rule, stage) if rule.blanks and results[rule.code].rows_failed}
        if EVERY_CELL in lost:
            con.execute(_NOTE_NULL_ALREADY)
        if lost - {EVERY_CELL}:
            con.execute(_blank(table, sorted(lost - {EVERY_CELL})))
    return results


def _blank(table: Table, columns: list[str]) -> str:
    """SQL: set the cells to missing that broken rules cost, in one pass over these columns."""
    kept = ", ".join(f'"{name}" = case when not lost."{name}" then delivered."{name}" end' for name in columns)
    lost = ", ".join(f'bool_or("column" = \'{name}\') as "{name}"' for name in columns)
    return (
        f"update delivered_{table.name} as delivered set {kept} "
        f"from (select row_number, {lost} from blanked group by row_number) as lost "
        "where delivered.row_number = lost.row_number"
    )


def _frame(con: duckdb.DuckDBPyConnection, rows: str, columns: set[str]) -> "pd.DataFrame":
    """The columns of the rows that are looked at; the unnamed index holds the row number, which results then name."""
    found = con.sql(rows)
    names = ", ".join(f'"{name}"' for name in found.columns if name in columns or name == "row_number")
    table = found.project(names).order("row_number").to_arrow_table()
    # Great Expectations compares whole columns of 64 bits, and narrower numbers one by one.
    wide = [field.with_type(pa.int64()) if pa.types.is_integer(field.type) else field for field in table.schema]
    frame: pd.DataFrame = table.cast(pa.schema(wide)).to_pandas()
    return frame.set_index("row_number").rename_axis(None)


def _rows_checked(rule: Rule, frame: "pd.DataFrame", is_tombstone: "pd.Series[bool]") -> int:
    """The number of rows to which a rule applies: those where all that it looks at is given."""
    applies = ~is_tombstone if rule.spares_tombstones else is_tombstone | True
    for column in rule.columns:
        # What is not there at all is for Great Expectations to find: the rule then cannot be evaluated.
        if column in frame.columns and not rule.asks_for_a_value:
            applies &= frame[column].notna()
    return int(applies.sum())


def _rules_table(table: str) -> pa.Table:
    """The rules of a suite with their positions in it, for SQL."""
    listed = rules(table)
    texts = ("code", "severity", "reason", "blanks")
    return pa.table(
        {"position": pa.array(range(len(listed)), pa.int64()), "fact": pa.array([rule.columns[0] for rule in listed])}
        | {name: pa.array([getattr(rule, name) for rule in listed], pa.string()) for name in texts}
    )


_NOTE = f"""
    insert into broken
    select noted.row_number, suite_rules.position
    from noted
    inner join suite_rules on noted.rule = suite_rules.code;

    insert into blanked
    select noted.row_number, suite_rules.position, suite_rules.blanks
    from noted
    inner join suite_rules on noted.rule = suite_rules.code
    where suite_rules.blanks <> '{EVERY_CELL}'
"""

_NOTE_NULL_ALREADY = f"""
    insert into blanked
    select noted.row_number, suite_rules.position, lost."column"
    from noted
    inner join suite_rules on noted.rule = suite_rules.code and suite_rules.blanks = '{EVERY_CELL}'
    inner join cells_null_already as lost on noted.row_number = lost.row_number and suite_rules.fact = lost.fact
"""

_KEEP_EARLIER_CUT = """
    update delivered_patients as delivered set data_cut_day = in_force.data_cut_day
    from (
        select patients.patient_id, patients.data_cut_day
        from patients
        inner join submission on patients.site_id = submission.site_id and submission.kind = 'incremental'
    ) as in_force
    where
        delivered.patient_id = in_force.patient_id
        and delivered.data_cut_day is null
        and not coalesce(delivered.deleted, false)
"""
"""A cut that is not stated again, or not readably, stays in force: without one nothing bounds what was observed."""

_REFUSED = """
    create or replace table refused as
    select broken.row_number, bool_and(suite_rules.severity = 'waiting') as is_pending
    from broken
    inner join suite_rules on broken.position = suite_rules.position and suite_rules.severity in ('critical', 'waiting')
    group by broken.row_number
"""

_CELLS_LOST = """
    select suite_rules.code, blanked."column", count(*)
    from blanked
    inner join suite_rules on blanked.position = suite_rules.position
    where blanked.row_number not in (select row_number from refused)
    group by blanked.position, suite_rules.code, blanked."column"
    order by blanked.position, blanked."column"
"""


def _typed_rows(table: Table, coded: list[str]) -> str:
    """SQL: `cells` in the contract's types; a cell that cannot take its type is null and counts in type_failures.

    Of the `coded` columns missing_codes counts the cells with a declared code for missing; without any it is null.
    """
    words = _closed_lists(table.name)
    typed = ", ".join(f'{_typed(column, words.get(column.name, {}))} as "{column.name}"' for column in table.columns)
    failures = " + ".join(f"cast({_is_mistyped(name)} as integer)" for name in table.schema.names if name != "deleted")
    codes = " + ".join(f'cast(coded."{name}" as integer)' for name in coded) or "cast(null as integer)"
    return (
        f"with typed as (select row_number, {typed} from cells) "
        f"select typed.*, {failures} as type_failures, {codes} as missing_codes, "
        "case when cells.deleted is not null then typed.deleted is not null end as deleted_is_readable "
        "from typed inner join cells on typed.row_number = cells.row_number "
        "inner join coded on typed.row_number = coded.row_number"
    )


def _is_mistyped(name: str) -> str:
    return f'(cells."{name}" is not null and typed."{name}" is null)'


def _cells_null_already(table: Table, coded: list[str]) -> str:
    """SQL: row number, fact and column of each cell that one of the facts on cells counts."""
    mistyped = [f"case when {_is_mistyped(name)} then '{name}' end" for name in table.schema.names if name != "deleted"]
    missing = [f"case when coded.\"{name}\" then '{name}' end" for name in coded] or ["cast(null as varchar)"]
    return " union all ".join(
        f"select * from (select typed.row_number, '{fact}' as fact, unnest([{', '.join(names)}]) as \"column\" "
        f"from delivered_{table.name} as typed inner join cells on typed.row_number = cells.row_number "
        f'inner join coded on typed.row_number = coded.row_number where typed.{fact} > 0) where "column" is not null'
        for fact, names in zip(_CELL_FACTS, (mistyped, missing), strict=True)
    )


def _closed_lists(table: str) -> dict[str, dict[str, str]]:
    """For each column with a closed list its words, by how they may be spelled in small letters."""
    return {
        one["kwargs"]["column"]: {word.lower(): word for word in one["kwargs"]["value_set"]}
        | one["meta"].get("spellings", {})
        for one in suite(table)["expectations"]
        if one["type"] == "expect_column_values_to_be_in_set" and one["kwargs"]["column"] in TABLES[table].schema.names
    }


def _rows_with_facts(table: Table) -> str:
    """SQL: the rows as they are left, with the facts that span columns, rows or tables."""
    facts = SqlFile(shipped("sql", "validation", f"{table.name}.sql")).select
    return (
        f"select delivered.*, facts.* exclude (row_number) from delivered_{table.name} as delivered "
        f"inner join ({facts}) as facts on delivered.row_number = facts.row_number"
    )


def _typed(column: Column, words: Mapping[str, str]) -> str:
    """SQL: a cell in its column's type and the contract's spelling, null when it cannot take them.

    Args:
        column: of the contract.
        words: its closed list, by how each word may be spelled in small letters; empty when it has none.
    """
    cell = f'"{column.name}"'
    number = f"case when regexp_full_match({cell}, '{_NUMBER}') then try_cast({cell} as double) end"
    match column.type:
        case ColumnType.INTEGER:
            # Casting to bigint at once would round 3.7 to 4. No integer of the contract needs more than 32 bits, and
            # the difference of two of them cannot overflow.
            whole = f"abs({number}) <= {2**31 - 1} and {number} = trunc({number})"
            return f"case when {whole} then try_cast({number} as bigint) end"
        case ColumnType.DECIMAL:
            return f"case when isfinite({number}) then {number} end"
        case ColumnType.BOOLEAN:
            # A spreadsheet writes 1.0 and 0.0.
            number = rf"regexp_replace({cell}, '^0*([01])\.0*$', '\1')"
            return f"try_cast(replace({number}, '.', '') as boolean)"
        case ColumnType.TEXT:
            text = cell
            if column.name in _CODED:
                number = rf"regexp_replace({cell}, '{_CODED[column.name]}', '\1')"
                text = f"upper(replace({number}, '.', ''))"
            if column.name in _SYSTEMS:
                text = f"upper(regexp_replace({cell}, '[ ._-]', '', 'g'))"
            if column.name in _JOINTS:
                text = f"upper(regexp_replace({cell}, '[ .]', '', 'g'))"
            if words:
                spelled = " ".join(f"when '{spelling}' then '{word}'" for spelling, word in words.items())
                text = f"case lower(replace({text}, '.', '')) {spelled} else {text} end"
            pattern = _KEY if column.name.endswith("_id") else _TEXT
            return f"case when regexp_full_match({text}, '{pattern}') then {text} end"


def _accepted_rows(table: Table) -> str:
    columns = ", ".join(f'delivered."{name}"' for name in table.schema.names)
    return f"""
        with warned as (
            select broken.row_number, string_agg(suite_rules.code, ';' order by broken.position) as flags
            from broken
            inner join suite_rules on broken.position = suite_rules.position and suite_rules.severity = 'warning'
            group by broken.row_number
        )
        select warned.flags, {columns}
        from delivered_{table.name} as delivered
        left join warned on delivered.row_number = warned.row_number
        where delivered.row_number not in (select row_number from refused)
        order by delivered.row_number
    """


def _kept_rows(table: Table) -> str:
    """SQL: rows as delivered, with the rules that cost them their place in the lake or a cell."""
    columns = ", ".join(f'written."{name}"' for name in table.schema.names)
    return f"""
        with cost as (
            select
                broken.row_number,
                string_agg(suite_rules.code, ';' order by broken.position) as rules,
                string_agg(suite_rules.reason, '; ' order by broken.position) as reasons
            from broken
            inner join suite_rules
                on broken.position = suite_rules.position
                and (suite_rules.severity in ('critical', 'waiting') or suite_rules.blanks is not null)
            group by broken.row_number
        )
        select
            {columns}, written.row_number, cost.rules, cost.reasons,
            case
                when refused.row_number is null then 'blanked'
                when refused.is_pending then 'pending'
                else 'quarantined'
            end as outcome
        from written
        inner join cost on written.row_number = cost.row_number
        left join refused on written.row_number = refused.row_number
        order by written.row_number
    """


class _Expectations:
    """Great Expectations, imported when first needed (it costs seconds) and kept quiet.

    It writes cells into its results, log lines and errors, so only row numbers leave this class. Its validator would
    make each expectation, and the graph of the metrics that it asks for, anew for every table of every submission,
    which costs ten times what their evaluation does; here they are made once in a process.
    """

    def __init__(self) -> None:
        _import_once()
        from great_expectations.execution_engine import PandasExecutionEngine  # noqa: PLC0415 - see the class

        self._engine = PandasExecutionEngine()

    def broken_rows(self, table: str, frame: "pd.DataFrame", expectations: list[Expectation]) -> dict[str, list[int]]:
        """For each of the expectations that some row breaks or could, the row numbers that break it.

        Each one costs about 1 ms however few the rows, and sites leave whole instruments empty: give those alone that
        apply to some row.

        Raises:
            OutcomesError: rule_not_evaluated.
        """
        self._engine.load_batch_data(_BATCH, frame)
        counts = self._values(table, "unexpected_count", expectations)
        broken = [one for one in expectations if counts[one["meta"]["code"]]]
        rows = self._values(table, "unexpected_index_list", broken)
        return {code: [int(row) for row in rows.get(code, ())] for code in counts}

    def _values(self, table: str, metric: str, expectations: list[Expectation]) -> dict[str, Any]:
        """What a metric of each expectation is, by the expectation's code."""
        from great_expectations.validator.metrics_calculator import MetricsCalculator  # noqa: PLC0415 - see the class
        from great_expectations.validator.validation_graph import ValidationGraph  # noqa: PLC0415

        asked = {one["meta"]["code"]: _metric(table, one["meta"]["code"], metric) for one in expectations}
        graph = ValidationGraph(self._engine, [edge for one in asked.values() for edge in one.edges])
        calculator = MetricsCalculator(self._engine, show_progress_bars=False)
        values, _ = calculator.resolve_validation_graph(graph, dict(_COMPLETE))
        for code, one in asked.items():
            if one.id not in values:
                # The exception that GX keeps may quote a cell.
                raise OutcomesError("rule_not_evaluated", f"{table}: {code}")
        return {code: values[one.id] for code, one in asked.items()}


@cache
def _import_once() -> None:
    import great_expectations  # noqa: F401, PLC0415 - see `_Expectations`

    # Some of its modules set their own level when they are imported.
    for name in [name for name in logging.root.manager.loggerDict if name.startswith("great_expectations")]:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    # What it leaves behind stays: a seventh of a small submission's time went into looking for waste among it.
    gc.collect()
    gc.freeze()


_BATCH = "rows"
_COMPLETE = {"result_format": {"result_format": "COMPLETE", "return_unexpected_index_query": False}}


@dataclass(frozen=True)
class _Metric:
    """A metric of an expectation: its id, and the edges of the graph of the metrics on which it rests."""

    id: tuple[str, str, str]
    edges: list[Any]


@cache
def _metric(table: str, code: str, metric: str) -> _Metric:
    from great_expectations.execution_engine import PandasExecutionEngine  # noqa: PLC0415 - see `_Expectations`
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration  # noqa: PLC0415
    from great_expectations.validator.metrics_calculator import MetricsCalculator  # noqa: PLC0415

    written = next(one for one in suite(table)["expectations"] if one["meta"]["code"] == code)
    asked = written["kwargs"] | {"batch_id": _BATCH}
    expectation = ExpectationConfiguration(type=written["type"], kwargs=asked).to_domain_obj()
    engine = PandasExecutionEngine()
    metrics = expectation.get_validation_dependencies(engine, dict(_COMPLETE)).metric_configurations
    found = metrics[f"{expectation.map_metric}.{metric}"]
    graph = MetricsCalculator(engine).build_metric_dependency_graph([found], dict(_COMPLETE))
    return _Metric(found.id, graph.edges)
