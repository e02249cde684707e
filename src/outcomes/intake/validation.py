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
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from outcomes.arrays import Ids, Mask
from outcomes.contract import TABLES, Table
from outcomes.intake.expectations import Expectations
from outcomes.intake.inference import LATEST_DAY_WITHOUT_PERIOD, last_date
from outcomes.intake.reading import Cells
from outcomes.intake.rules import CELL_FACTS, COST_THE_ROW, EVERY_CELL, Expectation, Rule, rule_of, suite
from outcomes.intake.typed import cells_null_already, typed_rows
from outcomes.lake import BlankedCells, RuleResult
from outcomes.sql.engine import materialize
from outcomes.sql.files import SqlFile
from outcomes.sql.shipped import shipped

_KNOWN = {"patients": "known_patients", "encounters": "known_encounters"}
"""Relations on which later tables rest, made once the table that they come from is judged."""

_NAMED_AHEAD = pa.schema({"key": pa.string(), "period": pa.string()})

_MEASURED_FROM_PATIENT = "days_after_"
"""Begins the facts of critical rules that rest on a patient's data cut or death."""

_NO_ROWS: Ids = np.array([], dtype=np.intp)

_FIRST = 10
"""Rows that break a rule, to be looked up by whoever wrote the file."""


@dataclass(frozen=True)
class Judgement:
    """One table after validation.

    `accepted` holds flags and the contract's columns, typed. `quarantined` are the refused rows, `pending` those that
    only wait for what they name, `blanked` copies of accepted ones that lost a cell: the contract's columns as
    delivered, then row_number (1 = the first row below the header), rules, reasons and outcome (quarantined, pending
    or blanked). `refusing` counts the quarantined rows by which a submission may be refused: all but those that only
    the data cut or death of a later period's patient makes wrong, or else two months could each refuse the other, and
    the first to come would stay. `cells` counts the cells that accepted rows lost. `first_rows` are the first row
    numbers that break each broken rule, by its code. `named_ahead` are the keys of patients and encounters that rows
    name and no period up to this one holds, each with the later period that first holds it, null when none does.
    """

    table: Table
    accepted: pa.Table
    quarantined: pa.Table
    pending: pa.Table
    blanked: pa.Table
    refusing: int
    cells: tuple[BlankedCells, ...]
    rules: tuple[RuleResult, ...]
    first_rows: Mapping[str, tuple[int, ...]]
    named_ahead: pa.Table


@dataclass(frozen=True)
class _Broken:
    """A rule, the row numbers that break it, and the number of rows to which it applies."""

    rule: Rule
    rows: Ids
    rows_checked: int


@dataclass(frozen=True)
class _Lost:
    """The cells of one column, by row number, that a broken rule costs."""

    code: str
    column: str
    rows: Ids


@dataclass(frozen=True)
class JudgedCells:
    """A table whose cells were judged, each by its own column, whatever other tables and periods hold.

    Attributes:
        cells: as delivered.
        rows: as `typed_rows` gives them, without the cells that broken rules cost.
        broken: each rule on cells by its code.
        lost: the cells that they cost.
    """

    cells: Cells
    rows: pa.Table
    broken: Mapping[str, _Broken]
    lost: Sequence[_Lost]

    @property
    def nbytes(self) -> int:
        """The bytes that it takes, about."""
        return int(self.cells.delivered.nbytes + self.cells.read.nbytes + self.rows.nbytes)


def judge_cells(table: Table, cells: Cells) -> JudgedCells:
    """Judge the cells of a delivered table, each by its own column.

    Raises:
        OutcomesError: rule_not_evaluated.
    """
    rows = typed_rows(table, cells)
    broken = _broken(table, _stage(table, of_cells=True), rows)
    lost = [*_lost(broken.values()), *_lost_already(broken.values(), cells, rows)]
    return JudgedCells(cells, _without(rows, lost), broken, lost)


