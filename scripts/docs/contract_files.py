"""The contract for programs: what a table may hold, in three standards that tools of sites read.

- a Frictionless Data Package 2.0 (https://datapackage.org): the files of a submission with their columns,
- a JSON Schema (draft 2020-12) of a row of each table,
- a data contract in the Open Data Contract Standard 3.1 (https://bitol-io.github.io/open-data-contract-standard/).

Lists and ranges are those of the rules that cost a row or a cell; the page of the contract has all rules.
"""

import json
from collections.abc import Iterator
from typing import Any

import yaml

from outcomes.contract import CONTRACT_VERSION, TABLES, Column, ColumnType, Table
from outcomes.intake.rules import COST_THE_ROW, rule_of, rules, suite

_PROFILES = "https://datapackage.org/profiles/2.0"
_PURPOSE = "Follow-up of patients after cervical fusion surgery, as a site delivers it for one month, without dates."
_LIMITS = (
    "No date, free text or identifier: a day is a number of days since the index fusion, a key is drawn at random. "
    "Words and codes are read in any case and without surrounding blanks."
)
_JSON_TYPES = {
    ColumnType.TEXT: "string",
    ColumnType.INTEGER: "integer",
    ColumnType.DECIMAL: "number",
    ColumnType.BOOLEAN: "boolean",
}
_DIMENSIONS = {"conformance": "conformity", "completeness": "completeness", "plausibility": "accuracy"}

Constraints = dict[str, Any]
"""Of a column, under the names of JSON Schema: enum, minimum, maximum, pattern."""


def files() -> dict[str, str]:
    """The text of each file, by its path within `docs/`."""
    return {
        "contract/datapackage.json": _json(_data_package()),
        "contract/contract.odcs.yaml": yaml.safe_dump(_data_contract(), sort_keys=False, allow_unicode=True, width=120),
        **{f"contract/{table.name}.schema.json": _json(_row_schema(table)) for table in TABLES.values()},
    }


def _data_package() -> dict[str, Any]:
    return {
        "$schema": f"{_PROFILES}/datapackage.json",
        "name": "cervical-fusion-follow-up",
        "title": "Follow-up after cervical fusion: a submission",
        "description": f"{_PURPOSE} {_LIMITS}",
        "version": str(CONTRACT_VERSION),
        "resources": [_resource(table) for table in TABLES.values()],
    }


def _resource(table: Table) -> dict[str, Any]:
    constraints = _constraints(table)
    return {
        "$schema": f"{_PROFILES}/dataresource.json",
        "name": table.name,
        "type": "table",
        "path": f"{table.name}.csv",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "description": table.description,
        "schema": {
            "$schema": f"{_PROFILES}/tableschema.json",
            "fields": [_field(column, constraints.get(column.name, {})) for column in table.columns],
            "primaryKey": [table.key],
            "missingValues": [""],
        },
    }


def _field(column: Column, constraints: Constraints) -> dict[str, Any]:
    described = {"name": column.name, "type": _JSON_TYPES[column.type], "description": column.description}
    more = {"unit": column.unit, "constraints": constraints}
    return described | {name: value for name, value in more.items() if value}


def _row_schema(table: Table) -> dict[str, Any]:
    """A row that withdraws a key needs the key alone; of any other, what it may not miss must be given."""
    constraints = _constraints(table)
    given = [name for name in _required(table) if name != table.key]
    schema: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": table.name,
        "description": f"{table.description}. {_LIMITS}",
        "type": "object",
        "properties": {column.name: _property(table, column, constraints) for column in table.columns},
        "required": [column.name for column in table.columns if column.name != "deleted"],
        "additionalProperties": False,
    }
    if given:
        is_withdrawn = {"properties": {"deleted": {"const": True}}, "required": ["deleted"]}
        schema |= {"if": is_withdrawn, "else": {"properties": {name: {"not": {"type": "null"}} for name in given}}}
    return schema


