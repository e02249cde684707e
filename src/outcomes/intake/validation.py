"""Judge every delivered row by the rules in `expectations/`, one Great Expectations suite per contract table.

Facts that span rows, tables or columns are computed first, by `sql/validation/<table>.sql`; the suite then judges
them like any other column. A row that breaks a critical rule goes to quarantine, one that breaks a warning rule is
accepted with a flag, an info rule is only counted.
"""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from outcomes.contract import TABLES, Column, ColumnType, Table
from outcomes.errors import OutcomesError
from outcomes.lake import RuleResult
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

_TEXTS = ("rule", "severity", "reason")
_BROKEN = pa.schema({"row_number": pa.int64(), "position": pa.int64()} | dict.fromkeys(_TEXTS, pa.string()))


@dataclass(frozen=True)
class Rule:
    """One rule of a suite; `spares_tombstones` when a row that only withdraws a key need not keep it."""

    code: str
    severity: str
    reason: str
    spares_tombstones: bool


@dataclass(frozen=True)
class Judgement:
    """One table after validation.

    `accepted` holds flags and the contract's columns, typed; `quarantined` the contract's columns as delivered, then
    row_number (1 = the first row below the header), rules and reasons.
    """

    table: Table
    accepted: pa.Table
    quarantined: pa.Table
    rules: tuple[RuleResult, ...]


def suite(table: str) -> dict[str, Any]:
    """The Great Expectations suite of a contract table, as written in `expectations/`."""
    fields: dict[str, Any] = json.loads(shipped("expectations", f"{table}.json").read_text(encoding="utf-8"))
    return fields


def rules(table: str) -> list[Rule]:
    """The rules of a contract table, in the order of its suite."""
    return [
        Rule(
            code=expectation["meta"]["code"],
            severity=expectation["severity"],
            reason=expectation["meta"]["reason"],
            spares_tombstones=not expectation["meta"].get("tombstones", False),
        )
        for expectation in suite(table)["expectations"]
    ]


def validate(
    con: duckdb.DuckDBPyConnection, tables: Mapping[str, pa.Table], site_id: str, kind: str
) -> list[Judgement]:
    """Judge the tables of one submission.

    Args:
        con: a connection to which the lake is attached, as known before the submission's period.
        tables: the delivered tables by name, every cell a string or null.
        site_id: the site that delivered them.
        kind: full or incremental; only an incremental submission may rest on rows already in the lake.

    Raises:
        OutcomesError: rule_not_evaluated.
    """
    con.execute("create or replace table submission as select $1 as site_id, $2 as kind", [site_id, kind])
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


def _judge(con: duckdb.DuckDBPyConnection, expectations: "_Expectations", table: Table, cells: pa.Table) -> Judgement:
    con.register("cells", cells.append_column("row_number", pa.array(range(1, cells.num_rows + 1), pa.int64())))
    con.execute(f"create or replace table delivered_{table.name} as {_typed_rows(table)}")
    frame = _frame(con, table)
    tombstones = frozenset(frame.index[frame["deleted"].eq(True)])
    broken = expectations.broken_rows(table.name, frame)
    suite_rules = rules(table.name)
    kept = {
        rule.code: [row for row in broken[rule.code] if not (rule.spares_tombstones and row in tombstones)]
        for rule in suite_rules
    }
    con.register("broken", _broken_table(suite_rules, kept))
    return Judgement(
        table=table,
        accepted=con.sql(_accepted_rows(table)).to_arrow_table(),
        quarantined=con.sql(_quarantined_rows(table)).to_arrow_table(),
        rules=tuple(
            RuleResult(
                source_table=table.name,
                rule=rule.code,
                severity=rule.severity,
                reason=rule.reason,
                rows_checked=len(frame) - (len(tombstones) if rule.spares_tombstones else 0),
                rows_failed=len(kept[rule.code]),
            )
            for rule in suite_rules
        ),
    )


def _frame(con: duckdb.DuckDBPyConnection, table: Table) -> "pd.DataFrame":
    """The typed rows and their facts; the unnamed index holds the row number, which results then name."""
    facts = SqlFile(shipped("sql", "validation", f"{table.name}.sql")).select
    joined = con.sql(
        f"select delivered.*, facts.* exclude (row_number) from delivered_{table.name} as delivered "
        f"inner join ({facts}) as facts on delivered.row_number = facts.row_number order by delivered.row_number"
    )
    frame: pd.DataFrame = joined.to_arrow_table().to_pandas()
    return frame.set_index("row_number").rename_axis(None)


def _broken_table(suite_rules: list[Rule], broken: Mapping[str, list[int]]) -> pa.Table:
    rows = [
        {"row_number": row, "position": position, "rule": rule.code, "severity": rule.severity, "reason": rule.reason}
        for position, rule in enumerate(suite_rules)
        for row in broken[rule.code]
    ]
    return pa.Table.from_pylist(rows, schema=_BROKEN)


