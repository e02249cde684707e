"""How the share of a label moves when a convention that it rests on moves."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import duckdb

from outcomes.sql.catalog.labels import LabelDefinition, label_definition, relations_in_order
from outcomes.sql.engine import materialize
from outcomes.sql.files import SqlFile, read_yaml, with_needs
from outcomes.sql.reference import thresholds
from outcomes.sql.shipped import shipped

_NO_ANSWERS = """
create or replace table trial_answers (
    trial smallint, site_id varchar, patient_id varchar, status enum ('yes', 'no', 'not_assessable')
)
"""

_COUNTS = """
select
    count(*) filter (where status = 'yes'),
    count(*) filter (where status = 'no'),
    count(*) filter (where status = 'not_assessable')
from trial_answers
where trial = $trial
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


class _Trial(NamedTuple):
    """A label under another value of one of its thresholds; `number` is its place among the trials."""

    number: int
    label: LabelDefinition
    threshold: str
    value: Any


def sensitivity_needs() -> set[str]:
    """The relations that `answer_trials` reads."""
    return {name for trial in _trials() for file in _touched(trial.label, trial.threshold) for name in file.needs}


def run_sensitivity(con: duckdb.DuckDBPyConnection) -> None:
    """Make the relations `trial_answers` and `sensitivity`: see `answer_trials` and `count_answers`."""
    answer_trials(con)
    count_answers(con)


def answer_trials(con: duckdb.DuckDBPyConnection) -> None:
    """Make the relation `trial_answers` on a connection that holds the relations of the labelling step.

    One row per trial and episode. Each rests on the episode's own records alone, as its labels do.
    """
    con.execute(_NO_ANSWERS)
    for trial in _trials():
        _answer(con, trial)


def count_answers(con: duckdb.DuckDBPyConnection) -> None:
    """Make the relation `sensitivity` on a connection that holds `trial_answers` and `labels`.

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
    for number, label, threshold, value in _trials():
        (counts,) = con.execute(_COUNTS, {"trial": number}).fetchall()
        row = [label.name, threshold, str(value), value == thresholds()[threshold], *counts]
        con.execute("insert into sensitivity values (?, ?, ?, ?, ?, ?, ?)", row)
    con.execute(_TIERS)


def _trials() -> list[_Trial]:
    stated = (
        (label_definition(each["label"]), each["threshold"], value)
        for each in read_yaml(shipped("sql", "definitions", "sensitivity.yaml"))
        for value in each["values"]
    )
    return [_Trial(number, *trial) for number, trial in enumerate(stated)]


def _answer(con: duckdb.DuckDBPyConnection, trial: _Trial) -> None:
    """Add the answers under a threshold; what another one than that in force touches is made in a schema of its own."""
    ((in_force,),) = con.execute(f"select {trial.threshold} from thresholds").fetchall()
    if trial.value == in_force:
        answers = f"select $trial, site_id, patient_id, status from labels where label = '{trial.label.name}'"
        con.execute(f"insert into trial_answers {answers}", {"trial": trial.number})
        return
    con.execute("create schema trial")
    con.execute("set search_path = 'trial,main'")
    try:
        replaced = f"select * replace ($value as {trial.threshold}) from main.thresholds"
        con.execute(f"create table thresholds as {replaced}", {"value": trial.value})
        materialize(con, _touched(trial.label, trial.threshold))
        # A label's relation has a row per piece of evidence; its result is the same in each.
        answers = f"select distinct $trial, site_id, patient_id, status from {trial.label.rows}"
        con.execute(f"insert into main.trial_answers {answers}", {"trial": trial.number})
    finally:
        con.execute("set search_path = 'main'")
        con.execute("drop schema trial cascade")


def _touched(label: LabelDefinition, threshold: str) -> Iterator[SqlFile]:
    """The relations between a threshold and a label, in the order in which they are made."""
    touched: set[str] = set()
    for file in with_needs([label.file.name], relations_in_order()):
        if f"thresholds.{threshold}" in file.select or touched & set(file.needs):
            touched.add(file.name)
            yield file
