"""Which contract columns a rule is about: those that it names, and those from which its facts are computed."""

from collections.abc import Sequence
from functools import cache

from outcomes.contract import TABLES, Table
from outcomes.intake.rules import CELL_FACTS, Rule, rules
from outcomes.lake import PROVENANCE
from outcomes.sql.columns import decided_by
from outcomes.sql.files import SqlFile
from outcomes.sql.shipped import shipped

_KNOWN = {
    "known_patients": ("patient_id", "death_day", "data_cut_day", "latest_day"),
    "known_encounters": ("encounter_id", "patient_id"),
}
_SUBMISSION = ("site_id", "kind", "last_date", "latest_day_without_period")


@cache
def columns_of_rule(table: str, code: str) -> tuple[str, ...]:
    """The columns of its own table that a rule is about, in the contract's order.

    That is where a person has to look: the cell that the rule costs, else what the rule is computed from. Of a rule on
    every cell (type, codes for missing) these are all columns but `deleted`.
    """
    (rule,) = (rule for rule in rules(table) if rule.code == code)
    return _columns(TABLES[table], rule)


def _columns(table: Table, rule: Rule) -> tuple[str, ...]:
    if rule.blanks and rule.blanks in table.schema.names:
        return (rule.blanks,)
    found = {name for column in rule.columns for name in _behind(table, column)}
    return tuple(name for name in table.schema.names if name in found)


def _behind(table: Table, column: str) -> set[str]:
    """The contract columns behind what a rule looks at."""
    if column in table.schema.names:
        return {column}
    if column in CELL_FACTS:
        return {*table.schema.names} - {"deleted"}
    if column == "deleted_is_readable":
        return {"deleted"}
    return _facts(table.name)[column]


@cache
def _facts(table: str) -> dict[str, set[str]]:
    """The columns behind each fact that `sql/validation/<table>.sql` computes."""
    file = SqlFile(shipped("sql", "validation", f"{table}.sql"))
    own = f"delivered_{table}"
    relations: dict[str, Sequence[str]] = {
        name: [*PROVENANCE.names, *each.schema.names] for name, each in TABLES.items()
    }
    relations |= {own: ["row_number", *TABLES[table].schema.names], "submission": _SUBMISSION} | _KNOWN
    decided = decided_by(file.select, relations).columns
    return {
        fact: {column for relation, column in sources if relation == own or relation in _KNOWN}
        & {*TABLES[table].schema.names}
        for fact, sources in decided.items()
    }
