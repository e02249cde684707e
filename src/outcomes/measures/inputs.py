"""Make the relations of `sql/relations/measures/`: what the measures need beyond the labels, and their counts."""

import duckdb
import pyarrow as pa

from outcomes.measures.rules import rule_definitions_table, rule_measures_table
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import label_definitions
from outcomes.sql.catalog.marts import mart_schema
from outcomes.sql.catalog.measures import definitions_table
from outcomes.sql.engine_choice import engine_of
from outcomes.sql.files import in_order, load
from outcomes.sql.shipped import shipped


def make_inputs(con: duckdb.DuckDBPyConnection, settings: Settings | None = None) -> None:
    """Make the relations of `sql/relations/measures/`, each after those it needs; afterwards nothing is registered.

    Leaves, among others: `measure_definitions`, `label_definitions`, `rule_definitions`, `rule_measures`,
    `measure_results` (a view: one row per measure and episode), `measure_counts`, `measure_exclusions`,
    `completeness`, `responders_baseline`, `reported_answers` (a view) and `answer_patterns`.

    Args:
        con: a connection that holds the lake and the relations of the labelling step.
        settings: name the engine that makes the relations; DuckDB when not given.

    Raises:
        OutcomesError: engine_missing.
    """
    defined = {
        "measure_definitions": definitions_table(),
        "label_definitions": _labels_table(),
        "rule_definitions": rule_definitions_table(),
        "rule_measures": rule_measures_table(),
    }
    for name, definitions in defined.items():
        con.register("definitions", definitions)
        con.execute(f"create or replace table {name} as from definitions")
        con.unregister("definitions")
    with engine_of(settings)(con) as engine:
        for file in in_order(load(shipped("sql", "relations", "measures"))):
            engine.materialize(file)


def _labels_table() -> pa.Table:
    """The definitions of the labels, one row each."""
    rows = [dict(label) | {"label": label.name, "definition_text": label.definition} for label in label_definitions()]
    schema = mart_schema("label_definitions", "protected")
    return pa.Table.from_pylist(rows, schema=schema.remove(schema.get_field_index("state")))