def _property(table: Table, column: Column, constraints: dict[str, Constraints]) -> dict[str, Any]:
    limits = dict(constraints.get(column.name, {}))
    kind = _JSON_TYPES[column.type]
    if "enum" in limits:
        limits["enum"] = [*limits["enum"], None]
    described = {"description": f"{column.description} [{column.unit}]" if column.unit else column.description}
    return {"type": kind if column.name == table.key else [kind, "null"]} | described | limits


def _data_contract() -> dict[str, Any]:
    return {
        "apiVersion": "v3.1.0",
        "kind": "DataContract",
        "id": "cervical-fusion-follow-up",
        "name": "Follow-up after cervical fusion",
        "version": str(CONTRACT_VERSION),
        "status": "active",
        "description": {"purpose": _PURPOSE, "limitations": _LIMITS},
        "schema": [_object(table) for table in TABLES.values()],
    }


def _object(table: Table) -> dict[str, Any]:
    constraints = _constraints(table)
    return {
        "name": table.name,
        "logicalType": "object",
        "physicalType": "table",
        "description": table.description,
        "properties": [_odcs_property(table, column, constraints.get(column.name, {})) for column in table.columns],
        "quality": [
            {
                "name": rule.code,
                "type": "text",
                "description": f"Broken when {rule.reason}.",
                "dimension": _DIMENSIONS[rule.category],
                "severity": rule.severity,
            }
            for rule in rules(table.name)
        ],
    }


def _odcs_property(table: Table, column: Column, constraints: Constraints) -> dict[str, Any]:
    is_key = column.name == table.key
    stated: dict[str, Any] = {
        "name": column.name,
        "logicalType": _JSON_TYPES[column.type],
        "physicalType": column.type.sql,
        "description": f"{column.description} [{column.unit}]" if column.unit else column.description,
        "required": is_key,
    }
    if is_key:
        stated |= {"primaryKey": True, "primaryKeyPosition": 1, "unique": True}
    limits = {name: value for name, value in constraints.items() if name in ("minimum", "maximum", "pattern")}
    if limits:
        stated["logicalTypeOptions"] = limits
    if "enum" in constraints:
        valid = {"type": "library", "metric": "invalidValues", "mustBe": 0, "unit": "rows"}
        stated["quality"] = [valid | {"arguments": {"validValues": constraints["enum"]}}]
    return stated


def _constraints(table: Table) -> dict[str, Constraints]:
    """By column, the list or range outside of which a cell costs itself or its row."""
    found: dict[str, Constraints] = {}
    for name, constraint in _column_constraints(table):
        found[name] = found.get(name, {}) | constraint
    return found


def _column_constraints(table: Table) -> Iterator[tuple[str, Constraints]]:
    for expectation in suite(table.name)["expectations"]:
        rule, asked = rule_of(expectation), expectation["kwargs"]
        name = asked.get("column")
        if name not in table.schema.names or not (rule.severity in COST_THE_ROW or rule.blanks):
            continue
        match expectation["type"]:
            case "expect_column_values_to_be_in_set":
                yield name, {"enum": asked["value_set"]}
            case "expect_column_values_to_be_between":
                ends = {"minimum": asked.get("min_value"), "maximum": asked.get("max_value")}
                yield name, {end: value for end, value in ends.items() if value is not None}
            case "expect_column_values_to_match_regex":
                yield name, {"pattern": asked["regex"]}


def _required(table: Table) -> list[str]:
    """Columns that may not be missing in a row that withdraws nothing; a patient who is missing is not known."""
    costly = [rule for rule in rules(table.name) if rule.severity in COST_THE_ROW]
    of_patients = ["patient_id" for rule in costly if "patient_known" in rule.columns]
    return of_patients + [
        rule.columns[0] for rule in costly if rule.asks_for_a_value and rule.columns[0] in table.schema.names
    ]


def _json(text: dict[str, Any]) -> str:
    return json.dumps(text, indent=2, ensure_ascii=False) + "\n"
