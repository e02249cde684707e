"""The lake: Delta tables of accepted rows, and one table of submissions whose rows are the commits.

Rows of a submission are written first, under its `submission_id`; one row in `submissions` then commits it. Readers
see only rows of committed, unsuperseded submissions, so a crash half-way changes nothing that a reader sees.
"""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake
from pyarrow import parquet

from outcomes.contract import TABLES, Table

PROVENANCE = pa.schema(dict.fromkeys(("site_id", "period", "submission_id", "flags"), pa.string()))
"""Columns that the lake adds to each row; `flags` joins the codes of broken warning rules with a semicolon."""

_ROWS = dict.fromkeys(("rows_in", "rows_accepted", "rows_quarantined"), pa.int64())
_RULE_RESULT = dict.fromkeys(("source_table", "rule", "severity", "reason"), pa.string()) | dict.fromkeys(
    ("rows_checked", "rows_failed"), pa.int64()
)
_BLANKED_CELLS = dict.fromkeys(("source_table", "rule", "column_name"), pa.string()) | {"cells": pa.int64()}
SUBMISSIONS = pa.schema(
    {
        **dict.fromkeys(("submission_id", "site_id", "period"), pa.string()),
        "attempt": pa.int64(),
        "kind": pa.string(),
        "contract_version": pa.int64(),
        "deidentification_method": pa.string(),
        "is_synthetic": pa.bool_(),
        "outcome": pa.string(),
        "code": pa.string(),
        **_ROWS,
        "tables": pa.list_(pa.struct({"source_table": pa.string()} | _ROWS)),
        "rules": pa.list_(pa.struct(_RULE_RESULT)),
        "blanked": pa.list_(pa.struct(_BLANKED_CELLS)),
    }
)

_ADDS_COLUMNS: Literal["merge"] = "merge"
"""A lake of an earlier version lacks columns that came later: a write adds them, a read finds them null."""


@dataclass(frozen=True)
class TableCounts:
    """Row conservation of one table: rows_in = rows_accepted + rows_quarantined."""

    source_table: str
    rows_in: int
    rows_accepted: int
    rows_quarantined: int


@dataclass(frozen=True)
class RuleResult:
    """How one rule fared over one table of one submission.

    `rows_checked` are the rows to which the rule applies: all that it looks at is given. Of none it says nothing.
    """

    source_table: str
    rule: str
    severity: str
    reason: str
    rows_checked: int
    rows_failed: int

    @property
    def outcome(self) -> str:
        """Passed, failed, or not_applicable."""
        if not self.rows_checked:
            return "not_applicable"
        return "failed" if self.rows_failed else "passed"


@dataclass(frozen=True)
class BlankedCells:
    """How many cells of a column were set to missing in accepted rows, and by which rule."""

    source_table: str
    rule: str
    column_name: str
    cells: int


@dataclass(frozen=True)
class SubmissionRecord:
    """The row that commits a submission, or records its refusal (`outcome` refused, with the code).

    Of a refused submission all rows count as quarantined: none is accepted, and the delivery stays where it landed.
    """

    submission_id: str
    site_id: str
    period: str
    attempt: int
    outcome: str
    code: str | None = None
    kind: str | None = None
    contract_version: int | None = None
    deidentification_method: str | None = None
    is_synthetic: bool = False
    rows_in: int = 0
    rows_accepted: int = 0
    rows_quarantined: int = 0
    tables: tuple[TableCounts, ...] = ()
    rules: tuple[RuleResult, ...] = ()
    blanked: tuple[BlankedCells, ...] = ()


_SUBMISSION_STATUS = """
create or replace table submissions as
with recorded as (
    from recorded_submissions
    where $as_known_on is null or period <= $as_known_on
),
accepted as (
    select
        submission_id,
        site_id,
        period,
        attempt,
        row_number() over (partition by site_id, period order by attempt desc) = 1 as is_latest,
        max(period) filter (where kind = 'full') over (partition by site_id) as latest_full_period
    from recorded
    where outcome = 'accepted'
)
select
    recorded.*,
    case
        when recorded.outcome = 'refused' then 'refused'
        when accepted.is_latest and (latest_full_period is null or recorded.period >= latest_full_period)
            then 'accepted'
        else 'superseded'
    end as status
from recorded
left join accepted
    on recorded.site_id = accepted.site_id
    and recorded.period = accepted.period
    and recorded.attempt = accepted.attempt
order by recorded.site_id, recorded.period, recorded.attempt
"""


