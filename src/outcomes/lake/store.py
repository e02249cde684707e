"""Reading and writing the lake.

Rows of a submission are written first, under the id of the judgement that accepted them; one row in `submissions` then
commits the judgement. Readers see only rows of committed, unsuperseded submissions, so a crash half-way changes
nothing that a reader sees.
"""

import datetime
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import unquote

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError
from pyarrow import parquet

from outcomes.contract import TABLES, Table
from outcomes.errors import OutcomesError
from outcomes.lake.copies import copied, copy_records
from outcomes.lake.digest import LOOKED_AT, digest_of, digest_of_record
from outcomes.lake.opened import open_table
from outcomes.lake.read_once import read_once
from outcomes.lake.records import KEYS_BY_HASH, PROVENANCE, SUBMISSIONS, SubmissionRecord, TableCounts
from outcomes.lake.views import (
    CONTEXTS,
    JUDGEMENT_ID,
    OF_ACCEPTED_SUBMISSIONS,
    SUBMISSIONS_WITH_STATUS,
    WRITTEN_BY,
    rows_before,
    rows_beside,
    rows_first_delivered_later,
    rows_in_force,
    rows_in_force_of_patient,
    rows_written,
)
from outcomes.places import Folder, Objects, Remote, lake_place, place_at
from outcomes.settings import Settings

AsKnownOn = str | datetime.datetime | None
"""Leave out every submission of a later period (`YYYY-MM`), or every judgement recorded after a time; None: nothing."""

_ADDS_COLUMNS: Literal["merge"] = "merge"
"""A lake of an earlier version lacks columns that came later: a write adds them, a read finds them null."""

NAMED_BY_ROWS = ("patients", "encounters")
"""Of the tables looked at, those whose keys other rows name: they may be delivered later than what names them."""

_BY_RULE = frozenset({"rules", "blanked"})
"""Of a record, what each rule and cell came to; this and what follows take nearly all of its place."""

_BY_KEY = frozenset(KEYS_BY_HASH)

HISTORY = "history.json"
"""From when on the lake still holds all that was in force; without it from the beginning."""

READERS_NEED = datetime.timedelta(hours=24)
"""How long files that nothing refers to any more stay, for readers that opened the lake before."""

_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)

_COMMITS_IN_SMALL_FILES = 64
"""Each commit is a small file of its own until there are so many: whatever reads them slows down with their number."""


@dataclass(frozen=True, order=True)
class Damage:
    """Rows of a committed submission that the lake no longer holds as they were written."""

    site_id: str
    period: str
    source_table: str

    def __str__(self) -> str:
        """The place in words."""
        return f"{self.site_id}/{self.period} {self.source_table}"


