"""The headline labels by the project's own definitions, and only what they rest on; evidence is left out."""

from pathlib import Path

import duckdb
import pyarrow as pa

from benchmarks.analysts import LABELS
from outcomes.contract import TABLES
from outcomes.labelling.build import end_at_data_cut
from outcomes.lake import PROVENANCE
from outcomes.settings import Settings
from outcomes.sql.catalog.labels import relations_in_order
from outcomes.sql.engine import connect, materialize
from outcomes.sql.files import with_needs
from outcomes.sql.reference import load_references

_SUBMISSIONS = """
create table submissions as
select site_id, '2026-01' as period, 'accepted' as status, list({{'source_table': source_table}}) as tables
from read_csv('{folder}/delivered_tables.csv')
group by site_id
"""


def label(folder: Path) -> pa.Table:
    """The status of each episode's headline labels.

    Args:
        folder: where the CSV files are.

    Returns:
        The columns site_id, patient_id, label and status.
    """
    with connect(Settings(home=folder)) as con:
        _read(con, folder)
        load_references(con)
        end_at_data_cut(con)
        materialize(con, with_needs(LABELS, relations_in_order()))
        answers = (f"select distinct site_id, patient_id, '{name}' as label, status from {name}" for name in LABELS)
        return con.sql(" union all ".join(answers)).to_arrow_table()


def _read(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """The relations that a lake would give."""
    provenance = ", ".join(f"null as {name}" for name in PROVENANCE.names if name != "site_id")
    for table in TABLES.values():
        types = {"site_id": "varchar"} | {column.name: column.type.sql for column in table.columns}
        rows = f"read_csv('{folder / table.name}.csv', header = true, columns = {types})"
        con.execute(f"create table {table.name} as select *, {provenance} from {rows}")
    con.execute(_SUBMISSIONS.format(folder=folder))
