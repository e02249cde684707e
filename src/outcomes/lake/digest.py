"""A digest of rows that hangs on what they hold, not on their order, their files or the width of the table."""

import duckdb
import pyarrow as pa

from outcomes.contract import Table
from outcomes.lake.records import SUBMISSIONS


def digest_of(table: Table, rows: str) -> str:
    """SQL: the aggregate that sums 64 bits of the md5 of each of the `rows`.

    Cells enter it under their column's name and a missing one not at all: a column that comes later changes nothing.
    """
    names = sorted([*table.schema.names, "flags"])
    cells = _named({name: f"cast({rows}.{name} as varchar)" for name in names})
    return f"cast(sum(cast(md5_number_lower({cells}) as hugeint)) as varchar)"


def digest_of_record() -> str:
    """SQL: the md5 of a row of `SUBMISSIONS`; as above, a column that comes later changes nothing."""
    return f"md5({_named({field.name: _as_text(field) for field in SUBMISSIONS if field.name != 'record_digest'})})"


def _as_text(field: pa.Field) -> str:
    if pa.types.is_timestamp(field.type):
        return f"cast(epoch_us({field.name}) as varchar)"
    if pa.types.is_list(field.type):
        parts = _named({part.name: f"cast(part.{part.name} as varchar)" for part in field.type.value_type})
        return f"array_to_string([{parts} for part in {field.name}], chr(30))"
    return f"cast({field.name} as varchar)"


def _named(cells: dict[str, str]) -> str:
    """SQL: the cells that are given, each behind its name."""
    given = ", ".join(f"'{name}=' || {cell}" for name, cell in cells.items())
    return f"concat_ws(chr(31), {given})"


def digest(con: duckdb.DuckDBPyConnection, table: Table, rows: pa.Table) -> str | None:
    """The digest of rows of a contract table with their flags; None of no rows."""
    con.register("digested", rows)
    ((found,),) = con.execute(f"select {digest_of(table, 'digested')} from digested").fetchall()
    con.unregister("digested")
    return None if found is None else str(found)
