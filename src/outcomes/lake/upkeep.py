"""What takes rows out of the lake for good: the erasure of a patient, and the vacuum.

Whoever calls holds the lock of the lake, so that nobody writes to it meanwhile.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import PurePath
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
from deltalake import DeltaTable, write_deltalake

from outcomes.contract import TABLES, Table
from outcomes.errors import OutcomesError
from outcomes.lake.copies import copied, copy_records, is_sound, readable_records, remove_copies
from outcomes.lake.digest import context_of, digest_of, hashes_of_keys
from outcomes.lake.records import KEYS_BY_HASH, SUBMISSIONS
from outcomes.lake.store import HISTORY, READERS_NEED, Lake, in_memory, with_digest
from outcomes.lake.views import WRITTEN_BY, rows_written
from outcomes.sql.quoting import literal

_Found = Mapping[tuple[str, str], Sequence[Any]]
"""By judgement and period: rows, their digest and their context."""


@dataclass(frozen=True)
class PatientRows:
    """Which rows are a patient's: those that name the patient, and tombstones that name a key of theirs alone.

    Attributes:
        site_id: the site.
        patient_id: the patient.
        keys: by table, the keys of the rows that name the patient.
    """

    site_id: str
    patient_id: str
    keys: Mapping[str, frozenset[str]]

    def condition(self, table: Table, *, tombstones: bool) -> str:
        """SQL: whether a row of the table is the patient's.

        Args:
            table: of the contract.
            tombstones: of the rows, only those that name no patient.
        """
        keyed = f"patient_id is null and {table.key} in ({_listed(sorted(self.keys.get(table.name, ())))})"
        named = f"patient_id = {literal(self.patient_id)}"
        return f"site_id = {literal(self.site_id)} and " + (f"({keyed})" if tombstones else f"({named})")


@dataclass(frozen=True)
class PastJudgement:
    """A judgement whose rows no present or past state within the time to keep needs."""

    written_by: str
    ended_at: datetime


class LakeUpkeep(Lake):
    """The lake, as erasure and vacuum change it."""

    def patient_keys(self, site_id: str, patient_id: str) -> dict[str, frozenset[str]]:
        """By table, the keys of the rows that name a patient, of every judgement.

        Raises:
            OutcomesError: lake_damaged when a file of the site cannot be read.
        """
        rows = PatientRows(site_id, patient_id, {})
        return {
            table.name: frozenset(
                str(key)
                for (key,) in self._query(
                    table, f"select distinct {table.key} from rows where {rows.condition(table, tombstones=False)}"
                )
            )
            for table in TABLES.values()
        }

    def count_patient(self, rows: PatientRows) -> int:
        """How many rows of a patient the lake holds, tombstones and every judgement included.

        Raises:
            OutcomesError: lake_damaged when a file of the site cannot be read.
        """
        return sum(
            self._count(table, rows.condition(table, tombstones=tombstones))
            for table in TABLES.values()
            for tombstones in (True, False)
        )

    def erase(self, rows: PatientRows, *, tombstones: bool) -> int:
        """Delete a patient's rows; what was committed of each judgement is restated without them first.

        A crash between the two shows as damage until it is done again, never as a wrong release.

        Args:
            rows: of which patient.
            tombstones: of the rows, only those that name no patient.

        Returns:
            How many were deleted.
        """
        conditions = {table.name: rows.condition(table, tombstones=tombstones) for table in TABLES.values()}
        tables = [table for table in TABLES.values() if self._count(table, conditions[table.name])]
        if tables or self._names_by_hash(rows):
            self._restate(rows.site_id, {table: conditions[table.name] for table in tables})
        deleted = 0
        for table in tables:
            if delta := self._delta(table.name):
                with self._writing():
                    deleted += int(delta.delete(conditions[table.name])["num_deleted_rows"])
        return deleted

    def _names_by_hash(self, rows: PatientRows) -> bool:
        """Whether a record of the site tells a key of the patient by its hash, as one does whose rows wait for them."""
        keys = {rows.patient_id, *(key for of_table in rows.keys.values() for key in of_table)}
        with in_memory() as con:
            hashes = set(hashes_of_keys(con, pa.chunked_array([sorted(keys)], pa.string())))
        records = self._recorded(rows.site_id).select(KEYS_BY_HASH)
        return any(not hashes.isdisjoint(pc.list_flatten(column).to_pylist()) for column in records.columns)

    def purge(self, site_id: str) -> None:
        """Remove from disk all that is no longer in force as files: old Parquet, and logs whose statistics name keys.

        Args:
            site_id: of which site files that were set aside go too.
        """
        for name in TABLES:
            if delta := self._delta(name):
                with self._writing():
                    delta.vacuum(0, dry_run=False, enforce_retention_duration=False, full=True)
                    # A commit that says nothing, so that the log can end with it, not a deletion that names the key.
                    delta.alter.set_table_properties({"delta.logRetentionDuration": "interval 1 days"})
                self._shorten_log(name, timedelta())
            self._forget_copies(name, timedelta())
            self._place.remove(
                file
                for file in self._were_set_aside(name)
                if file.split("/")[1] in (f"site_id={site_id}", "_delta_log")
            )
        self._place.remove(self._were_set_aside("submissions"))
        self._forget_copies("submissions", timedelta())

    def restore_record(self) -> list[str]:
        """Write the record of submissions again, if it is damaged, from the copies and what of it can be read.

        Copies that are no longer what was written are written again, or removed where nothing is left of their record.

        Returns:
            The sites of which a record is lost.

        Raises:
            OutcomesError: lake_damaged when nothing of it is left.
        """
        unsound = {
            copy: digest for copy, digest in copied(self._place).items() if not is_sound(self._place, copy, digest)
        }
        try:
            self._recorded()
        except OutcomesError:
            self._write_record_again()
        self._place.remove(unsound)
        records = self._recorded()
        copy_records(self._place, records, with_digest(records)["record_digest"])
        return sorted({copy.split("/")[1] for copy in unsound.keys() - copied(self._place).keys()})

    def _write_record_again(self) -> None:
        # Copies come first: files that a later one has replaced lie in the table's folder for a while. What was set
        # aside is all that there is when an earlier repair was killed.
        files = [*copied(self._place), *self._place.entries("submissions"), *self._were_set_aside("submissions")]
        of_rows = [file for file in files if file.endswith(".parquet") and "/_delta_log/" not in file]
        found = readable_records(self._place, of_rows)
        sound = found.filter(pc.fill_null(pc.equal(found["record_digest"], with_digest(found)["record_digest"]), True))
        with in_memory() as con:
            con.register("found", sound.append_column("place", pa.array(range(sound.num_rows), pa.int64())))
            records = con.sql(
                """
                select * exclude (place)
                from found
                qualify row_number() over (partition by site_id, period, attempt, recorded_at order by place) = 1
                order by site_id, period, attempt, recorded_at
                """
            ).to_arrow_table()
        if not records.num_rows:
            raise OutcomesError("lake_damaged", "the record of submissions")
        self._set_aside("submissions")
        with self._writing():
            write_deltalake(self._uri("submissions"), records.cast(SUBMISSIONS))

    def rows_by_judgement(self) -> Counter[str]:
        """How many rows each judgement has in the lake."""
        rows: Counter[str] = Counter()
        for table in TABLES.values():
            rows.update(dict(self._query(table, f"select {WRITTEN_BY}, count(*) from rows group by all")))
        return rows

    def committed(self) -> set[str]:
        """The judgements that were committed."""
        records = self._recorded()
        return set(pc.coalesce(records["judgement_id"], records["submission_id"]).to_pylist())

    def past(self, ended_before: datetime) -> list[PastJudgement]:
        """The judgements that ceased to be in force before a time: superseded, withdrawn, refused or judged again."""
        with duckdb.connect() as con:
            self.attach_submissions(con)
            con.register("recorded_submissions", self._recorded())
            found = con.execute(_PAST, {"ended_before": ended_before}).fetchall()
        return [PastJudgement(written_by, ended_at.astimezone(UTC)) for written_by, ended_at in found]

    def forget_history(self, before: datetime) -> None:
        """Record that what was in force before a time may no longer be complete."""
        known = self.history_from()
        if known is None or before > known:
            self._place.write(HISTORY, (json.dumps({"from": before.isoformat()}) + "\n").encode())

    def remove_judged(self, written_by: Iterable[str]) -> None:
        """Delete all rows of these judgements."""
        listed = _listed(written_by)
        for table in TABLES.values():
            if (delta := self._delta(table.name)) and self._count(table, f"{WRITTEN_BY} in ({listed})"):
                has_judgement = any(field.name == "judgement_id" for field in delta.schema().fields)
                of_row = WRITTEN_BY if has_judgement else "submission_id"
                with self._writing():
                    delta.delete(f"{of_row} in ({listed})")

    def compact(self) -> None:
        """Write the small files of each table as few, and the state of its log in one piece."""
        for delta in self._deltas():
            with self._writing():
                delta.optimize.compact()
                delta.create_checkpoint()

    def small_files(self) -> int:
        """How many files a compaction would write as fewer: those of partitions with more than one."""
        partitions: dict[PurePath, int] = {}
        for delta in self._deltas():
            for file in delta.file_uris():
                partitions[PurePath(file).parent] = partitions.get(PurePath(file).parent, 0) + 1
        return sum(files for files in partitions.values() if files > 1)

    def unreferenced(self, older_than: timedelta = READERS_NEED) -> dict[str, int]:
        """The files that nothing refers to any more: of rows that were rewritten, and of logs before a checkpoint.

        Returns:
            Their bytes, by name.
        """
        hours = int(older_than.total_seconds() // 3600)
        found: dict[str, int] = {}
        for name in (*TABLES, "submissions"):
            if delta := self._delta(name):
                old = {f"{name}/{file}" for file in _vacuum(delta, hours, dry_run=True)}
                old.update(self._log_before_checkpoint(name, older_than))
                found |= {file: entry.size for file, entry in self._place.entries(name).items() if file in old}
        return found

    def remove_unreferenced(self, older_than: timedelta = READERS_NEED) -> None:
        """Remove those files."""
        hours = int(older_than.total_seconds() // 3600)
        for name in (*TABLES, "submissions"):
            if delta := self._delta(name):
                with self._writing():
                    _vacuum(delta, hours, dry_run=False)
                self._shorten_log(name, older_than)

    def _deltas(self) -> list[DeltaTable]:
        return [delta for name in (*TABLES, "submissions") if (delta := self._delta(name))]

    def _shorten_log(self, name: str, older_than: timedelta) -> None:
        delta = self._delta(name)
        if delta:
            with self._writing():
                delta.create_checkpoint()
            self._place.remove(self._log_before_checkpoint(name, older_than))

    def _log_before_checkpoint(self, name: str, older_than: timedelta) -> list[str]:
        """The files of a log that its last checkpoint makes needless."""
        log = f"{name}/_delta_log"
        pointer = f"{log}/_last_checkpoint"
        try:
            version = f"{json.loads(self._place.read(pointer))['version']:020}"
        except FileNotFoundError:
            return []
        limit = (datetime.now(UTC) - older_than).timestamp()
        return [
            file
            for file, entry in self._place.entries(log).items()
            if file != pointer and PurePath(file).name.partition(".")[0] < version and entry.written <= limit
        ]

    def _restate(self, site_id: str, conditions: Mapping[Table, str]) -> None:
        """Let the judgements of a site state the rows that are left to them, and their digest."""
        found: dict[str, tuple[_Found, _Found]] = {
            table.name: (self._digests(table, site_id), self._digests(table, site_id, f"not ({condition})"))
            for table, condition in conditions.items()
        }
        records = self._recorded().to_pylist()
        for record in records:
            if record["site_id"] == site_id:
                _restate_one(record, found)
        restated = with_digest(pa.Table.from_pylist(records, schema=SUBMISSIONS))
        remove_copies(self._place, site_id)
        with self._writing():
            write_deltalake(self._uri("submissions"), restated, mode="overwrite", schema_mode="overwrite")
        copy_records(self._place, restated, restated["record_digest"])

    def _digests(self, table: Table, site_id: str, condition: str = "true") -> _Found:
        rows = self._query(
            table,
            f"select {WRITTEN_BY}, period, count(*), {digest_of(table, 'rows')}, {context_of(table, 'rows')} "
            f"from rows where site_id = {literal(site_id)} and coalesce({condition}, true) group by all",
        )
        return {(written_by, period): found for written_by, period, *found in rows}

    def _count(self, table: Table, condition: str) -> int:
        ((count,),) = self._query(table, f"select count(*) from rows where {condition}")
        return int(count)

    def _query(self, table: Table, query: str) -> list[Any]:
        files = self._files(table.name)
        with in_memory() as con:
            try:
                return con.execute(f"with rows as ({rows_written(table, files)}) {query}").fetchall()
            except duckdb.IOException:
                raise OutcomesError("lake_damaged", table.name) from None


def _restate_one(record: dict[str, Any], found: Mapping[str, tuple[_Found, _Found]]) -> None:
    """Restate one judgement, unless its rows are not as it says: then they are damaged, and must show as such.

    In any case it tells no key by its hash any more.
    """
    place = (record["judgement_id"] or record["submission_id"], record["period"])
    record.update(dict.fromkeys(KEYS_BY_HASH))
    for counts in record["tables"] or ():
        whole, left = (one.get(place, (0, None, None)) for one in found.get(counts["source_table"], ({}, {})))
        gone = whole[0] - left[0]
        if gone and counts["rows_accepted"] == whole[0] and counts["digest"] in (None, whole[1]):
            counts["digest"], counts["context"] = left[1:] if counts["digest"] else (None, None)
            for name in ("rows_in", "rows_accepted"):
                counts[name] -= gone
                record[name] -= gone


_PAST = f"""
with records as (
    select site_id, period, attempt, outcome, coalesce(recorded_at, timestamptz 'epoch') as recorded_at,
        {WRITTEN_BY} as written_by
    from recorded_submissions
),

