"""Many small registries, one by one in memory: drawn, labelled and measured, without landing and intake."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pyarrow as pa

from outcomes.contract import TABLES
from outcomes.labelling.build import run
from outcomes.lake import PROVENANCE, SUBMISSIONS
from outcomes.measures.build import run_measures
from outcomes.release.build import relations_of_marts
from outcomes.settings import Settings
from outcomes.sql.engine import connect
from outcomes.synthetic.profiles import SiteProfile
from outcomes.synthetic.registry import draw_tables
from outcomes.synthetic.stories import Story

UNTIL = "2026-09"


@contextmanager
def measured_registry(
    *, seed: int, profiles: Sequence[SiteProfile], patients: int, stories: Sequence[Story] = ()
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that holds the relations of the labels and of the measures of one drawn registry."""
    with TemporaryDirectory() as home:
        settings = Settings(home=Path(home), threads=1)
        with connect(settings) as con:
            con.execute("set enable_progress_bar = false")
            load_registry(con, seed, profiles, patients, stories)
            run(con, kept=relations_of_marts())
            run_measures(con, settings)
            yield con


def load_registry(
    con: duckdb.DuckDBPyConnection,
    seed: int,
    profiles: Sequence[SiteProfile],
    patients: int,
    stories: Sequence[Story] = (),
) -> None:
    """Make the relations that a lake would give: the contract tables and the submissions, one of each site."""
    sites = list(draw_tables(seed=seed, profiles=profiles, patients=patients, until=UNTIL, stories=stories))
    for table in TABLES.values():
        parts = [_delivered(profile, tables[table.name]) for profile, tables in sites if table.name in tables]
        empty = pa.schema([*PROVENANCE, *table.schema]).empty_table()
        con.register("delivered", pa.concat_tables([empty, *parts]))
        con.execute(f"create table {table.name} as from delivered")
    submissions = [
        {
            "submission_id": profile.site_id,
            "site_id": profile.site_id,
            "period": UNTIL,
            "attempt": 1,
            "kind": "full",
            "tables": [_all_accepted(name, rows.num_rows) for name, rows in tables.items()],
        }
        for profile, tables in sites
    ]
    con.register("delivered", pa.Table.from_pylist(submissions, schema=SUBMISSIONS))
    con.execute("create table submissions as select *, 'accepted' as status from delivered")
    con.unregister("delivered")


def _all_accepted(table: str, rows: int) -> dict[str, Any]:
    none = dict.fromkeys(("rows_quarantined", "rows_pending"), 0)
    return {"source_table": table} | dict.fromkeys(("rows_in", "rows_accepted"), rows) | none


def _delivered(profile: SiteProfile, rows: pa.Table) -> pa.Table:
    cells = {"site_id": profile.site_id, "period": UNTIL, "submission_id": profile.site_id, "flags": None}
    columns = {name: pa.repeat(pa.scalar(value, pa.string()), rows.num_rows) for name, value in cells.items()}
    return pa.table(columns | {name: rows[name] for name in rows.column_names})
