"""Run the definitions over the lake: episodes first, then each label, then their evidence."""

from collections.abc import Callable
from pathlib import Path

import duckdb

from outcomes.contract import TABLES
from outcomes.engines.duckdb import materialize
from outcomes.labelling.definitions import label_definitions, load_definitions, relations_in_order

Progress = Callable[[str, int, int], None]
"""Called with the name of a step, how many are done, and how many there are."""

_COUNTED = """
with results as ({labels})
select
    label, site_id, patient_id, status, reason, onset_day, kind, definition_version,
    -- What cannot be said has no deciding value.
    case when status <> 'not_assessable' then value end as value,
    case when status <> 'not_assessable' then value_name end as value_name,
    status <> 'not_assessable'
    and not bool_or(coalesce(reason = 'no_source_data', false)) over (partition by label, site_id) as is_counted
from results
"""
# Where a site lacks the table that could show a no, a yes known otherwise (surgery without images) would stand alone
# in its share.

_RESULT = "site_id, patient_id, status, reason, onset_day, value, value_name, kind"


def run(
    con: duckdb.DuckDBPyConnection, on_progress: Progress | None = None, eq5d_value_set: Path | None = None
) -> None:
    """Make the relations of the labelling step on a connection that has the lake attached.

    Leaves, among the relations of `sql/episodes/`: `episodes`, `attrition`, `follow_up_scores`, `window_states`,
    `responders`, `revisions`; and `labels` (one row per episode and label) and `label_evidence` (the records that each
    result rests on).

    Args:
        con: the connection.
        on_progress: told about each step.
        eq5d_value_set: the installation's EQ-5D-5L value set, see `load_definitions`.

    Raises:
        OutcomesError: value_set_malformed.
    """
    load_definitions(con, eq5d_value_set)
    files = relations_in_order()
    for done, file in enumerate(files):
        if on_progress:
            on_progress(file.name, done, len(files))
        materialize(con, [file])
    con.execute(f"create or replace table labels as {_COUNTED.format(labels=_all_labels())}")
    con.execute(f"create or replace table label_evidence as {_all_evidence()}")
    if on_progress:
        on_progress("labels", len(files), len(files))


def _all_labels() -> str:
    selects = (
        f"select distinct '{label.name}' as label, {_RESULT}, {label.version} as definition_version from {label.name}"
        for label in label_definitions()
    )
    return "\nunion all\n".join(selects)


def _all_evidence() -> str:
    # The submission of each record is looked up in the table that holds it: the row in force is the one that decided.
    cited = "\nunion all\n".join(
        f"select '{label.name}' as label, site_id, patient_id, source_table, record_id from {label.name}"
        for label in label_definitions()
    )
    submissions = "\nunion all\n".join(
        f"select '{table.name}' as source_table, site_id, {table.key} as record_id, submission_id from {table.name}"
        for table in TABLES.values()
    )
    return f"""
        with cited as ({cited}), in_force as ({submissions})
        select cited.site_id, cited.patient_id, cited.label, cited.source_table, cited.record_id, in_force.submission_id
        from cited
        inner join in_force
            on cited.source_table = in_force.source_table
            and cited.site_id = in_force.site_id
            and cited.record_id = in_force.record_id
    """