def validate(
    con: duckdb.DuckDBPyConnection, tables: Mapping[str, JudgedCells], site_id: str, kind: str, data_cut: datetime.date
) -> list[Judgement]:
    """Judge the tables of one submission.

    Args:
        con: a connection to which `Lake.attach_context` has attached what the site's other periods hold.
        tables: the delivered tables by name, their cells judged.
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
    judgements = []
    for table in TABLES.values():
        accepted = table.schema.empty_table()
        if table.name in tables:
            judgement = _judge(con, table, tables[table.name])
            judgements.append(judgement)
            accepted = judgement.accepted
        if table.name in _KNOWN:
            con.register(f"accepted_{table.name}", accepted)
            materialize(con, [SqlFile(shipped("sql", "validation", f"{_KNOWN[table.name]}.sql"))])
    return judgements


def _judge(con: duckdb.DuckDBPyConnection, table: Table, judged: JudgedCells) -> Judgement:
    con.register("cells", judged.cells.read.append_column("row_number", judged.rows["row_number"]))
    _deliver(con, table, judged.rows)
    of_facts = _stage(table, of_cells=False)
    broken = {**judged.broken, **_broken(table, of_facts, _with_facts(con, table, of_facts))}
    in_order = [broken[one["meta"]["code"]] for one in suite(table.name)["expectations"]]
    lost_now = _lost(broken[one["meta"]["code"]] for one in of_facts)
    rows = _without(judged.rows, lost_now)
    if lost_now:
        _deliver(con, table, rows)
    if table.name == "patients":
        rows = con.sql(_KEEP_EARLIER_CUT).to_arrow_table()
    is_critical, is_waiting = (_rows_of(broken.values(), severity, len(rows)) for severity in COST_THE_ROW)
    is_refused = is_critical | is_waiting
    kept = _kept(judged.cells, in_order, is_critical, is_refused)
    return Judgement(
        table=table,
        accepted=_accepted(table, rows, in_order, ~is_refused),
        quarantined=kept.filter(pc.equal(kept["outcome"], "quarantined")),
        pending=kept.filter(pc.equal(kept["outcome"], "pending")),
        blanked=kept.filter(pc.equal(kept["outcome"], "blanked")),
        refusing=_refusing(con, table, in_order),
        cells=tuple(_cells_lost(table, in_order, [*judged.lost, *lost_now], is_refused)),
        rules=tuple(_result(table, one) for one in in_order),
        first_rows={one.rule.code: tuple(np.sort(one.rows)[:_FIRST].tolist()) for one in in_order if len(one.rows)},
        named_ahead=_named_ahead(con, table),
    )


def _deliver(con: duckdb.DuckDBPyConnection, table: Table, rows: pa.Table) -> None:
    """Let `sql/validation/` read the rows as they are left."""
    con.register("rows_as_left", rows)
    con.execute(f"create or replace table delivered_{table.name} as from rows_as_left")
    con.unregister("rows_as_left")


def _stage(table: Table, *, of_cells: bool) -> list[Expectation]:
    """The rules of a suite on cells, or those on facts that span columns, rows or tables."""
    names = {*table.schema.names, *CELL_FACTS}
    return [one for one in suite(table.name)["expectations"] if (one["kwargs"].get("column") in names) is of_cells]


def _broken(table: Table, stage: list[Expectation], rows: pa.Table) -> dict[str, _Broken]:
    """What becomes of some rules over rows that hold all that they look at, in order, by the rule's code."""
    rules = [rule_of(one) for one in stage]
    is_tombstone = _as_mask(pc.fill_null(rows["deleted"], False))
    # What is not there at all is for Great Expectations to find: the rule then cannot be evaluated.
    looked_at = {name for rule in rules for name in rule.columns}.intersection(rows.column_names)
    is_given = {name: _as_mask(pc.is_valid(rows[name])) for name in looked_at}
    checked = {rule.code: _rows_checked(rule, is_given, is_tombstone) for rule in rules}
    found = Expectations().broken_rows(table.name, rows, [one for one in stage if checked[one["meta"]["code"]]])
    broken = {}
    for rule in rules:
        at = found.get(rule.code, _NO_ROWS)
        if rule.spares_tombstones:
            at = at[~is_tombstone[at]]
        broken[rule.code] = _Broken(rule, at + 1, checked[rule.code])
    return broken