class Lake:
    """The Delta tables below one folder (or object-store URL, as a string)."""

    def __init__(self, root: Path | str) -> None:
        self._root = str(root).rstrip("/")

    def write_rows(self, table: Table, rows: pa.Table) -> None:
        """Write a submission's accepted rows of one table.

        Args:
            table: the contract table.
            rows: `PROVENANCE` then the contract's columns; all rows of one submission.
        """
        if rows.num_rows:
            write_deltalake(
                self._uri(table.name),
                rows.select([*PROVENANCE.names, *table.schema.names]),
                partition_by=["site_id", "period"],
                mode="append",
                schema_mode=_ADDS_COLUMNS,
            )

    def discard_rows(self, table: Table, site_id: str, period: str, submission_id: str) -> None:
        """Take out what an earlier try wrote of the same submission, so that trying again never doubles a row."""
        if DeltaTable.is_deltatable(self._uri(table.name)):
            DeltaTable(self._uri(table.name)).delete(
                f"site_id = '{site_id}' and period = '{period}' and submission_id = '{submission_id}'"
            )

    def commit(self, record: SubmissionRecord) -> None:
        """Append the row that makes a submission's rows visible, or records its refusal."""
        rows = pa.Table.from_pylist([asdict(record)], schema=SUBMISSIONS)
        write_deltalake(self._uri("submissions"), rows, mode="append", schema_mode=_ADDS_COLUMNS)

    def recorded(self, site_id: str, period: str) -> list[SubmissionRecord]:
        """The attempts recorded for one site and period, oldest first (without their details by table and rule)."""
        attempts = [
            SubmissionRecord(
                **{name: row[name] for name in SUBMISSIONS.names if name not in ("tables", "rules", "blanked")}
            )
            for row in self._submissions().to_pylist()
            if (row["site_id"], row["period"]) == (site_id, period)
        ]
        return sorted(attempts, key=lambda attempt: attempt.attempt)

    def attach(self, con: duckdb.DuckDBPyConnection, as_known_on: str | None = None) -> None:
        """Make the lake readable on a connection.

        Creates the table `submissions` (with `status` accepted, refused or superseded) and, for each contract table,
        a view of its name: the rows in force, one per (site_id, key), tombstones and superseded rows left out,
        with `PROVENANCE` before the contract's columns.

        Args:
            con: a connection that may create relations.
            as_known_on: leave out every submission of a later period (`YYYY-MM`).
        """
        con.register("recorded_submissions", self._submissions())
        con.execute(_SUBMISSION_STATUS, {"as_known_on": as_known_on})
        con.unregister("recorded_submissions")
        for table in TABLES.values():
            con.execute(f"create or replace view {table.name} as {self._rows_in_force(table)}")

    def _rows_in_force(self, table: Table) -> str:
        columns = ", ".join(f"rows_written.{name}" for name in [*PROVENANCE.names, *table.schema.names])
        return f"""
            with in_force as (
                select {columns}
                from ({self._rows_written(table)}) as rows_written
                inner join submissions
                    on rows_written.submission_id = submissions.submission_id
                    and rows_written.site_id = submissions.site_id
                    and rows_written.period = submissions.period
                    and submissions.status = 'accepted'
                qualify row_number() over (
                    partition by rows_written.site_id, rows_written.{table.key}
                    order by rows_written.period desc
                ) = 1
            )
            select * from in_force where not coalesce(deleted, false)
        """

    def _rows_written(self, table: Table) -> str:
        """SQL: every row of the files. Its empty first part names and types the columns that a file may lack."""
        typed = ", ".join(
            [f"cast(null as varchar) as {name}" for name in PROVENANCE.names]
            + [f"cast(null as {column.type.sql}) as {column.name}" for column in table.columns]
        )
        empty = f"select {typed} where false"
        files = self._files(table.name)
        if not files:
            return empty
        quoted = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        return (
            f"{empty} union all by name select * from read_parquet([{quoted}], union_by_name = true, "
            "hive_partitioning = true, hive_types = {'site_id': varchar, 'period': varchar})"
        )

    def _submissions(self) -> pa.Table:
        files = self._files("submissions")
        if not files:
            return SUBMISSIONS.empty_table()
        rows = pa.concat_tables(parquet.read_table(file, schema=SUBMISSIONS) for file in files)
        # An earlier version recorded nothing of it, and what does not say so is not synthetic.
        is_synthetic = pc.fill_null(rows["is_synthetic"], False)
        return rows.set_column(SUBMISSIONS.get_field_index("is_synthetic"), "is_synthetic", is_synthetic)

    def _files(self, name: str) -> list[str]:
        if not DeltaTable.is_deltatable(self._uri(name)):
            return []
        return sorted(DeltaTable(self._uri(name)).file_uris())

    def _uri(self, name: str) -> str:
        return f"{self._root}/{name}"
