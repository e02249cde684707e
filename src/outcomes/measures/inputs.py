"""Make the relations of `sql/relations/measures/`: what the measures need beyond the labels, and their counts."""

import duckdb

from outcomes.sql.catalog.measures import definitions_table
from outcomes.sql.files import in_order, load
from outcomes.sql.shipped import shipped


def make_inputs(con: duckdb.DuckDBPyConnection) -> None:
    """Make the relations of `sql/relations/measures/`, each after those it needs; afterwards nothing is registered.

    Leaves, among others: `measure_definitions`, `measure_results` (a view: one row per measure and episode),
    `measure_counts`, `measure_exclusions`, `completeness`, `responders_baseline` and `share_bounds`.

    Args:
        con: a connection that holds the lake and the relations of the labelling step.
    """
    con.register("definitions", definitions_table())
    con.execute("create or replace table measure_definitions as from definitions")
    con.unregister("definitions")
    for file in in_order(load(shipped("sql", "relations", "measures"))):
        # Answers of a hundred measures are many times as large as the labels: counted, never stored.
        kind = "view" if file.header.get("is_view") else "table"
        con.execute(f'create or replace {kind} "{file.name}" as {file.select}')
