"""Every number of a protected mart says how it is protected, and each way is held by a test."""

import ast
import re
from pathlib import Path

import pytest

from outcomes.disclosure.audit import AUDITED
from outcomes.errors import OutcomesError
from outcomes.sql.catalog.marts import PROTECTIONS, Column, Mart, parse_mart, protected_marts
from outcomes.sql.files import read_yaml
from outcomes.sql.shipped import shipped
from tests.support import marts

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "privacy.md").read_text(encoding="utf-8")
RULES = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.partition("## How each number is protected")[2].partition("\n## ")[0].splitlines()
    if line.startswith("| `")
]
COLUMNS = [(mart, column) for mart in protected_marts() for column in mart.columns]


def test_every_number_says_how_it_is_protected() -> None:
    undeclared = [
        f"{mart.name}.{column.name}"
        for mart, column in COLUMNS
        if (column.is_number or column.type == "boolean") and not column.protection
    ]
    assert undeclared == []


def test_beside_numbers_of_patients_every_word_says_how_it_is_protected_too() -> None:
    """A word may tell of patients as a number does; the key of a row and its state need not say it."""
    undeclared = [
        f"{mart.name}.{column.name}"
        for mart in protected_marts()
        if {word for column in mart.columns for word in column.protection} - {"not_of_patients"}
        for column in mart.columns
        if not column.protection and column.name not in (*mart.key, "state")
    ]
    assert undeclared == []


def test_a_number_that_says_nothing_is_found() -> None:
    given = read_yaml(shipped("sql", "marts") / "label_kinds.yaml")
    given["columns"]["further"] = {"type": "integer", "unit": "patients", "description": "more of them"}
    mart = parse_mart("label_kinds", given, "protected")
    assert mart
    assert marts.column(mart, "further").protection == ()


def test_only_words_of_the_closed_list_are_accepted() -> None:
    given = read_yaml(shipped("sql", "marts") / "label_kinds.yaml")
    given["columns"]["episodes"]["protection"] = "hopefully"
    with pytest.raises(OutcomesError, match="definition_malformed"):
        parse_mart("label_kinds", given, "protected")


def test_what_is_audited_stands_in_a_table_that_the_audit_reads() -> None:
    audited = {mart.name for mart, column in COLUMNS if "audited" in column.protection}
    assert audited == {*AUDITED}


def test_every_way_is_used_and_named_on_the_page_with_a_test_that_exists() -> None:
    used = {word for _, column in COLUMNS for word in column.protection}
    assert used == {*PROTECTIONS} == {word.strip("`") for word, _, _ in RULES}
    for word, says, test in RULES:
        assert says == PROTECTIONS[word.strip("`")]
        if word == "`not_of_patients`":
            continue
        named = re.fullmatch(r"`(tests/[\w/]+\.py)::(test_\w+)`", test)
        assert named, word
        tree = ast.parse((ROOT / named[1]).read_text(encoding="utf-8"))
        assert named[2] in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, test


@pytest.mark.parametrize(("mart", "column"), COLUMNS, ids=lambda each: each.name)
def test_what_is_not_of_patients_counts_none(mart: Mart, column: Column) -> None:
    if "not_of_patients" in column.protection:
        assert column.unit not in ("patients", "rows", "cells") or column.name == "minimum_cell_count"
