"""The code lists beside whole code tables: no code that never was, no day on which it was not, no sibling forgotten."""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from outcomes.contract import TABLES
from outcomes.intake.rules import suite
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.reference import code_list_names, code_list_rows, reference_rows
from tests.support.code_tables import CodeTable, code_tables, codes_like

REASONS = Path(__file__).parent / "unlisted_codes.csv"
CATEGORY_LENGTH = {"ICD9CM": 3, "ICD9PCS": 3, "ICD10CM": 3, "ICD10PCS": 4}
"""How many characters name a category of a system that has an open table."""


@dataclass(frozen=True)
class Entry:
    """A line of a code list: a code, or all codes that begin like it."""

    list_name: str
    system: str
    code: str
    is_prefix: bool
    seventh_characters: str
    valid_from: date
    valid_to: date

    def matches(self, code: str) -> bool:
        """Does the list read this code by this line?"""
        is_listed = code.startswith(self.code) if self.is_prefix else code == self.code
        return is_listed and (not self.seventh_characters or code[6:] in tuple(self.seventh_characters))

    def __str__(self) -> str:
        return f"{self.list_name}: {self.system} {self.code}{'*' * self.is_prefix}"


def _entries(name: str) -> list[Entry]:
    return [
        Entry(
            name,
            row["system"],
            row["code"],
            row["is_prefix"] == "true",
            row.get("seventh_characters", ""),
            date.fromisoformat(row["valid_from"] or "0001-01-01"),
            date.fromisoformat(row["valid_to"] or "9999-12-31"),
        )
        for row in code_list_rows(name)
    ]


def _reasons() -> list[dict[str, str]]:
    """Why lists do without codes of a category from which they list others: the codes that begin so."""
    with REASONS.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def _unlisted_siblings(name: str) -> Iterator[tuple[str, str]]:
    """System and code of the codes that share a category with a code of the list and are not listed."""
    entries = _entries(name)
    categories = {
        (entry.system, entry.code[:length]) for entry in entries if (length := CATEGORY_LENGTH.get(entry.system))
    }
    for system, category in sorted(categories):
        of_system = [entry for entry in entries if entry.system == system]
        for code in sorted(codes_like(system, category)):
            if code.startswith(category) and not any(entry.matches(code) for entry in of_system):
                yield system, code


ENTRIES = [entry for name in code_list_names() for entry in _entries(name) if entry.system in CATEGORY_LENGTH]


def test_no_list_names_a_code_that_never_was() -> None:
    assert [str(entry) for entry in ENTRIES if not any(map(entry.matches, codes_like(entry.system, entry.code)))] == []


@pytest.mark.parametrize("table", code_tables(), ids=lambda table: f"{table.system} {table.first} to {table.last}")
def test_an_entry_is_valid_while_the_tables_hold_its_codes(table: CodeTable) -> None:
    entries = [entry for entry in ENTRIES if entry.system == table.system]
    valid = [entry for entry in entries if entry.valid_from <= table.last and table.first <= entry.valid_to]
    held = [entry for entry in entries if any(map(entry.matches, table.like(entry.code)))]
    assert list(map(str, valid)) == list(map(str, held))


@pytest.mark.parametrize("name", code_list_names())
def test_siblings_are_listed_or_left_out_for_a_reason(name: str) -> None:
    """Prints those that are neither (`pytest -s`); fails on a reason that nothing needs any more."""
    siblings = list(_unlisted_siblings(name))
    reasons = [
        (row["system"], beginning)
        for row in _reasons()
        if row["list_name"] == name
        for beginning in row["beginnings"].split()
    ]
    for system, code in siblings:
        if not any(system == of_system and code.startswith(beginning) for of_system, beginning in reasons):
            print(f"{name} lacks {system} {code}, and nothing says why")
    idle = [
        (of_system, beginning)
        for of_system, beginning in reasons
        if not any(system == of_system and code.startswith(beginning) for system, code in siblings)
    ]
    assert idle == []


def test_every_reason_is_of_a_list() -> None:
    assert {row["list_name"] for row in _reasons()} <= set(code_list_names())


@pytest.mark.parametrize(("table", "rule"), [("diagnoses", "DIA-012"), ("procedures", "PRO-012")])
def test_the_gate_lets_every_code_of_the_tables_in(table: str, rule: str) -> None:
    asked = next(each["kwargs"]["regex"] for each in suite(table)["expectations"] if each["meta"]["code"] == rule)
    codes = [
        f"{each.system}:{code}"
        for each in code_tables()
        if f"{each.system}:" in asked
        for like in each.codes.values()
        for code in like
    ]
    assert len(codes) > 10_000
    assert [code for code in codes if not re.match(asked, code)] == []


def test_all_places_that_name_the_treatment_classes_name_the_same() -> None:
    classes = [row["treatment_class"] for row in reference_rows("care_classes")]
    rule = next(each for each in suite("treatments")["expectations"] if each["meta"]["code"] == "TRE-013")
    column = next(each for each in TABLES["treatments"].columns if each.name == "treatment_class")
    assert rule["kwargs"]["value_set"] == classes
    assert column.description.partition(": ")[2].split(", ") == classes
    assert {row["treatment_class"] for row in code_list_rows("conservative_care")} == set(classes)
    labels = {label.name for label in label_definitions() if label.name.startswith("received_")}
    assert labels == {f"received_{name}" for name in classes}