class Lake:
    """The Delta tables below one folder, or one URL of an object store.

    Of the latter, whatever reads or writes it may raise OutcomesError: place_unreachable.
    """

    def __init__(self, root: Path | Remote) -> None:
        self._place = place_at(root)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The lake of an installation."""
        return cls(lake_place(settings))

    def write_rows(self, table: Table, rows: pa.Table, judgement_id: str) -> None:
        """Write a submission's accepted rows of one table; of a judgement that never commits none is seen.

        Args:
            table: the contract table.
            rows: `PROVENANCE` then the contract's columns; all rows of one submission.
            judgement_id: of the record that will commit them.
        """
        if rows.num_rows:
            rows = rows.select([*PROVENANCE.names, *table.schema.names])
            rows = rows.append_column(JUDGEMENT_ID, pa.repeat(judgement_id, rows.num_rows))
            self._append(table.name, rows, partition_by=["site_id", "period"])

    def commit(self, record: SubmissionRecord) -> None:
        """Append the row that makes a submission's rows visible, or records its refusal or withdrawal."""
        rows = with_digest(pa.Table.from_pylist([_row(record)], schema=SUBMISSIONS))
        self._append("submissions", rows)
        commits = self._delta("submissions")
        if commits and len(commits.file_uris()) > _COMMITS_IN_SMALL_FILES:
            with self._writing():
                commits.optimize.compact()
                commits.create_checkpoint()
        # Those of an earlier version too, and one whose copy a crash has prevented.
        records = self._recorded(record.site_id)
        digests = (with_digest(records) if records["record_digest"].null_count else records)["record_digest"]
        copy_records(self._place, records, digests)

    def recorded(self, site_id: str, period: str) -> list[SubmissionRecord]:
        """The attempts of one site and period as last judged, oldest first (without their rules and cells)."""
        return [each for each in self.attempts(site_id) if each.period == period]

    def attempts(self, site_id: str | None = None) -> list[SubmissionRecord]:
        """The attempts of one site, or of all, as last judged, in order (without their rules and cells)."""
        with in_memory() as con:
            self._attach_submissions(con, None, site_id, _BY_RULE | _BY_KEY)
            return _records(con, "from submissions")

    def standing(self, site_id: str | None = None) -> list[SubmissionRecord]:
        """The accepted attempts on which the periods of one site, or of all, stand (without their rules and cells)."""
        with in_memory() as con:
            self._attach_submissions(con, None, site_id, _BY_RULE | _BY_KEY)
            return _records(con, "from submissions where stands")

    def in_force(self) -> list[SubmissionRecord]:
        """The attempts whose rows are in force: those that stand and that no later full submission supersedes."""
        with in_memory() as con:
            self._attach_submissions(con, None, None, _BY_RULE | _BY_KEY)
            return _records(con, "from submissions where status = 'accepted'")

    def stale(self, site_id: str | None = None) -> list[SubmissionRecord]:
        """The attempts that stand or are the newest, of one site or of all, that rest on what has changed since.

        A withdrawal of a later month puts rows of an earlier one in force again that were looked at without what came
        meanwhile.
        """
        with in_memory() as con:
            self._attach_submissions(con, None, site_id, _BY_RULE)
            return _records(
                con,
                f"""
                with candidates as (
                    select *
                    from submissions
                    qualify stands or row_number() over (partition by site_id, period order by attempt desc) = 1
                )

                select candidates.*
                from candidates
                inner join ({_contexts("submissions", "candidates")}) as contexts
                    on
                        candidates.site_id = contexts.site_id
                        and candidates.period = contexts.period
                        and candidates.attempt = contexts.attempt
                where
                    candidates.outcome in ('accepted', 'refused')
                    and (
                        candidates.rests_on <> concat(
                            case when candidates.kind = 'incremental' then contexts.earlier end,
                            '/',
                            case when candidates.looks_ahead then contexts.later end
                        )
                        or (
                            candidates.outcome = 'accepted'
                            and exists (
                                from submissions as withdrawn
                                where
                                    withdrawn.site_id = candidates.site_id
                                    and withdrawn.period > candidates.period
                                    and withdrawn.outcome = 'withdrawn'
                                    and withdrawn.recorded_at > candidates.recorded_at
                            )
                        )
                    )
                order by candidates.site_id, candidates.period, candidates.attempt
                """,
            )

    def next_time(self, site_id: str) -> datetime.datetime:
        """When a judgement of the site is recorded now: later than all before it, whatever the clock says."""
        now = datetime.datetime.now(datetime.UTC)
        newest: datetime.datetime | None = pc.max(self._recorded(site_id)["recorded_at"]).as_py()
        return now if newest is None else max(now, newest + datetime.timedelta(microseconds=1))

    def history_from(self) -> datetime.datetime | None:
        """From when on what was in force is still there whole; None when nothing was removed.

        Raises:
            OutcomesError: lake_damaged.
        """
        try:
            return datetime.datetime.fromisoformat(json.loads(self._place.read(HISTORY))["from"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            raise OutcomesError("lake_damaged", HISTORY) from None

    def attach_submissions(
        self, con: duckdb.DuckDBPyConnection, as_known_on: AsKnownOn = None, *, site_id: str | None = None
    ) -> None:
        """Make the table `submissions`: each attempt as last judged, with its `status`.

        Status is accepted (in force), superseded, refused or withdrawn; `stands` is true of the accepted attempt that
        its site and period stands on.

        Raises:
            OutcomesError: lake_damaged, or history_removed when rows of that time have been removed.
        """
        self._attach_submissions(con, as_known_on, site_id, _BY_KEY)

    def _attach_submissions(
        self, con: duckdb.DuckDBPyConnection, as_known_on: AsKnownOn, site_id: str | None, without: frozenset[str]
    ) -> None:
        """As `attach_submissions`, without some columns that take much place."""
        is_time = isinstance(as_known_on, datetime.datetime)
        kept_from = self.history_from()
        if isinstance(as_known_on, datetime.datetime) and kept_from and as_known_on < kept_from:
            raise OutcomesError("history_removed", f"before {kept_from:%Y-%m-%dT%H:%M:%S.%f%z}")
        con.register("recorded_submissions", self._recorded(site_id).drop_columns(sorted(without)))
        _make_submissions(
            con,
            "submissions",
            recorded_to=as_known_on if is_time else None,
            period_to=None if is_time else as_known_on,
        )
        con.unregister("recorded_submissions")

    def attach(self, con: duckdb.DuckDBPyConnection, as_known_on: AsKnownOn = None) -> None:
        """Make the lake readable on a connection.

        Creates the table `submissions` (see `attach_submissions`) and, for each contract table, a view of its name:
        the rows in force, one per (site_id, key), tombstones and superseded rows left out, with `PROVENANCE` before
        the contract's columns.

        Raises:
            OutcomesError: lake_damaged when a file or log cannot be opened.
        """
        self.attach_submissions(con, as_known_on)
        for table in TABLES.values():
            _create_view(con, table.name, rows_in_force, table, self._files(table.name))

    def load_patient(self, con: duckdb.DuckDBPyConnection, site_id: str, patient_id: str) -> None:
        """Make each contract table, with the patient's rows in force alone; no file of another site is opened.

        Args:
            con: a connection that has `submissions`, whose status says what is in force.
            site_id: the patient's site.
            patient_id: the patient.

        Raises:
            OutcomesError: lake_damaged when a file or log cannot be opened.
        """
        for table in TABLES.values():
            files = self._files(table.name, site_id)
            try:
                con.execute(
                    f"create table {table.name} as {rows_in_force_of_patient(table, files)}",
                    {"site_id": site_id, "patient_id": patient_id},
                )
            except duckdb.Error:
                raise _unreadable(con, table, files) from None

    def attach_sound(self, con: duckdb.DuckDBPyConnection, as_known_on: AsKnownOn = None) -> list[Damage]:
        """As `attach`, with all rows in force compared with what was committed.

        A damaged submission has the status `damaged`, and none of its rows is in force.

        Returns:
            What is damaged, by site, period and table.

        Raises:
            OutcomesError: lake_damaged when the record of submissions itself cannot be read.
        """
        self.attach_submissions(con, as_known_on)
        checked = {name: self._checked(con, table) for name, table in TABLES.items()}
        damaged = sorted(one for _, found in checked.values() for one in found)
        for site_id, period in {(one.site_id, one.period) for one in damaged}:
            con.execute(
                "update submissions set status = 'damaged' where status = 'accepted' and site_id = ? and period = ?",
                [site_id, period],
            )
        for table in TABLES.values():
            _create_view(con, table.name, rows_in_force, table, checked[table.name][0])
        return damaged

    def attach_context(
        self, con: duckdb.DuckDBPyConnection, site_id: str, period: str, *, beside_damage: bool = False
    ) -> None:
        """Make readable what a site's other periods hold, for the validation of one.

        Creates `patients`, `encounters` and `follow_ups`: the rows in force before the period; and, as first delivered
        after it, `later_patients` and `later_encounters`. They have the columns `LOOKED_AT` alone: what else the other
        periods hold may change without another judgement.

        Args:
            con: the connection.
            site_id: the site.
            period: the month to be validated.
            beside_damage: whether rows may be other ones than were committed, or gone.

        Raises:
            OutcomesError: lake_damaged when something of the site cannot be read, or is not what was committed: what
                is judged beside it would stay wrong once it is repaired.
        """
        con.register("recorded_submissions", self._recorded(site_id).drop_columns(sorted(_BY_RULE)))
        _make_submissions(con, "submissions", period_before=period)
        _make_submissions(con, "later_submissions", period_after=period)
        _make_submissions(con, "site_submissions")
        con.unregister("recorded_submissions")
        files = {name: self._files(name, site_id) for name in LOOKED_AT}
        earlier = [(name, name, rows_before, "submissions") for name in LOOKED_AT]
        later = [(f"later_{name}", name, rows_first_delivered_later, "later_submissions") for name in NAMED_BY_ROWS]
        for view, name, select, submissions in (*earlier, *later):
            _create_view(con, view, select, TABLES[name], files[name])
            if not beside_damage:
                _require_as_written(con, TABLES[name], files[name], submissions)

    def attach_beside(
        self,
        con: duckdb.DuckDBPyConnection,
        site_id: str,
        period: str,
        columns: Mapping[str, Sequence[str]],
        *,
        is_full: bool,
    ) -> None:
        """Make readable what would stand beside a submission, were it accepted.

        Creates a view `beside_<table>` of each table: the rows in force of the site's other periods, with the period;
        of those before a full submission there are none. `written_<table>` holds all rows of the site, in force or not.

        Args:
            con: the connection.
            site_id: the site.
            period: the month of the submission.
            columns: by table, which of its columns the views have.
            is_full: whether it replaces what came before.

        Raises:
            OutcomesError: lake_damaged when something of the site cannot be read.
        """
        recorded = self._recorded(site_id)
        others = pc.greater(recorded["period"], period) if is_full else pc.not_equal(recorded["period"], period)
        con.register("recorded_submissions", recorded.filter(others).drop_columns(sorted(_BY_RULE)))
        _make_submissions(con, "beside_submissions")
        con.unregister("recorded_submissions")
        for name, wanted in columns.items():
            table, files = TABLES[name], self._files(name, site_id)
            try:
                written = read_once(f"{wanted} of {name}", files, partial(_columns_written, con, table, wanted))
            except (duckdb.Error, OSError):
                raise _unreadable(con, table, files) from None
            con.register(f"written_{name}", written)
            beside = rows_beside(table, f"from written_{name}", [*wanted, "period"])
            con.execute(f'create or replace view "beside_{name}" as {beside}')

    def remove_period(self, table: Table, site_id: str, period: str) -> None:
        """Take a site's files of one period out of a table, without reading them.

        A table whose log is gone or cannot be read begins anew; its files are set aside under a hidden name.
        """
        try:
            if delta := self._delta(table.name):
                delta.delete(f"site_id = '{site_id}' and period = '{period}'")
                return
        except OutcomesError:
            pass
        self._set_aside(table.name)

    def _checked(self, con: duckdb.DuckDBPyConnection, table: Table) -> tuple[list[str], list[Damage]]:
        """The files of a table that can be read to their end, and what of its rows in force is not as committed.

        Of a table without a readable log no file can be read.
        """
        try:
            files = self._files(table.name)
        except OutcomesError:
            files = []
        try:
            return files, _not_as_written(con, table, _written(con, table, files))
        except duckdb.Error:
            files = [one for one in files if _can_be_read(con, table, [one])]
            return files, _not_as_written(con, table, _written(con, table, files))

    def _recorded(self, site_id: str | None = None) -> pa.Table:
        """Every judgement of one site or of all.

        Raises:
            OutcomesError: lake_damaged when one cannot be read, is not what was committed, or is only there as a copy.
        """
        copies, rows = self._copied(site_id), self._records_in_table(site_id)
        if _lacks(rows, copies):  # or the one was read before and the other after an erasure
            copies, rows = self._copied(site_id), self._records_in_table(site_id)
            if _lacks(rows, copies):
                raise OutcomesError("lake_damaged", "the record of submissions")
        return rows

    def _records_in_table(self, site_id: str | None) -> pa.Table:
        files = self._files("submissions")
        if not files and self._were_set_aside("submissions"):  # a repair was killed
            raise OutcomesError("lake_damaged", "the record of submissions")
        try:
            rows = _records_in([(file, Path(file).stat().st_mtime_ns) for file in files])
        except (OSError, ValueError, pa.ArrowException):  # a wrong bit may also make text of a footer unreadable
            raise OutcomesError("lake_damaged", "the record of submissions") from None
        return rows if site_id is None else rows.filter(pc.equal(rows["site_id"], site_id))

    def _copied(self, site_id: str | None) -> set[str]:
        return set(copied(self._place, site_id).values())

    def _append(self, name: str, rows: pa.Table, partition_by: list[str] | None = None) -> None:
        with self._writing():
            write_deltalake(
                self._delta(name) or self._uri(name),
                rows,
                partition_by=partition_by,
                mode="append",
                schema_mode=_ADDS_COLUMNS,
            )

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Name what fails while a table is written at a URL.

        Raises:
            OutcomesError: place_changed, place_unreachable.
        """
        try:
            yield
        except (DeltaError, OSError) as error:
            if isinstance(self._place, Folder):
                raise
            code = "place_changed" if isinstance(error, CommitFailedError) else "place_unreachable"
            raise OutcomesError(code, self._place.uri) from None

    def _set_aside(self, name: str) -> None:
        """Give a table whose log cannot be read a hidden name."""
        if self._place.entries(name):
            self._place.rename(name, f".{name}-{datetime.datetime.now(datetime.UTC):%Y%m%dT%H%M%S%f}")

    def _were_set_aside(self, name: str) -> list[str]:
        """The files of tables that were set aside."""
        return [file for file in self._place.entries() if file.startswith(f".{name}-")]

    def _files(self, name: str, site_id: str | None = None) -> list[str]:
        """Paths of the files of a table, or of its rows of one site, in order."""
        delta = self._delta(name)
        if delta is None:
            return []
        of_site = None if site_id is None else [("site_id", "=", site_id)]
        files = sorted(delta.file_uris(file_pruning_predicate=of_site))
        if isinstance(self._place, Folder):
            return files
        if site_id is None:
            self._forget_copies(name, READERS_NEED)
        return self._place.here([_name_of(file, delta, name) for file in files])

    def _forget_copies(self, name: str, unused: datetime.timedelta) -> None:
        """Drop this machine's copies of files of a table that are no longer in force, if the lake is elsewhere."""
        if isinstance(self._place, Objects):
            delta = self._delta(name)
            in_force = [_name_of(file, delta, name) for file in delta.file_uris()] if delta else []
            self._place.forget_others(name, in_force, unused.total_seconds())

    def _delta(self, name: str) -> DeltaTable | None:
        try:
            return open_table(self._place, name)
        except DeltaError:
            raise OutcomesError("lake_damaged", f"the log of {name}") from None
        except OSError:
            if isinstance(self._place, Folder):
                raise
            raise OutcomesError("place_unreachable", self._place.uri) from None

    def _uri(self, name: str) -> str:
        return f"{self._place.uri}/{name}"


def _name_of(file: str, delta: DeltaTable, name: str) -> str:
    """The name within the lake of a file of a table at a URL."""
    return f"{name}{file.removeprefix(delta.table_uri.rstrip('/'))}"


def rests_on(con: duckdb.DuckDBPyConnection, judged: SubmissionRecord) -> str:
    """What the judgement of a submission rests on; if that is another later, the submission is judged again.

    Args:
        con: to which `Lake.attach_context` has attached what the site's other periods hold.
        judged: its place, kind, whether it looks ahead, how far and for what.
    """
    names = ("site_id", "period", "attempt", "looks_ahead_to", "seeks", "finds")
    place = {name: pa.array([getattr(judged, name)], SUBMISSIONS.field(name).type) for name in names}
    con.register("judged", pa.table(place))
    ((_, _, _, earlier, later),) = con.execute(_contexts("site_submissions", "judged")).fetchall()
    con.unregister("judged")
    return _in_one(judged.kind, earlier, later if judged.looks_ahead else "")


def _in_one(kind: str | None, earlier: str, later: str) -> str:
    """Only an incremental submission rests on earlier periods."""
    return f"{earlier if kind == 'incremental' else ''}/{later}"


def _contexts(submissions: str, judged: str) -> str:
    looked_at = ", ".join(f"'{name}'" for name in LOOKED_AT)
    return CONTEXTS.format(submissions=submissions, judged=judged, looked_at=looked_at)


def _make_submissions(con: duckdb.DuckDBPyConnection, name: str, **bounds: AsKnownOn) -> None:
    unbounded = dict.fromkeys(("recorded_to", "period_to", "period_before", "period_after"))
    con.execute(f"create or replace temp table {name} as {SUBMISSIONS_WITH_STATUS}", unbounded | bounds)


def _lacks(records: pa.Table, copies: set[str]) -> bool:
    """Whether a copy is of none of the records."""
    missing = copies.difference(records["record_digest"].to_pylist())
    return bool(missing) and bool(missing.difference(with_digest(records)["record_digest"].to_pylist()))


_SOUND: set[tuple[str, int]] = set()
"""Files of records, and when they were written, whose records are what was committed."""


def _records_in(files: Sequence[tuple[str, int]]) -> pa.Table:
    """The records of files, each read once a process: each command asks for them many times.

    Args:
        files: as the log of the table names them, and when they were last written (st_mtime_ns): one that is written
            again is another.

    Raises:
        OutcomesError: lake_damaged.
        OSError, ValueError, pa.ArrowException: a file cannot be read.
    """
    # Of an empty list of batches, since to make an empty table PyArrow imports pandas.
    none = pa.Table.from_batches([], SUBMISSIONS)
    unknown = pa.concat_tables([none, *(_records_of(*file) for file in files if file not in _SOUND)])
    if unknown.num_rows:
        digests = with_digest(unknown)["record_digest"]
        if pc.any(pc.not_equal(digests, unknown["record_digest"])).as_py():
            raise OutcomesError("lake_damaged", "the record of submissions")
        _SOUND.update(files)
    rows = pa.concat_tables([none, *(_records_of(*file) for file in files)])
    if not rows["is_synthetic"].null_count:
        return rows
    # An earlier version recorded nothing of it, and what does not say so is not synthetic.
    is_synthetic = pc.fill_null(rows["is_synthetic"], False)
    return rows.set_column(SUBMISSIONS.get_field_index("is_synthetic"), "is_synthetic", is_synthetic)


@lru_cache(maxsize=1024)
def _records_of(file: str, _changed: int) -> pa.Table:
    with parquet.ParquetFile(file) as opened:
        rows = opened.read()
    try:
        rows = rows.cast(SUBMISSIONS)
    except ValueError:
        # Of an earlier version. Not for all: what reads such a file imports pandas, which takes longer than to read it.
        rows = parquet.read_table(file, schema=SUBMISSIONS)
    rows.validate(full=True)
    return rows


@contextmanager
def in_memory() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with temporary tables of its own; to begin a database costs as much as what is asked of it here."""
    with _database(os.getpid()).cursor() as con:
        yield con


@cache
def _database(process: int) -> duckdb.DuckDBPyConnection:
    """The database in memory of a process; a fork would have one whose threads are gone."""
    return duckdb.connect()


def with_digest(records: pa.Table) -> pa.Table:
    """Records of submissions with the digest of what they hold, in the same order."""
    with in_memory() as con:
        con.register("records", records)
        digests = con.sql(f"select {digest_of_record()} as record_digest from records").to_arrow_table()
    place = SUBMISSIONS.get_field_index("record_digest")
    return records.set_column(place, "record_digest", digests["record_digest"])


def _records(con: duckdb.DuckDBPyConnection, query: str) -> list[SubmissionRecord]:
    names = [name for name in SUBMISSIONS.names if name not in {*_BY_RULE, *_BY_KEY, "record_digest"}]
    # In microseconds: for a time of its own PyArrow begins pandas, which takes longer than all the rest.
    rows = con.sql(f"select * replace (epoch_us(recorded_at) as recorded_at) from ({query})").to_arrow_table()
    return [_record(row) for row in rows.select(names).to_pylist()]


def _row(record: SubmissionRecord) -> dict[str, Any]:
    # Not `asdict` of the whole, which would copy each of the thousands of hashes by itself.
    row = {one.name: getattr(record, one.name) for one in fields(record)}
    return row | {name: [asdict(one) for one in row[name]] for name in ("tables", "rules", "blanked")}


def _record(row: dict[str, Any]) -> SubmissionRecord:
    tables = tuple(TableCounts(**counts) for counts in row["tables"] or ())
    since_epoch = row["recorded_at"]
    recorded_at = None if since_epoch is None else _EPOCH + datetime.timedelta(microseconds=since_epoch)
    return SubmissionRecord(**row | {"tables": tables, "recorded_at": recorded_at})


def _columns_written(
    con: duckdb.DuckDBPyConnection, table: Table, columns: Sequence[str], files: Sequence[str]
) -> pa.Table:
    """These columns of every row of the files, and what says whether a row is in force."""
    names = dict.fromkeys((*PROVENANCE.names, JUDGEMENT_ID, table.key, "deleted", *columns))
    rows = rows_written(table, files, with_filename=True)
    return con.sql(f"select filename as file, {', '.join(names)} from ({rows})").to_arrow_table()


def _create_view(
    con: duckdb.DuckDBPyConnection,
    name: str,
    select: Callable[[Table, Sequence[str]], str],
    table: Table,
    files: Sequence[str],
) -> None:
    try:
        con.execute(f'create or replace view "{name}" as {select(table, files)}')
    except duckdb.Error:
        raise _unreadable(con, table, files) from None


def _require_as_written(con: duckdb.DuckDBPyConnection, table: Table, files: Sequence[str], submissions: str) -> None:
    """See that the rows in force of a table are those that were committed.

    Raises:
        OutcomesError: lake_damaged.
    """
    try:
        written = read_once(f"digests of {table.name}", files, partial(_written, con, table))
        damaged = _not_as_written(con, table, written, submissions)
    except (duckdb.Error, OSError):
        raise _unreadable(con, table, files) from None
    if damaged:
        raise OutcomesError("lake_damaged", ", ".join(map(str, damaged)))


def _unreadable(con: duckdb.DuckDBPyConnection, table: Table, files: Sequence[str]) -> OutcomesError:
    damaged = sorted({_place(file) for file in files if not _can_be_read(con, table, [file])})
    return OutcomesError("lake_damaged", f"{table.name} of {', '.join(damaged)}")


def _can_be_read(con: duckdb.DuckDBPyConnection, table: Table, files: Sequence[str]) -> bool:
    try:
        con.execute(
            f"select {digest_of(table, 'read')}, count(distinct coalesce(read.judgement_id, read.submission_id)) "
            f"from ({rows_written(table, files)}) as read"
        ).fetchall()
    except duckdb.Error:
        return False
    return True


def _place(file: str) -> str:
    """The site and period of a file, by the folders that hold it."""
    site_id, period = (unquote(part.partition("=")[2]) for part in Path(file).parts[-3:-1])
    return f"{site_id}/{period}"


def _not_as_written(
    con: duckdb.DuckDBPyConnection, table: Table, found: pa.Table, submissions: str = "submissions"
) -> list[Damage]:
    """The submissions in force whose rows of a table are not those that were committed.

    Args:
        con: a connection that has the submissions.
        table: of the contract.
        found: what its files hold, see `_WRITTEN`.
        submissions: the table of the submissions.
    """
    con.register("rows_written", found)
    damaged = con.execute(
        f"""
        with tables as (
            select site_id, period, unnest(tables) as counts
            from {submissions}
            where status = 'accepted'
        ),

        committed as (
            select site_id, period, counts.rows_accepted as row_count, counts.digest as digest
            from tables
            where counts.source_table = $source_table
        ),

        found as (
            select
                rows_written.site_id, rows_written.period,
                sum(rows_written.row_count) as row_count,
                cast(sum(cast(rows_written.digest as hugeint)) as varchar) as digest
            from rows_written
            {OF_ACCEPTED_SUBMISSIONS.format(submissions=submissions, written_by="rows_written.written_by")}
            group by rows_written.site_id, rows_written.period
        )

        select site_id, period
        from committed
        full join found using (site_id, period)
        where
            coalesce(committed.row_count, 0) <> coalesce(found.row_count, 0)
            or (committed.digest is not null and committed.digest is distinct from found.digest)
        """,
        {"source_table": table.name},
    ).fetchall()
    con.unregister("rows_written")
    return [Damage(site_id, period, table.name) for site_id, period in damaged]


_WRITTEN = pa.schema(
    {name: pa.string() for name in ("file", "site_id", "period", "written_by", "digest")} | {"row_count": pa.int64()}
)
"""What a file holds of a judgement: so many rows, and their digest."""


def _written(con: duckdb.DuckDBPyConnection, table: Table, files: Sequence[str]) -> pa.Table:
    """What the files of a table hold, as `_WRITTEN`.

    Raises:
        duckdb.Error: a file cannot be read.
    """
    return con.sql(
        f"""
        select
            filename as file, site_id, period, {WRITTEN_BY} as written_by,
            {digest_of(table, "rows_written")} as digest,
            count(*) as row_count
        from ({rows_written(table, files, with_filename=True)}) as rows_written
        group by all
        """
    ).to_arrow_table()