def _typed_rows(table: Table) -> str:
    """SQL: `cells` in the contract's types; a cell that cannot take its type is null and counts in type_failures."""
    typed = ", ".join(f'{_typed(column)} as "{column.name}"' for column in table.columns)
    failures = " + ".join(
        f'cast(cells."{name}" is not null and typed."{name}" is null as integer)' for name in table.schema.names
    )
    return (
        f"with typed as (select row_number, {typed} from cells) "
        f"select typed.*, {failures} as type_failures "
        "from typed inner join cells on typed.row_number = cells.row_number"
    )


def _typed(column: Column) -> str:
    number = f'try_cast("{column.name}" as double)'
    match column.type:
        case ColumnType.INTEGER:
            # Casting to bigint at once would round 3.7 to 4. No integer of the contract needs more than 32 bits, and
            # the difference of two of them cannot overflow.
            whole = f"abs({number}) <= {2**31 - 1} and {number} = trunc({number})"
            return f"case when {whole} then try_cast({number} as bigint) end"
        case ColumnType.DECIMAL:
            return f"case when isfinite({number}) then {number} end"
        case ColumnType.BOOLEAN:
            return f'try_cast("{column.name}" as boolean)'
        case ColumnType.TEXT:
            text = f"replace(\"{column.name}\", '.', '')" if column.name == "code" else f'"{column.name}"'
            pattern = _KEY if column.name.endswith("_id") else _TEXT
            return f"case when regexp_full_match({text}, '{pattern}') then {text} end"


def _accepted_rows(table: Table) -> str:
    columns = ", ".join(f'delivered."{name}"' for name in table.schema.names)
    return f"""
        with critical as (
            select distinct row_number from broken where severity = 'critical'
        ),
        warned as (
            select row_number, string_agg(rule, ';' order by position) as flags
            from broken
            where severity = 'warning'
            group by row_number
        )
        select warned.flags, {columns}
        from delivered_{table.name} as delivered
        left join critical on delivered.row_number = critical.row_number
        left join warned on delivered.row_number = warned.row_number
        where critical.row_number is null
        order by delivered.row_number
    """


def _quarantined_rows(table: Table) -> str:
    columns = ", ".join(f'cells."{name}"' for name in table.schema.names)
    return f"""
        with critical as (
            select
                row_number,
                string_agg(rule, ';' order by position) as rules,
                string_agg(reason, '; ' order by position) as reasons
            from broken
            where severity = 'critical'
            group by row_number
        )
        select {columns}, cells.row_number, critical.rules, critical.reasons
        from cells
        inner join critical on cells.row_number = critical.row_number
        order by cells.row_number
    """


class _Expectations:
    """Great Expectations, imported when first needed (it costs seconds) and kept quiet.

    It writes cells into its results, log lines and errors, so only row numbers leave this class.
    """

    def __init__(self) -> None:
        import great_expectations as gx  # noqa: PLC0415 - see the class
        from great_expectations.data_context.types.base import ProgressBarsConfig  # noqa: PLC0415

        # Some of its modules set their own level when they are imported.
        for name in [name for name in logging.root.manager.loggerDict if name.startswith("great_expectations")]:
            logging.getLogger(name).setLevel(logging.CRITICAL)

        self._suite = gx.ExpectationSuite
        context = gx.get_context(mode="ephemeral")
        context.enable_analytics(False)
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        # One asset for all tables: each one added costs a rewrite of the context's configuration.
        asset = context.data_sources.add_pandas("submission").add_dataframe_asset("table")
        self._rows = asset.add_batch_definition_whole_dataframe("rows")

    def broken_rows(self, table: str, frame: "pd.DataFrame") -> dict[str, list[int]]:
        """For each rule of a table's suite, the row numbers that break it.

        Raises:
            OutcomesError: rule_not_evaluated.
        """
        batch = self._rows.get_batch({"dataframe": frame})
        written = suite(table)
        telling = [one for one in written["expectations"] if _can_be_broken(one, frame)]
        validated = batch.validate(
            self._suite(name=table, expectations=telling),
            result_format={"result_format": "COMPLETE", "return_unexpected_index_query": False},
        )
        sound: dict[str, list[int]] = {one["meta"]["code"]: [] for one in written["expectations"]}
        return sound | {result.expectation_config.meta["code"]: _rows_of(table, result) for result in validated.results}


def _can_be_broken(expectation: dict[str, Any], frame: "pd.DataFrame") -> bool:
    """Whether a rule needs evaluating: only a missing-value rule can be broken by a column without any value.

    Each rule costs about 8 ms however few the rows, and sites leave whole instruments empty.
    """
    column = expectation["kwargs"].get("column")
    is_about_missing = expectation["type"] == "expect_column_values_to_not_be_null"
    return is_about_missing or column not in frame.columns or bool(frame[column].notna().any())


def _rows_of(table: str, result: Any) -> list[int]:
    if "element_count" not in result.result:
        # The exception that GX keeps here may quote a cell.
        raise OutcomesError("rule_not_evaluated", f"{table}: {result.expectation_config.meta['code']}")
    return [int(row) for row in result.result.get("unexpected_index_list") or ()]