def _with_facts(con: duckdb.DuckDBPyConnection, table: Table, stage: Sequence[Expectation]) -> pa.Table:
    """What rules on facts look at, of each delivered row."""
    facts = SqlFile(shipped("sql", "validation", f"{table.name}.sql")).select
    found = con.sql(
        f"select delivered.*, facts.* exclude (row_number) from delivered_{table.name} as delivered "
        f"inner join ({facts}) as facts on delivered.row_number = facts.row_number"
    )
    looked_at = {"row_number", "deleted", *(column for one in stage for column in rule_of(one).columns)}
    names = ", ".join(f'"{name}"' for name in found.columns if name in looked_at)
    return found.project(names).order("row_number").to_arrow_table()


def _rows_checked(rule: Rule, is_given: Mapping[str, Mask], is_tombstone: Mask) -> int:
    """The number of rows to which a rule applies: those where all that it looks at is given."""
    applies = ~is_tombstone if rule.spares_tombstones else np.ones_like(is_tombstone)
    for column in rule.columns:
        if column in is_given and not rule.asks_for_a_value:
            applies = applies & is_given[column]
    return int(applies.sum())


def _as_mask(flags: pa.ChunkedArray) -> Mask:
    return np.asarray(flags.to_numpy(), dtype=bool)


def _lost(broken: Iterable[_Broken]) -> list[_Lost]:
    """The cells that rules cost which name their column."""
    return [
        _Lost(one.rule.code, one.rule.blanks, one.rows)
        for one in broken
        if one.rule.blanks and one.rule.blanks != EVERY_CELL and len(one.rows)
    ]


def _lost_already(broken: Iterable[_Broken], cells: Cells, rows: pa.Table) -> list[_Lost]:
    """The cells that the rules on types and on codes for missing count: they are missing already."""
    found = [one for one in broken if one.rule.blanks == EVERY_CELL and len(one.rows)]
    if not found:
        return []
    null = cells_null_already(cells, rows)
    lost = []
    for one in found:
        of_fact = null.filter(pc.equal(null["fact"], one.rule.columns[0]))
        for column in sorted(set(of_fact["column"].to_pylist())):
            numbers = of_fact.filter(pc.equal(of_fact["column"], column))["row_number"].to_numpy()
            lost.append(_Lost(one.rule.code, column, np.intersect1d(numbers, one.rows)))
    return [one for one in lost if len(one.rows)]


def _without(rows: pa.Table, lost: Sequence[_Lost]) -> pa.Table:
    """The rows with these cells set to missing."""
    for column, of_column in groupby(sorted(lost, key=lambda one: one.column), key=lambda one: one.column):
        is_kept = np.ones(len(rows), dtype=bool)
        for one in of_column:
            is_kept[one.rows - 1] = False
        cells = pc.if_else(pa.array(is_kept), rows[column], pa.scalar(None, rows[column].type))
        rows = rows.set_column(rows.column_names.index(column), column, cells)
    return rows


def _rows_of(broken: Iterable[_Broken], severity: str, rows: int) -> Mask:
    """Which rows break some rule of a severity."""
    found = np.zeros(rows, dtype=bool)
    for one in broken:
        if one.rule.severity == severity:
            found[one.rows - 1] = True
    return found


def _joined(broken: Iterable[_Broken], word: Callable[[Rule], str], separator: str, rows: int) -> NDArray[np.object_]:
    """Of each row the words of the rules that it breaks, in order; None where it breaks none."""
    words = np.full(rows, None, dtype=object)
    for one in broken:
        at = one.rows - 1
        words[at] = [word(one.rule) if said is None else said + separator + word(one.rule) for said in words[at]]
    return words


def _accepted(table: Table, rows: pa.Table, broken: Iterable[_Broken], is_accepted: Mask) -> pa.Table:
    warnings = [one for one in broken if one.rule.severity == "warning"]
    flags = pa.array(_joined(warnings, lambda rule: rule.code, ";", len(rows)), pa.string())
    accepted = rows.select(table.schema.names).add_column(0, "flags", flags)
    return accepted if is_accepted.all() else accepted.filter(pa.array(is_accepted))


