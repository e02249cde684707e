"""How the share of a label moves when a convention that it rests on moves."""

from collections.abc import Iterator
from typing import Any

import duckdb

from outcomes.sql.catalog.labels import LabelDefinition, label_definition, relations_in_order
from outcomes.sql.engine import materialize
from outcomes.sql.files import SqlFile, read_yaml
from outcomes.sql.reference import thresholds
from outcomes.sql.shipped import shipped

_COUNTS = """
select
    count(distinct (site_id, patient_id)) filter (where status = 'yes'),
    count(distinct (site_id, patient_id)) filter (where status = 'no'),
    count(distinct (site_id, patient_id)) filter (where status = 'not_assessable')
from {rows}
"""

_TIERS = """
insert into sensitivity
with answers as (
    select
        suspected.status as suspected,
        clinical.status as clinical,
        surgical.status as surgical
    from labels as suspected
    inner join labels as clinical
        on suspected.site_id = clinical.site_id and suspected.patient_id = clinical.patient_id
        and clinical.label = 'clinical_asd'
    inner join labels as surgical
        on suspected.site_id = surgical.site_id and suspected.patient_id = surgical.patient_id
        and surgical.label = 'surgical_asd'
    where suspected.label = 'suspected_asd'
),
tiers as (
    select 'surgical' as tier, suspected, surgical = 'yes' as is_yes from answers
    union all
    select 'probable' as tier, suspected, suspected = 'yes' as is_yes from answers
    union all
    select 'possible' as tier, suspected, suspected = 'yes' or clinical = 'yes' as is_yes from answers
)
select
    'suspected_asd', 'lowest_tier', tier, tier = 'probable',
    count(*) filter (where suspected <> 'not_assessable' and is_yes),
    count(*) filter (where suspected <> 'not_assessable' and not is_yes),
    count(*) filter (where suspected = 'not_assessable')
from tiers
group by tier
"""


def sensitivity_needs() -> set[str]:
    """The relations that `run_sensitivity` reads."""
    touched = (file for trial in _trials() for file in _touched(label_definition(trial["label"]), trial["threshold"]))
    return {name for file in touched for name in file.needs}


def run_sensitivity(con: duckdb.DuckDBPyConnection) -> None:
    """Make the relation `sensitivity` on a connection that holds the relations of the labelling step.

    One row per label, convention and value tried: patients with yes, no and not assessable. Beside the thresholds of
    `sql/definitions/sensitivity.yaml` it tells suspected adjacent segment disease by its lowest tier that counts, among
    the patients for whom the label itself can be said.
    """
    con.execute(
        """
        create or replace table sensitivity (
            label varchar, convention varchar, setting varchar, is_default boolean,
            yes bigint, no bigint, not_assessable bigint,
            share double as (yes / nullif(yes + no, 0))
        )
        """
    )
    for trial in _trials():
        label, threshold = label_definition(trial["label"]), trial["threshold"]
        for value in trial["values"]:
            counts = _counts_with(con, label, threshold, value)
            row = [label.name, threshold, str(value), value == thresholds()[threshold], *counts]
            con.execute("insert into sensitivity values (?, ?, ?, ?, ?, ?, ?)", row)
    con.execute(_TIERS)


def _trials() -> list[dict[str, Any]]:
    trials: list[dict[str, Any]] = read_yaml(shipped("sql", "definitions", "sensitivity.yaml"))
    return trials


def _counts_with(con: duckdb.DuckDBPyConnection, label: LabelDefinition, threshold: str, value: Any) -> tuple[Any, ...]:
    """Answers of a label under another threshold; what the threshold touches is made anew in a schema of its own."""
    con.execute("create schema trial")
    con.execute("set search_path = 'trial,main'")
    try:
        replaced = f"select * replace ($value as {threshold}) from main.thresholds"
        con.execute(f"create table thresholds as {replaced}", {"value": value})
        materialize(con, _touched(label, threshold))
        (counts,) = con.execute(_COUNTS.format(rows=label.rows)).fetchall()
    finally:
        con.execute("set search_path = 'main'")
        con.execute("drop schema trial cascade")
    return tuple(counts)


def _touched(label: LabelDefinition, threshold: str) -> Iterator[SqlFile]:
    """The relations between a threshold and a label, in the order in which they are made."""
    files = relations_in_order()
    by_name = {file.name: file for file in files}
    needed: set[str] = set()
    waiting = [label.file.name]
    while waiting:
        name = waiting.pop()
        if name in by_name and name not in needed:
            needed.add(name)
            waiting += by_name[name].needs
    touched: set[str] = set()
    for file in files:
        if file.name in needed and (f"thresholds.{threshold}" in file.select or touched & set(file.needs)):
            touched.add(file.name)
            yield file
