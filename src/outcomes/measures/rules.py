"""The rules as their suites state them, and what each of them affects: the marts and measures that read its columns.

What a measure reads is worked out from the statements: the columns of a relation lead to those of the relations below
it, down to the contract's tables. It may be more than what moves a number in practice, never less.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import pyarrow as pa

from outcomes.contract import TABLES
from outcomes.intake.facts import columns_of_rule
from outcomes.intake.rules import EVERY_CELL, Rule, rules
from outcomes.lake import PROVENANCE, SUBMISSIONS
from outcomes.sql.catalog.labels import LabelDefinition, label_definitions, relations_in_order
from outcomes.sql.catalog.marts import Mart, mart_schema, research_marts
from outcomes.sql.catalog.measures import MeasureDefinition, definitions_table, measure_definitions
from outcomes.sql.columns import Decided, Sources, decided_by, relations_named
from outcomes.sql.files import SqlFile, in_order, load
from outcomes.sql.reference import columns_of_references
from outcomes.sql.shipped import shipped

_NOTHING: Sources = frozenset()
_ANSWER = ("status", "reason", "is_counted")
"""Columns of a label that decide who is counted, and as what."""

_RESULTS = ("label", "site_id", "patient_id", *_ANSWER, "onset_day", "kind", "definition_version", "value")
"""Columns of the relation `labels`, which holds the results of all of them."""

_COST_THE_ROW = ("critical", "waiting")
"""Severities of rules that keep the row out of the lake, for good or until another submission comes."""

_CUT = ("patients", "data_cut_day")
"""What lies after it is there for no relation."""


def rule_definitions_table() -> pa.Table:
    """Every rule with its category, what it costs, and the marts that it affects."""
    rows = [_definition(table, place, rule) for table in TABLES for place, rule in enumerate(rules(table), 1)]
    return pa.Table.from_pylist(rows, schema=mart_schema("rule_definitions"))


def rule_measures_table() -> pa.Table:
    """The measures that each rule affects."""
    rows = [
        {"source_table": table, "rule": rule.code, "measure": measure}
        for table in TABLES
        for rule in rules(table)
        for measure in measures_affected(table, rule.code)
    ]
    return pa.Table.from_pylist(rows, schema=mart_schema("rule_measures"))


@cache
def measures_affected(table: str, code: str) -> tuple[str, ...]:
    """The measures that read what a rule may cost, in the order of their definitions."""
    return measures_that_read(_reach(table, code))


def measures_that_read(columns: Sources) -> tuple[str, ...]:
    """The measures that read one of these columns of the contract, in the order of their definitions."""
    return tuple(measure for measure, read in _read_by_measures().items() if columns & read)


@cache
def marts_affected(table: str, code: str) -> tuple[str, ...]:
    """The exact marts made by a statement that read what a rule may cost, by name.

    Those that are computed of measures (charts, curves, comparisons) rest on the measures.
    """
    reach = _reach(table, code)
    return tuple(mart for mart, read in _read_by_marts().items() if reach & read)


def _definition(table: str, place: int, rule: Rule) -> dict[str, Any]:
    return {
        "source_table": table,
        "rule": rule.code,
        "place": place,
        "category": rule.category,
        "context": rule.context,
        "severity": rule.severity,
        "reason": rule.reason,
        "costs": _costs(rule),
        "columns": ", ".join(columns_of_rule(table, rule.code)),
        "measure_count": len(measures_affected(table, rule.code)),
        "marts": ", ".join(marts_affected(table, rule.code)) or None,
    }


def _costs(rule: Rule) -> str:
    if rule.severity in _COST_THE_ROW:
        return "row"
    return "cell" if rule.blanks else "nothing"


def _reach(table: str, code: str) -> Sources:
    """What a broken rule may take away: a row with all its cells, or the cells that the rule is about."""
    (rule,) = (rule for rule in rules(table) if rule.code == code)
    takes_any = rule.severity in _COST_THE_ROW or rule.blanks == EVERY_CELL
    return frozenset(
        (table, name) for name in (TABLES[table].schema.names if takes_any else columns_of_rule(table, code))
    )


@cache
def _read_by_measures() -> dict[str, Sources]:
    return {measure.id: _read_by_measure(measure) for measure in measure_definitions()}


@cache
def _read_by_marts() -> dict[str, Sources]:
    return {mart.name: _read_by_mart(mart) for mart in research_marts()}


def _read_by_measure(measure: MeasureDefinition) -> Sources:
    if measure.relation:
        return _relations()[measure.relation].everything
    label = next(each for each in label_definitions() if each.name == measure.label)
    return _read_by_label(label, (*_ANSWER, *(("kind",) if measure.kinds else ())))


def _read_by_label(label: LabelDefinition, columns: Iterable[str]) -> Sources:
    return _of_columns(_relations()[label.file.name], columns)


def _read_by_mart(mart: Mart) -> Sources:
    made = _relations().get(mart.relation)
    return _NOTHING if made is None else _of_columns(made, (column.name for column in mart.columns))


def _of_columns(relation: Decided, columns: Iterable[str]) -> Sources:
    return relation.rows.union(*(relation.columns.get(name, _NOTHING) for name in columns))


@cache
def _relations() -> dict[str, Decided]:
    """Of each relation that a statement makes the contract columns that decide its own, and its rows."""
    found = {name: _delivered(name) for name in TABLES}
    columns = _columns_of_the_rest() | {name: list(each.columns) for name, each in found.items()}
    for file in _files():
        made = decided_by(file.select, columns)
        columns[file.name] = list(made.columns)
        below = found | ({"labels": _results(file, found)} if "labels" in file.needs else {})
        found[file.name] = _down_to_the_contract(file, made, below)
    return found | {"labels": _all_results(label_definitions(), found)}


def _files() -> Iterator[SqlFile]:
    """Every statement after those that it needs: those of labelling first, since the others may need any label."""
    yield from relations_in_order()
    yield from in_order(load(shipped("sql", "relations", "measures")))


def _delivered(table: str) -> Decided:
    """A contract table as relations see it: rows up to the patient's data cut."""
    names = TABLES[table].schema.names
    days = {(table, name) for name in ("day", "start_day") if name in names}
    own = {name: frozenset({(table, name)}) for name in names}
    return Decided(dict.fromkeys(PROVENANCE.names, _NOTHING) | own, frozenset(days | {_CUT} if days else ()))


