"""The rules by which delivered rows are judged: one Great Expectations suite per contract table in `expectations/`."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from functools import cache
from typing import Any

from outcomes.contract import TABLES
from outcomes.sql.shipped import shipped

EVERY_CELL = "*"
"""What the rules on types and on codes for missing blank: each such cell, whichever its column."""

CELL_FACTS = ("type_failures", "missing_codes")
"""Facts of a row that count its cells: of another type than their column's, with a declared code for missing."""

COST_THE_ROW = ("critical", "waiting")
"""Severities of the rules that cost a row its place in the lake."""

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


@cache
def rules_sha256() -> str:
    """A digest of the rules by which submissions are judged: the contract, the suites and the facts that they judge."""
    files = [*shipped("expectations").glob("*.json"), *shipped("sql", "validation").glob("*.sql")]
    rules_now = {path.name: path.read_text(encoding="utf-8") for path in sorted(files)}
    contract = [(table.name, table.key, [astuple(column) for column in table.columns]) for table in TABLES.values()]
    return hashlib.sha256(json.dumps([rules_now, contract], default=str).encode()).hexdigest()


@cache
def suite(table: str) -> dict[str, Any]:
    """The Great Expectations suite of a contract table, as written in `expectations/`."""
    fields: dict[str, Any] = json.loads(shipped("expectations", f"{table}.json").read_text(encoding="utf-8"))
    return fields


def rules(table: str) -> list[Rule]:
    """The rules of a contract table, in the order of its suite."""
    return [rule_of(expectation) for expectation in suite(table)["expectations"]]


def rule_of(expectation: Expectation) -> Rule:
    """The rule that an expectation of a suite is."""
    asked, meta = expectation["kwargs"], expectation["meta"]
    return Rule(
        code=meta["code"],
        severity="waiting" if meta.get("waits") else expectation["severity"],
        reason=meta["reason"],
        category=meta["category"],
        context=meta["context"],
        columns=columns_of(asked),
        blanks=meta.get("blanks"),
        asks_for_a_value=expectation["type"] == "expect_column_values_to_not_be_null",
        spares_tombstones=not meta.get("tombstones", False),
    )


def columns_of(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    """The columns that an expectation looks at, by its arguments."""
    return tuple(kwargs[name] for name in ("column", "column_A", "column_B") if name in kwargs)


def closed_lists(table: str) -> dict[str, dict[str, str]]:
    """For each column with a closed list its words, by how they may be spelled in small letters."""
    return {
        one["kwargs"]["column"]: {word.lower(): word for word in one["kwargs"]["value_set"]}
        | one["meta"].get("spellings", {})
        for one in suite(table)["expectations"]
        if one["type"] == "expect_column_values_to_be_in_set" and one["kwargs"]["column"] in TABLES[table].schema.names
    }