def _kept(cells: Cells, broken: Iterable[_Broken], is_critical: Mask, is_refused: Mask) -> pa.Table:
    """Rows as delivered, with the rules that cost them their place in the lake or a cell."""
    costly = [one for one in broken if one.rule.severity in COST_THE_ROW or one.rule.blanks is not None]
    codes, reasons = (
        _joined(costly, word, separator, cells.rows)
        for word, separator in ((lambda rule: rule.code, ";"), (lambda rule: rule.reason, "; "))
    )
    outcome = np.select([is_critical, is_refused], ["quarantined", "pending"], "blanked")
    at = np.flatnonzero(codes != None)  # noqa: E711 - element by element
    columns = {
        "row_number": pa.array(at + 1),
        "rules": pa.array(codes[at], pa.string()),
        "reasons": pa.array(reasons[at], pa.string()),
        "outcome": pa.array(outcome[at].astype(object), pa.string()),
    }
    kept = cells.delivered.take(pa.array(at))
    return pa.table(dict(zip(kept.column_names, kept.columns, strict=True)) | columns)


def _cells_lost(
    table: Table, broken: Sequence[_Broken], lost: Iterable[_Lost], is_refused: Mask
) -> Iterator[BlankedCells]:
    """The cells that accepted rows lost, by rule in the suite's order and by column."""
    position = {one.rule.code: at for at, one in enumerate(broken)}
    for one in sorted(lost, key=lambda one: (position[one.code], one.column)):
        if cells := int((~is_refused[one.rows - 1]).sum()):
            yield BlankedCells(table.name, one.code, one.column, cells)


def _result(table: Table, one: _Broken) -> RuleResult:
    rule = one.rule
    return RuleResult(table.name, rule.code, rule.severity, rule.reason, one.rows_checked, len(one.rows))


def _refusing(con: duckdb.DuckDBPyConnection, table: Table, broken: Iterable[_Broken]) -> int:
    """How many quarantined rows would be so, were no later period there."""
    critical = [one for one in broken if one.rule.severity == "critical" and len(one.rows)]
    of_patient = [
        one
        for one in critical
        if table is not TABLES["patients"] and one.rule.columns[0].startswith(_MEASURED_FROM_PATIENT)
    ]
    rows = {int(row) for one in critical if one not in of_patient for row in one.rows}
    of_later = set()
    if of_patient:
        found = con.execute(
            f"select row_number from delivered_{table.name} semi join "
            "(from known_patients where later_period is not null) using (patient_id)"
        )
        of_later = {row for (row,) in found.fetchall()}
    return len(rows | {int(row) for one in of_patient for row in one.rows} - of_later)


def _named_ahead(con: duckdb.DuckDBPyConnection, table: Table) -> pa.Table:
    named = {"patient_id": "known_patients", "encounter_id": "known_encounters"}
    ahead = [
        f"select {name} as key, known.later_period as period from delivered_{table.name} as delivered "
        f"left join {known} as known using ({name}) "
        f"where {name} is not null and (known.{name} is null or known.later_period is not null)"
        for name, known in named.items()
        if name in table.schema.names and name != table.key
    ]
    if not ahead:
        return _NAMED_AHEAD.empty_table()
    return con.sql(f"select distinct key, period from ({' union all '.join(ahead)})").to_arrow_table()


_KEEP_EARLIER_CUT = """
    with in_force as (
        select patients.patient_id, patients.data_cut_day
        from patients
        inner join submission on patients.site_id = submission.site_id and submission.kind = 'incremental'
    )

    select
        delivered.* replace (
            case
                when delivered.data_cut_day is null and not coalesce(delivered.deleted, false)
                    then in_force.data_cut_day
                else delivered.data_cut_day
            end as data_cut_day
        )
    from delivered_patients as delivered
    left join in_force
        on delivered.patient_id = in_force.patient_id
    order by delivered.row_number
"""
"""A cut that is not stated again, or not readably, stays in force: without one nothing bounds what was observed."""