def _columns_of_the_rest() -> dict[str, Sequence[str]]:
    """Columns of relations that hold nothing of a patient."""
    return columns_of_references() | {
        "submissions": [*SUBMISSIONS.names, "status"],
        "labels": _RESULTS,
        "measure_definitions": definitions_table().column_names,
    }


def _down_to_the_contract(file: SqlFile, made: Decided, below: Mapping[str, Decided]) -> Decided:
    """The same with the sources of its sources, down to the contract's tables."""
    rows = _NOTHING.union(*(below[name].rows for name in relations_named(file.select) & below.keys()))

    def sources(direct: Sources) -> Sources:
        return _NOTHING.union(
            *(below[relation].columns.get(column, _NOTHING) for relation, column in direct if relation in below)
        )

    return Decided({name: sources(direct) for name, direct in made.columns.items()}, rows | sources(made.rows))


def _results(file: SqlFile, found: Mapping[str, Decided]) -> Decided:
    """The results of the labels that a statement names; of all where it names none."""
    named = [label for label in label_definitions() if f"'{label.name}'" in file.select]
    return _all_results(named or label_definitions(), found)


def _all_results(labels: Iterable[LabelDefinition], found: Mapping[str, Decided]) -> Decided:
    files = [found[label.file.name] for label in labels]
    columns = {name: _NOTHING.union(*(each.columns.get(name, _NOTHING) for each in files)) for name in _RESULTS}
    return Decided(columns, _NOTHING.union(*(each.rows for each in files)))
