"""ViewDefinitions against the official tests of SQL on FHIR v2, where they are found."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from outcomes.errors import OutcomesError
from outcomes.sql.view_definitions import ViewDefinition

_BESIDE_THE_CHECKOUT = Path(__file__).parents[3] / "shared" / "data" / "sql-on-fhir-tests"
OFFICIAL = Path(os.environ.get("SQL_ON_FHIR_TESTS", _BESIDE_THE_CHECKOUT))

OUT_OF_THE_SUBSET = {"fn_boundary"}
"""Files whose function is not in the subset: boundaries guess what a date or a number leaves open."""

PASSED = 126
"""Of 134; the eight others are those of boundaries, which the standard calls experimental."""


def rows_of(view: dict[str, Any], resources: list[dict[str, Any]]) -> tuple[list[str], list[dict[str, Any]]]:
    definition = ViewDefinition("a view", view)
    with duckdb.connect() as con:
        con.execute("create table resources (resource json)")
        of_type = [json.dumps(one) for one in resources if one["resourceType"] == definition.resource]
        if of_type:
            con.executemany("insert into resources values (?)", [[one] for one in of_type])
        found = con.execute(definition.select("resources"))
        names = [column[0] for column in found.description]
        return names, [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _passes(test: dict[str, Any], resources: list[dict[str, Any]]) -> bool:
    try:
        names, rows = rows_of(test["view"], resources)
    except (OutcomesError, duckdb.Error):
        return bool(test.get("expectError"))
    if test.get("expectError") or names != test.get("expectColumns", names):
        return False
    return Counter(map(_plain, rows)) == Counter(map(_plain, test["expect"]))


def _plain(row: dict[str, Any]) -> str:
    return json.dumps({name: float(cell) if type(cell) is int else cell for name, cell in row.items()}, sort_keys=True)


@pytest.mark.skipif(not OFFICIAL.is_dir(), reason="the official tests are not here; set SQL_ON_FHIR_TESTS")
def test_the_official_tests_of_the_subset_pass() -> None:
    passed, failed = 0, []
    for path in sorted(OFFICIAL.glob("*.json")):
        file = json.loads(path.read_text(encoding="utf-8"))
        for test in file["tests"]:
            if _passes(test, file["resources"]):
                passed += 1
            elif path.stem not in OUT_OF_THE_SUBSET:
                failed.append(f"{path.stem}: {test['title']}")
    print(f"{passed} official tests of SQL on FHIR pass")
    assert failed == []
    assert passed == PASSED


PATIENTS = [
    {
        "resourceType": "Patient",
        "id": "a",
        "birthDate": "1970-05",
        "name": [{"family": "F1", "given": ["G1", None, "G2"]}, {"family": "F2"}],
        "link": [{"other": {"reference": reference}}],
    }
    for reference in (
        "Patient/a",
        "https://fhir.example.org/r4/Patient/a",
        "Patient/a/_history/3",
        "urn:uuid:a",
        "Group/a",
        "#a",
    )
]


def _cells(path: str, **column: Any) -> list[Any]:
    view = {"resource": "Patient", "select": [{"column": [{"name": "cell", "path": path, **column}]}]}
    return [row["cell"] for row in rows_of(view, PATIENTS)[1]]


def test_a_reference_tells_its_key_however_it_is_written() -> None:
    assert _cells("link.other.getReferenceKey(Patient)") == ["a", "a", "a", "a", None, None]
    assert _cells("link.other.getReferenceKey()") == ["a", "a", "a", "a", "a", None]


def test_paths_are_read_as_fhirpath_says() -> None:
    for path, cell in {
        "name.given.join('|')": "G1|G2",
        "name.where(family = 'F2').exists() and name.given.exists()": "true",
        "name[1].family": "F2",
        "1 + 2 * 3 = 7": "true",
        "birthDate != '1970-05-01'": "true",
        "(name.family.first() = 'F1').not() or 'it\\'s' = birthDate": "false",
        "name.first().given.first().exists() and id > 'A'": "true",
    }.items():
        assert _cells(path)[0] == cell, path
    assert _cells("name.given", collection=True)[0] == ["G1", "G2"]


@pytest.mark.parametrize(
    ("view", "what"),
    [
        ({"resource": "Patient"}, "select is not a list of objects"),
        ({"resource": "Patient", "select": [{"column": [{"name": "a b", "path": "id"}]}]}, "a column's name"),
        ({"resource": "Patient", "select": [{"column": [{"name": "a", "path": "id.trace()"}]}]}, "column a: trace()"),
        ({"resource": "Patient", "select": [{"column": [{"name": "a", "path": "id ="}]}]}, "not expected: the end"),
        ({"resource": "Patient", "select": [{"column": [{"name": "a", "path": "id)"}]}]}, "not expected: )"),
        (
            {"resource": "Patient", "select": [{"column": [{"name": "a", "path": "ofType(Age)"}]}]},
            "goes with an element",
        ),
        ({"resource": "Patient", "select": [{"column": [{"name": "a", "path": "id"}] * 2}]}, "several columns a"),
        ({"resource": "Patient", "select": [{"forEach": "name"}]}, "a select without columns"),
        ({"resource": "Patient", "select": [{"repeat": "item"}]}, "repeat is not a list of paths"),
    ],
)
def test_a_view_that_is_not_of_the_subset_is_refused_by_name(view: dict[str, Any], what: str) -> None:
    with pytest.raises(OutcomesError, match="definition_malformed") as refused:
        rows_of(view, PATIENTS)
    assert refused.value.where.startswith("a view: ")
    assert what in refused.value.where


def test_what_is_repeated_against_the_view_fails_rather_than_being_picked() -> None:
    with pytest.raises(duckdb.ConversionException, match="repeated where one is asked for"):
        _cells("name.family")


def test_repeat_that_leads_too_deep_fails_rather_than_leaving_out() -> None:
    item: dict[str, Any] = {"linkId": "last"}
    for _ in range(9):
        item = {"linkId": "x", "item": [item]}
    view = {
        "resource": "QuestionnaireResponse",
        "select": [{"repeat": ["item"], "column": [{"name": "link", "path": "linkId"}]}],
    }
    with pytest.raises(duckdb.ConversionException, match="deeper than 8 levels"):
        rows_of(view, [{"resourceType": "QuestionnaireResponse", "item": [item]}])
    assert len(rows_of(view, [{"resourceType": "QuestionnaireResponse", "item": item["item"][0]["item"]}])[1]) == 8
