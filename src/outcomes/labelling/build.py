"""Run the definitions over the lake: episodes first, then each label, then their evidence."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import duckdb

from outcomes.contract import TABLES
from outcomes.lake import PROVENANCE
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import LabelDefinition, label_definitions, relations_in_order
from outcomes.sql.engine_choice import engine_of
from outcomes.sql.files import SqlFile
from outcomes.sql.reference import load_references, reference_rows

Progress = Callable[[str, int, int], None]
"""Called with the name of a step, how many are done, and how many there are."""

# Words of closed lists take a byte each, not sixteen: there are as many results as labels times patients.
_NO_RESULTS = """
create or replace table labels (
    label enum ({labels}), site_id varchar, patient_id varchar,
    status enum ('yes', 'no', 'not_assessable'), reason enum ({reasons}), onset_day bigint, kind varchar,
    definition_version integer, value double, value_name varchar, is_counted boolean
);
create or replace table cited_records (
    label enum ({labels}), site_id varchar, patient_id varchar, source_table varchar, record_id varchar
);
"""

# What lies after the patient's own data cut cannot be known: such a record is not there for any relation, and an end
# that lies there is not known. The views hide the tables of the same name.
_DATA_CUTS = """
create or replace temp table data_cuts as
select site_id, patient_id, data_cut_day
from {tables}.patients
where data_cut_day is not null
"""
_UP_TO_CUT = """
create or replace temp view {table} as
select {columns}
from {tables}.{table} as delivered
left join data_cuts
    on delivered.site_id = data_cuts.site_id and delivered.patient_id = data_cuts.patient_id
where coalesce(delivered.{day} <= data_cuts.data_cut_day, true)
"""

# A label's relation has a row per piece of evidence; its result is the same in each. What cannot be said has no
# deciding value. Where a site lacks the table that could show a no, a yes known otherwise (surgery without images)
# would stand alone in its share: there the label is not counted.
_ADD_RESULTS = """
insert into labels
select {distinct}
    '{label}', site_id, patient_id, status, reason, onset_day, kind, {version},
    case when status <> 'not_assessable' then value end,
    case when status <> 'not_assessable' then value_name end,
    status <> 'not_assessable' and site_id not in (select site_id from {rows} where reason = 'no_source_data')
from {rows};
insert into cited_records
select '{label}', site_id, patient_id, source_table, record_id
from {rows}
where source_table <> 'patients' or status = 'yes';
"""

# A no, or what cannot be said, that cites no record rests on the patient's own row. The submission of each record is
# looked up in the table that holds it: the row in force is the one that decided.
_EVIDENCE = """
create or replace view label_evidence as
with cited as (
    select label, site_id, patient_id, source_table, record_id
    from cited_records
    union all
    select label, site_id, patient_id, 'patients' as source_table, patient_id as record_id
    from labels
    anti join cited_records using (label, site_id, patient_id)
),
in_force as ({submissions})
select
    cited.site_id, cited.patient_id, cast(cited.label as varchar) as label, cited.source_table, cited.record_id,
    in_force.submission_id
from cited
inner join in_force
    on cited.source_table = in_force.source_table
    and cited.site_id = in_force.site_id
    and cited.record_id = in_force.record_id
