"""Label invented patients without a lake: rows of the contract straight into the relations that labelling reads."""

from typing import Any

import duckdb
import pyarrow as pa

from outcomes.contract import TABLES
from outcomes.labelling.build import run
from outcomes.lake import PROVENANCE, SUBMISSIONS
from outcomes.measures.inputs import make_inputs

Row = dict[str, Any]

PATIENT: Row = {
    "patient_id": "p",
    "index_period": "2022-01",
    "age_years": 50,
    "data_cut_day": 730,
    "last_contact_day": 730,
}
FUSION: Row = {"patient_id": "p", "day": 0, "code_system": "CPT", "code": "22551", "levels": "C5-6"}
ALL_TABLES = tuple(TABLES)


def complete(records: dict[str, list[Row]]) -> dict[str, list[Row]]:
    """A patient's records, with the patient and the index fusion added where the situation does not state them.

    `patients` given as one row changes the default patient; `procedures` are added to the index fusion, which a row
    with day 0 replaces. Rows without a key get one from their position.
    """
    procedures = records.get("procedures", [])
    index = [] if any(row.get("day") == 0 for row in procedures) else [FUSION]
    tables = records | {
        "patients": [PATIENT | row for row in records.get("patients", [{}])],
        "procedures": [*index, *procedures],
    }
    return {
        table: [{"patient_id": "p", TABLES[table].key: f"{table}-{number}"} | row for number, row in enumerate(rows, 1)]
        for table, rows in tables.items()
    }


def label(
    sites: dict[str, dict[str, list[Row]]], delivered: dict[str, list[str]] | None = None
) -> duckdb.DuckDBPyConnection:
    """Run the labels over rows by site and table; `delivered` names the tables of a site, all of them unless given."""
    con = duckdb.connect()
    for table in TABLES.values():
        rows = [
            {"site_id": site, "period": "2024-01", "submission_id": f"{site}-1", **row}
            for site, tables in sites.items()
            for row in tables.get(table.name, [])
        ]
        schema = pa.schema([*PROVENANCE, *table.schema])
        con.register("rows", pa.Table.from_pylist(rows, schema=schema))
        con.execute(f"create table {table.name} as from rows")
    submissions = [
        {
            "submission_id": f"{site}-1",
            "site_id": site,
            "period": "2024-01",
            "tables": [{"source_table": table} for table in (delivered or {}).get(site, ALL_TABLES)],
        }
        for site in sites
    ]
    con.register("rows", pa.Table.from_pylist(submissions, schema=SUBMISSIONS))
    con.execute("create table submissions as select *, 'accepted' as status from rows")
    con.unregister("rows")
    run(con)
    return con


def measure(
    sites: dict[str, dict[str, list[Row]]], delivered: dict[str, list[str]] | None = None
) -> duckdb.DuckDBPyConnection:
    """As `label`, and make the relations that the measures are counted from."""
    con = label(sites, delivered)
    make_inputs(con)
    return con
