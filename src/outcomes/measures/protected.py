"""All tables that may be shown, made from `sql/measures/`."""

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from outcomes.labelling.definitions import label_definitions
from outcomes.measures.deliveries import protected_attrition, protected_deliveries
from outcomes.measures.shares import protected_kinds, protected_reasons, protected_shares
from outcomes.shipped import shipped
from outcomes.sqlfiles import load


@dataclass(frozen=True)
class ReleaseFacts:
    """What a release says of itself."""

    release_id: str
    data_to: str
    suppression_threshold: int
    code_version: str


def protected_tables(
    con: duckdb.DuckDBPyConnection, facts: ReleaseFacts, site_names: dict[str, str]
) -> dict[str, pa.Table]:
    """The tables of `sql/measures/`, hidden where they would tell of a few patients.

    Args:
        con: a connection that holds the lake and the relations of the labelling step.
        facts: what the release says of itself.
        site_names: names of the sites by id, as far as the register gives them.
    """
    tables = _unprotected_tables(con, facts, site_names)
    small_cell = facts.suppression_threshold
    shares = protected_shares(tables["label_shares"], small_cell)
    submissions, failures = protected_deliveries(tables["submissions"], tables["rule_failures"], small_cell)
    return tables | {
        "label_shares": shares,
        "label_kinds": protected_kinds(tables["label_kinds"], shares, small_cell),
        "label_reasons": protected_reasons(tables["label_reasons"], shares, small_cell),
        "submissions": submissions,
        "rule_failures": failures,
        "attrition": protected_attrition(tables["attrition"], small_cell),
    }


def _unprotected_tables(
    con: duckdb.DuckDBPyConnection, facts: ReleaseFacts, site_names: dict[str, str]
) -> dict[str, pa.Table]:
    definitions = [
        {
            "label": label.name,
            "title": label.title,
            "category": label.category,
            "definition_text": label.definition,
            "guide": label.guide,
            "version": label.version,
            "headline": label.headline,
        }
        for label in label_definitions()
    ]
    names = [{"site_id": site_id, "name": name} for site_id, name in site_names.items()]
    given = {
        "release_facts": pa.Table.from_pylist([vars(facts)]),
        "definitions": pa.Table.from_pylist(definitions),
        "site_names": pa.Table.from_pylist(names, schema=pa.schema({"site_id": pa.string(), "name": pa.string()})),
    }
    for name, table in given.items():
        con.register(name, table)
    tables = {file.name: con.sql(file.select).to_arrow_table() for file in load(shipped("sql", "measures"))}
    for name in given:
        con.unregister(name)
    return tables