"""


def run(
    con: duckdb.DuckDBPyConnection,
    on_progress: Progress | None = None,
    settings: Settings | None = None,
    kept: Collection[str] | None = None,
    changed_thresholds: Mapping[str, Any] | None = None,
) -> None:
    """Make the relations of the labelling step on a connection that has the lake attached.

    From here on the contract tables hold nothing that lies after the patient's data cut, also for what comes later.
    Leaves the relations of `sql/relations/episodes/` and `sql/definitions/labels/`; and `labels` (one row per episode
    and label) and `label_evidence` (the records that each result rests on).

    Args:
        con: the connection.
        on_progress: told about each step.
        settings: name the engine and the installation's EQ-5D-5L value set (see `load_references`). When not given, it
            is DuckDB without a value set.
        kept: relations that must stay; the others go after their last use, since of many patients they would fill the
            memory. All stay when not given.
        changed_thresholds: conventions to label under instead of those declared, by name.

    Raises:
        OutcomesError: value_set_malformed, engine_missing.
    """
    prepare(con, settings, changed_thresholds)
    files = relations_in_order()
    labels = label_definitions()
    spent = _spent_after(files, kept)
    read = {file.name for file in files} if kept is None else {*kept, *(label.file.name for label in labels)}
    with engine_of(settings)(con) as engine:
        for done, file in enumerate(files):
            if on_progress:
                on_progress(file.name, done, len(files))
            engine.materialize(file, is_read=file.name in read)
            for label in (each for each in labels if each.file == file):
                _add_results(con, label)
            for name in spent[file.name]:
                engine.drop(name)
    if on_progress:
        on_progress("labels", len(files), len(files))


def prepare(
    con: duckdb.DuckDBPyConnection,
    settings: Settings | None = None,
    changed_thresholds: Mapping[str, Any] | None = None,
) -> None:
    """Make what the labelling rests on and leads to: reference tables, contract tables up to the data cut, no results.

    Args:
        con: a connection that has the lake attached.
        settings: name the value set, see `load_references`; there is none when not given.
        changed_thresholds: as of `run`.

    Raises:
        OutcomesError: value_set_malformed.
    """
    load_references(con, settings.eq5d_value_set if settings else None, changed_thresholds)
    end_at_data_cut(con)
    labels = _quoted(label.name for label in label_definitions())
    reasons = _quoted(row["reason"] for row in reference_rows("reasons"))
    con.execute(_NO_RESULTS.format(labels=labels, reasons=reasons))
    con.execute(_EVIDENCE.format(submissions=_submissions_of_records()))


def end_at_data_cut(con: duckdb.DuckDBPyConnection) -> None:
    """Leave out of each contract table the records, and of a record the end, after the patient's data cut.

    Args:
        con: a connection whose database holds the contract tables; views of their names hide them.
    """
    (database,) = con.execute("select current_database()").fetchone() or ("memory",)
    tables = f"{database}.main"
    con.execute(_DATA_CUTS.format(tables=tables))
    for table in TABLES.values():
        day = next((name for name in ("day", "start_day") if name in table.schema.names), None)
        if day:
            columns = ", ".join(map(_up_to_cut, [*PROVENANCE.names, *table.schema.names]))
            con.execute(_UP_TO_CUT.format(tables=tables, table=table.name, day=day, columns=columns))


def _up_to_cut(column: str) -> str:
    if column != "end_day":
        return f"delivered.{column}"
    return "case when coalesce(delivered.end_day <= data_cuts.data_cut_day, true) then delivered.end_day end as end_day"


def _spent_after(files: Sequence[SqlFile], kept: Collection[str] | None) -> dict[str, list[str]]:
    """By file, the relations that it is the last to use, those to keep left out."""
    last_use = {name: file.name for file in files for name in (file.name, *file.needs)}
    spent: dict[str, list[str]] = {file.name: [] for file in files}
    for file in files:
        if kept is not None and file.name not in kept:
            spent[last_use[file.name]].append(file.name)
    return spent


def _add_results(con: duckdb.DuckDBPyConnection, label: LabelDefinition) -> None:
    # Each episode has a row at least, so that as many rows as episodes are one each: nothing to make distinct.
    (is_one_each,) = con.execute(
        f"select (select count(*) from {label.rows}) = (select count(*) from episodes)"
    ).fetchone() or (False,)
    con.execute(
        _ADD_RESULTS.format(
            label=label.name, rows=label.rows, version=label.version, distinct="" if is_one_each else "distinct"
        )
    )


def _submissions_of_records() -> str:
    return "\nunion all\n".join(
        f"select '{table.name}' as source_table, site_id, {table.key} as record_id, submission_id from {table.name}"
        for table in TABLES.values()
    )


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)
