"""What the sites of a synthetic registry have said by the end, read from the files as they landed."""

from typing import Any

import duckdb
from pyarrow import parquet

from outcomes.contract import TABLES, Table
from outcomes.settings import Settings

Row = dict[str, Any]


def answer_key(settings: Settings, name: str) -> list[Row]:
    """The rows of `submissions` or `faults` of the answer key."""
    rows: list[Row] = parquet.read_table(settings.answer_key / f"{name}.parquet").to_pylist()
    return rows


def rows_in_force(settings: Settings) -> dict[str, dict[str, list[Row]]]:
    """The newest version of every sound row, by site and table; a table that a site never sent is left out.

    Rows that lose a cell are left out as well: they are a stranger's, whose answers nobody asks for.
    """
    planted = [row["record_id"] for row in answer_key(settings, "faults") if row["outcome"] != "flagged"]
    sites: dict[str, dict[str, list[Row]]] = {}
    for sent in answer_key(settings, "submissions"):
        if sent["status"] == "accepted":
            sites.setdefault(sent["site_id"], {})
    for site, tables in sites.items():
        for table in TABLES.values():
            files = sorted(str(path) for path in (settings.landing / site).glob(f"*/{table.name}.*"))
            if files:
                tables[table.name] = _newest(table, files, planted)
    return sites


def deliveries(settings: Settings, site: str) -> dict[str, frozenset[str]]:
    """The tables of each accepted submission of a site, by period."""
    folder = settings.landing / site
    return {
        sent["period"]: frozenset(path.stem for path in (folder / sent["period"]).iterdir()) & {*TABLES}
        for sent in answer_key(settings, "submissions")
        if (sent["site_id"], sent["status"]) == (site, "accepted")
    }


def _newest(table: Table, files: list[str], planted: list[str]) -> list[Row]:
    """Of each key the row of the last file, unless it is a tombstone or planted; codes without dots."""
    read = "read_csv(?, all_varchar = true," if files[0].endswith(".csv") else "read_parquet(?,"
    with duckdb.connect() as con:
        sound = f"not list_contains(?, {table.key})"
        sent = f"from {read} union_by_name = true, filename = true) where {sound}"
        con.execute(f"create table sent as {sent}", [files, planted])
        names = con.table("sent").columns
        for name, kind in ((column.name, column.type.sql) for column in table.columns):
            change = f"alter {name} type {kind}" if name in names else f"add {name} {kind}"
            con.execute(f"alter table sent {change}")
        if "code" in names:
            con.execute("update sent set code = replace(code, '.', '')")
        last = f"row_number() over (partition by {table.key} order by filename desc) = 1"
        con.execute(f"create table newest as from sent qualify {last}")
        newest = con.sql(f"select {', '.join(table.schema.names)} from newest where deleted is not true")
        rows: list[Row] = newest.to_arrow_table().to_pylist()
        return rows