judgements as (
    select
        site_id, period, attempt, written_by,
        coalesce(max(recorded_at) filter (where outcome = 'accepted'), max(recorded_at)) as in_force_at
    from records
    group by site_id, period, attempt, written_by
),

ended as (
    select judgements.written_by, coalesce(min(records.recorded_at), max(judgements.in_force_at)) as ended_at
    from judgements
    left join records
        on judgements.site_id = records.site_id
        and judgements.period = records.period
        and records.recorded_at > judgements.in_force_at
        and (
            records.attempt = judgements.attempt
            or (records.attempt > judgements.attempt and records.outcome in ('accepted', 'withdrawn'))
        )
    group by judgements.written_by
)

select written_by, ended_at
from ended
where
    ended_at < $ended_before
    and written_by not in (select {WRITTEN_BY} from submissions where stands)
order by written_by
"""
"""When each judgement on which nothing stands any more ceased to be in force."""


def _vacuum(delta: DeltaTable, hours: int, *, dry_run: bool) -> list[str]:
    return delta.vacuum(hours, dry_run=dry_run, enforce_retention_duration=False, full=True)


def _listed(texts: Iterable[str]) -> str:
    """SQL: these texts with commas between; of none a null, which nothing equals."""
    return ", ".join(map(literal, texts)) or "null"
