"""A digest of rows that hangs on what they hold, not on their order, their files or the width of the table."""

import duckdb
import pyarrow as pa

from outcomes.contract import Table


def digest_of(table: Table, rows: str) -> str:
    """SQL: the aggregate that sums 64 bits of the md5 of each of the `rows`.

    Cells enter it under their column's name and a missing one not at all: a column that comes later changes nothing.
    """
    names = sorted([*table.schema.names, "flags"])
    cells = ", ".join(f"'{name}=' || cast({rows}.{name} as varchar)" for name in names)
    return f"cast(sum(cast(md5_number_lower(concat_ws(chr(31), {cells})) as hugeint)) as varchar)"


def digest(con: duckdb.DuckDBPyConnection, table: Table, rows: pa.Table) -> str | None:
    """The digest of rows of a contract table with their flags; None of no rows."""
    con.register("digested", rows)
    ((found,),) = con.execute(f"select {digest_of(table, 'digested')} from digested").fetchall()
    con.unregister("digested")
    return None if found is None else str(found)
