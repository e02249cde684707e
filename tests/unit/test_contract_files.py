"""The contract for programs: its JSON Schema lets sound rows pass and finds what costs a row or a cell."""

import json
from importlib.resources import files as installed
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for

from outcomes.contract import TABLES
from outcomes.synthetic.profiles import site_profiles
from outcomes.synthetic.registry import draw_tables
from scripts.docs.contract_files import files

FILES = files()
ROWS: dict[str, list[dict[str, Any]]] = {
    name: rows.to_pylist()
    for _, tables in draw_tables(seed=3, profiles=site_profiles(1), patients=40, until="2026-09")
    for name, rows in tables.items()
}


def validator(table: str) -> Draft202012Validator:
    schema = json.loads(FILES[f"contract/{table}.schema.json"])
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


@pytest.mark.parametrize("table", TABLES)
def test_rows_of_a_sound_registry_are_valid(table: str) -> None:
    columns = {column.name for column in TABLES[table].columns}
    rows = [{name: value for name, value in row.items() if name in columns} for row in ROWS[table]]
    assert rows
    of_table = validator(table)
    assert not [error.message for row in rows for error in of_table.iter_errors(row)]


@pytest.mark.parametrize(
    ("table", "cells"),
    [
        ("patients", {"patient_id": None}),
        ("patients", {"sex": "femal"}),
        ("patients", {"age_years": 91}),
        ("patients", {"index_period": "2026-13"}),
        ("patients", {"surname": "x"}),
        ("encounters", {"patient_id": None}),
        ("follow_ups", {"day": None}),
        ("follow_ups", {"neck_pain_nrs": 11}),
        ("follow_ups", {"neck_pain_nrs": -1}),
        ("imaging", {"value": "4"}),
    ],
)
def test_what_costs_a_row_or_a_cell_is_found(table: str, cells: dict[str, Any]) -> None:
    row = {column.name: None for column in TABLES[table].columns} | ROWS[table][0]
    row = {name: value for name, value in row.items() if name in TABLES[table].schema.names}
    assert validator(table).is_valid(row)
    assert not validator(table).is_valid(row | cells)


def test_a_row_that_withdraws_needs_its_key_alone() -> None:
    nothing = dict.fromkeys(TABLES["follow_ups"].schema.names)
    assert validator("follow_ups").is_valid(nothing | {"follow_up_id": "a", "deleted": True})
    assert not validator("follow_ups").is_valid(nothing | {"follow_up_id": "a"})


def test_each_standard_names_every_column() -> None:
    package = json.loads(FILES["contract/datapackage.json"])
    contract = yaml.safe_load(FILES["contract/contract.odcs.yaml"])
    of_package = {each["name"]: [field["name"] for field in each["schema"]["fields"]] for each in package["resources"]}
    of_contract = {each["name"]: [column["name"] for column in each["properties"]] for each in contract["schema"]}
    assert of_package == of_contract == {name: table.schema.names for name, table in TABLES.items()}


OFFICIAL = {
    "contract/datapackage.json": ("dplib", "profiles", "2.0", "datapackage.json"),
    "contract/contract.odcs.yaml": ("open_data_contract_standard", "schema.json"),
}
"""Where installed packages bring the schema that a standard publishes."""


def of_standard(name: str) -> Any:
    package, *path = OFFICIAL[name]
    schema = json.loads(installed(package).joinpath(*path).read_text(encoding="utf-8"))
    return validator_for(schema)(schema)


@pytest.mark.parametrize("name", OFFICIAL)
def test_a_file_is_as_its_standard_says(name: str) -> None:
    published = yaml.safe_load(FILES[name])
    assert not [f"{error.json_path}: {error.message}" for error in of_standard(name).iter_errors(published)]


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("contract/datapackage.json", {"resources": []}),
        ("contract/datapackage.json", {"resources": [{"name": "patients", "schema": {"fields": [{"type": "x"}]}}]}),
        ("contract/contract.odcs.yaml", {"apiVersion": "v0"}),
        ("contract/contract.odcs.yaml", {"schema": [{"name": "patients", "logicalType": "table"}]}),
    ],
)
def test_a_standard_finds_what_it_forbids(name: str, broken: dict[str, Any]) -> None:
    assert not of_standard(name).is_valid(yaml.safe_load(FILES[name]) | broken)
