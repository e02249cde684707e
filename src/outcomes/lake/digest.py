"""A digest of rows that hangs on what they hold, not on their order, their files or the width of the table."""

from collections.abc import Iterable

import duckdb
import pyarrow as pa

from outcomes.contract import Table
from outcomes.lake.records import SUBMISSIONS

LOOKED_AT = {
    "patients": ("patient_id", "deleted", "death_day", "data_cut_day", "index_period"),
    "encounters": ("encounter_id", "deleted", "patient_id"),
    "follow_ups": ("follow_up_id", "deleted", *(f"ndi_item_{item}" for item in range(1, 11))),
}
"""By table, the columns at which the rules look when another submission of the site is judged."""


def digest_of(table: Table, rows: str) -> str:
    """SQL: the aggregate that sums 64 bits of the md5 of each of the `rows`.

    Cells enter it under their column's name and a missing one not at all: a column that comes later changes nothing.
    """
    return _digest_of([*table.schema.names, "flags"], rows)


def context_of(table: Table, rows: str) -> str:
    """SQL: as `digest_of`, of the columns `LOOKED_AT`; null of a table at which nothing looks."""
    return _digest_of(LOOKED_AT[table.name], rows) if table.name in LOOKED_AT else "cast(null as varchar)"


def _digest_of(columns: Iterable[str], rows: str) -> str:
    names = sorted(columns)
    cells = _named({name: f"cast({rows}.{name} as varchar)" for name in names})
    return f"cast(sum(cast(md5_number_lower({cells}) as hugeint)) as varchar)"


def digest_of_record() -> str:
    """SQL: the md5 of a row of `SUBMISSIONS`; as above, a column that comes later changes nothing."""
    return f"md5({_named({field.name: _as_text(field) for field in SUBMISSIONS if field.name != 'record_digest'})})"


def _as_text(field: pa.Field) -> str:
    if pa.types.is_timestamp(field.type):
        return f"cast(epoch_us({field.name}) as varchar)"
    if pa.types.is_list(field.type) and pa.types.is_struct(field.type.value_type):
        parts = _named({part.name: f"cast(part.{part.name} as varchar)" for part in field.type.value_type})
        return f"array_to_string([{parts} for part in {field.name}], chr(30))"
    return f"cast({field.name} as varchar)"


def _named(cells: dict[str, str]) -> str:
    """SQL: the cells that are given, each behind its name."""
    given = ", ".join(f"'{name}=' || {cell}" for name, cell in cells.items())
    return f"concat_ws(chr(31), {given})"


def key_hash(key: str) -> str:
    """SQL: 31 bits of the md5 of a key, by which records of submissions name patients and encounters."""
    return f"cast(md5_number_lower({key}) & {2**31 - 1} as integer)"


def hashes_of_keys(con: duckdb.DuckDBPyConnection, keys: pa.ChunkedArray) -> list[int]:
    """The hashes of keys, each once, in order."""
    con.register("hashed", pa.table({"key": keys}))
    found = con.sql(f"select distinct {key_hash('key')} as hash from hashed where key is not null order by hash")
    hashes: list[int] = found.to_arrow_table()["hash"].to_pylist()
    con.unregister("hashed")
    return hashes


def digests(con: duckdb.DuckDBPyConnection, table: Table, rows: pa.Table) -> tuple[str | None, str | None]:
    """Two digests of rows of a contract table: `digest_of` and `context_of`.

    Of no rows both are None, and of a table at which nothing looks the second.
    """
    con.register("digested", rows)
    ((of_all, of_context),) = con.execute(
        f"select {digest_of(table, 'digested')}, {context_of(table, 'digested')} from digested"
    ).fetchall()
    con.unregister("digested")
    return of_all, of_context
