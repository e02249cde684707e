"""Label invented patients without a lake: rows of the contract straight into the relations that labelling reads."""

from typing import Any

import duckdb
import pyarrow as pa

from outcomes.contract import TABLES
from outcomes.labelling.build import run
from outcomes.lake import PROVENANCE, SUBMISSIONS
from outcomes.measures.inputs import make_inputs
from outcomes.periods import months_until

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
PERIODS = tuple(months_until("2024-01", 25))
"""Of the submissions of a site: from the month in which the default patient was operated on to that of the data cut."""
LeftOut = dict[str, list[str]]
"""By submission period the tables that a site left out of it."""


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
    sites: dict[str, dict[str, list[Row]]],
    delivered: dict[str, list[str]] | None = None,
    left_out: dict[str, LeftOut] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Run the labels over rows by site and table; `delivered` names the tables of a site, all of them unless given.

    A site with `left_out` has a submission in force of each month; of the others the one of the last month holds all.
    """
    con = duckdb.connect()
    for table in TABLES.values():
        rows = [
            {"site_id": site, "period": PERIODS[-1], "submission_id": f"{site}-{PERIODS[-1]}", **row}
            for site, tables in sites.items()
            for row in tables.get(table.name, [])
        ]
        schema = pa.schema([*PROVENANCE, *table.schema])
        con.register("rows", pa.Table.from_pylist(rows, schema=schema))
        con.execute(f"create table {table.name} as from rows")
    submissions = [
        {
            "submission_id": f"{site}-{period}",
            "site_id": site,
            "period": period,
            "tables": [
                {"source_table": table}
                for table in (delivered or {}).get(site, ALL_TABLES)
                if table not in (left_out or {}).get(site, {}).get(period, ())
            ],
        }
        for site in sites
        for period in (PERIODS if site in (left_out or {}) else PERIODS[-1:])
    ]
    con.register("rows", pa.Table.from_pylist(submissions, schema=SUBMISSIONS))
    con.execute("create table submissions as select *, 'accepted' as status from rows")
    con.unregister("rows")
    run(con)
    return con


def measure(
    sites: dict[str, dict[str, list[Row]]],
    delivered: dict[str, list[str]] | None = None,
    left_out: dict[str, LeftOut] | None = None,
) -> duckdb.DuckDBPyConnection:
    """As `label`, and make the relations that the measures are counted from."""
    con = label(sites, delivered, left_out)
    make_inputs(con)
    return con
