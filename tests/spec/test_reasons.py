"""The closed list of reasons: all that a label or a window can give, each with its meaning, and no other."""

import csv
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from outcomes.sql.catalog.labels import relations_in_order
from outcomes.sql.files import SqlFile, load
from outcomes.sql.shipped import shipped
from tests.support import marts

_OF_THE_COHORT = {"attrition", "cohort"}
"""Relations whose reasons say why a patient is in no episode at all."""
_STATEMENTS = relations_in_order()
_INPUTS = load(shipped("sql", "relations", "measures"))
_OF_WINDOWS = [file for file in _INPUTS if file.name == "responders"]
_OF_MEASURES = [file for file in _INPUTS if file.header.get("is_view")]
_SITUATIONS = sorted((Path(__file__).parent / "labels").glob("*.yaml"))


def _given(files: Iterable[SqlFile]) -> set[str]:
    """The reasons that the statements can give: what stands after `then` in a case that is called `reason`."""
    cases = (
        case for file in files for case in re.findall(r"\bcase\b(.*?)\bend\b(?=( as reason\b)?)", file.select, re.S)
    )
    return {reason for body, is_reason in cases if is_reason for reason in re.findall(r"then '(\w+)'", body)}


def _listed(user: str) -> set[str]:
    with shipped("sql", "reference", "reasons.csv").open(encoding="utf-8", newline="") as lines:
        return {row["reason"] for row in csv.DictReader(lines) if user in row["used_by"].split(";")}


def _enum(mart: str) -> set[str]:
    return set(marts.column(marts.exact(mart), "reason").enum)


def test_labels_give_the_listed_reasons_and_no_other() -> None:
    of_labels = [file for file in _STATEMENTS if file.name not in _OF_THE_COHORT]
    assert _given(of_labels) == _listed("labels") == _enum("labels")


def test_windows_give_the_listed_reasons_and_no_other() -> None:
    assert _given(_OF_WINDOWS) == _listed("windows") == _enum("responders")


def test_measures_give_the_listed_reasons_and_no_other() -> None:
    given = _given(_OF_MEASURES) | _listed("labels") | _listed("windows")
    assert given == _listed("measures") == _enum("measure_exclusions")


def test_every_reason_says_what_it_means() -> None:
    with shipped("sql", "reference", "reasons.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert len({row["reason"] for row in rows}) == len(rows)
    assert all(row["meaning"] and set(row["used_by"].split(";")) <= {"labels", "windows", "measures"} for row in rows)
    assert {row["is_missing"] for row in rows} == {"true", "false"}


@pytest.mark.parametrize("reason", sorted(_listed("labels")))
def test_every_reason_of_the_labels_has_a_situation(reason: str) -> None:
    expected = [situation["expect"] for path in _SITUATIONS for situation in _read(path)]
    assert reason in {each.get("reason") for each in expected}


def test_no_situation_expects_a_reason_that_is_not_listed() -> None:
    found = {situation["expect"].get("reason") for path in _SITUATIONS for situation in _read(path)}
    assert found - {None} <= _listed("labels")


@cache
def _read(path: Path) -> list[dict[str, Any]]:
    situations: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return situations
