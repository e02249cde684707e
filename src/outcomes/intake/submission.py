"""One submission in: every check in order, then quarantine, rows and, last, the commit."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.contract import TABLES
from outcomes.errors import OutcomesError, SubmissionRefused
from outcomes.intake.forgotten import Forgotten
from outcomes.intake.landing import is_site_id, site_is_known
from outcomes.intake.manifest import (
    FileEntry,
    Manifest,
    check_as_stated,
    delivered_files,
    place,
    read_manifest,
    submission_id,
)
from outcomes.intake.quarantine import quarantine_folder, write_quarantine, write_refusal
from outcomes.intake.reading import Cells, is_table_file, read_bytes, read_table
from outcomes.intake.recent import Recent
from outcomes.intake.rules import rules_sha256
from outcomes.intake.screening import screen, screen_accepted, screen_missing_codes
from outcomes.intake.together import TELLING, screen_together
from outcomes.intake.validation import JudgedCells, Judgement, judge_cells, validate
from outcomes.lake import (
    NAMED_BY_ROWS,
    Lake,
    RuleResult,
    SubmissionRecord,
    TableCounts,
    digests,
    hashes_of_keys,
    newest_not_refused,
    rests_on,
)
from outcomes.periods import is_month
from outcomes.settings import Settings
from outcomes.shared_locks import lake_lock, send, site_lock
from outcomes.sql.engine import workspace


def ingest_submission(settings: Settings, site_id: str, period: str) -> SubmissionRecord:
    """Take in what a site delivered for a period: screen, validate, quarantine and commit it.

    The same submission again changes nothing and gives back what was recorded; another one for the same site and
    period supersedes it whole.

    Args:
        settings: paths and thresholds.
        site_id: the site.
        period: the month, `YYYY-MM`.

    Returns:
        The row that committed the submission.

    Raises:
        SubmissionRefused: a code of 10 to 39. The refusal is recorded in the lake once there is a manifest.
        OutcomesError: rows_not_conserved, rule_not_evaluated, sites_malformed or lake_damaged.
    """
    if not is_site_id(site_id):
        raise SubmissionRefused("site_unknown", "a site_id is lower-case letters, digits, - and _")
    if not is_month(period):
        raise SubmissionRefused("period_mismatch", f"{site_id}: a period is YYYY-MM")
    with site_lock(settings, site_id):
        return _ingest(settings, site_id, period)


def _ingest(settings: Settings, site_id: str, period: str) -> SubmissionRecord:
    folder = settings.landing / site_id / period
    attempts = Lake.of(settings).recorded(site_id, period)
    attempt = Attempt(settings, site_id, period, submission_id(folder), len(attempts) + 1)
    standing = newest_not_refused(attempts).get((site_id, period))
    if standing and standing.submission_id == attempt.submission_id:
        if standing.outcome == "withdrawn":
            raise SubmissionRefused("submission_withdrawn", place(folder))
        _check_not_replaced(folder)
        return standing
    judged = judge(attempt)
    if judged.refusal is None or not _repeats(judged.record, attempts):
        commit(attempt, judged)
    if judged.refusal:
        raise judged.refusal from None
    return judged.record


def _check_not_replaced(folder: Path) -> None:
    """Files that were replaced without a new manifest are not in the lake, and that must not pass for a success."""
    try:
        check_as_stated(folder)
    except SubmissionRefused as found:
        raise SubmissionRefused(found.code, f"{place(folder)}: {found.where}") from None


@dataclass(frozen=True)
class Attempt:
    """One try to take in one submission folder."""

    settings: Settings
    site_id: str
    period: str
    submission_id: str
    number: int

    @property
    def folder(self) -> Path:
        """Where it landed."""
        return self.settings.landing / self.site_id / self.period

    @property
    def lake(self) -> Lake:
        """Where its accepted rows go."""
        return Lake.of(self.settings)

    @property
    def quarantine(self) -> Path:
        """Where its other rows go."""
        return quarantine_folder(self.settings, self.site_id, self.period, self.submission_id)


@dataclass(frozen=True)
class Judged:
    """What became of an attempt, before anything is written; `judgements` are of its tables, as far as they came."""

    record: SubmissionRecord
    judgements: tuple[Judgement, ...] = ()
    refusal: SubmissionRefused | None = None


def judge(attempt: Attempt, *, beside_damage: bool = False) -> Judged:
    """Screen and validate an attempt beside what the site's other periods hold now; nothing is written.

    Args:
        attempt: of which site and period.
        beside_damage: whether those other periods may have rows that are not what was committed, or are gone.

    Raises:
        OutcomesError: rows_not_conserved, rule_not_evaluated, sites_malformed or lake_damaged.
    """
    record = SubmissionRecord(
        attempt.submission_id, attempt.site_id, attempt.period, attempt.number, "refused", rules_sha256=rules_sha256()
    )
    judgements: list[Judgement] = []
    try:
        manifest = read_manifest(attempt.folder)
        record = _as_stated(record, manifest)
        tables = _judged_cells(attempt, manifest)
        with workspace(attempt.settings) as con:
            attempt.lake.attach_context(con, attempt.site_id, attempt.period, beside_damage=beside_damage)
            judgements = validate(con, tables, attempt.site_id, manifest.kind, manifest.data_cut)
            record = _looking_ahead(con, replace(record, rules=_rule_results(judgements)), judgements)
            record = replace(record, rests_on=rests_on(con, record))
            screen_accepted(next(one.accepted for one in judgements if one.table is TABLES["patients"]))
            if not beside_damage:
                attempt.lake.attach_beside(
                    con, attempt.site_id, attempt.period, TELLING, is_full=manifest.kind == "full"
                )
                screen_together(con, judgements, attempt.period)
            _check_critical_share(attempt, judgements)
            return Judged(_accepted(con, attempt, record, judgements), tuple(judgements))
    except SubmissionRefused as found:
        refusal = SubmissionRefused(found.code, f"{place(attempt.folder)}: {found.where}")
        return Judged(replace(record, code=refusal.code), tuple(judgements), refusal)


def commit(attempt: Attempt, judged: Judged, before: SubmissionRecord | None = None) -> SubmissionRecord:
    """Write what was judged: rows to lake and quarantine, or the refusal, and last the record that makes it count.

    Args:
        attempt: of which site and period.
        judged: what became of it.
        before: the attempt as judged before; rows that are the same need not be written again.

    Returns:
        The record as committed.
    """
    is_as_before = before is not None and rows_in_lake(before) == rows_in_lake(judged.record)
    record = replace(
        judged.record,
        judgement_id=before.judgement_id if before and is_as_before else f"{attempt.submission_id}-{uuid.uuid4().hex}",
        recorded_at=attempt.lake.next_time(attempt.site_id),
    )
    # Two processes that change the columns of one Delta table at once would fail each other.
    with lake_lock(attempt.settings):
        if judged.refusal:
            write_refusal(attempt.quarantine, judged.refusal, record.rules)
        else:
            if not is_as_before:
                write_rows(attempt, judged.judgements, str(record.judgement_id))
            kept = {
                one.table.name: pa.concat_tables([one.quarantined, one.pending, one.blanked])
                for one in judged.judgements
            }
            write_quarantine(attempt.quarantine, kept)
        send(attempt.settings, attempt.site_id)
        attempt.lake.commit(record)
    return record


def write_rows(attempt: Attempt, judgements: Sequence[Judgement], judgement_id: str) -> None:
    """Write the accepted rows of tables to the lake; a record with this judgement_id makes them count."""
    for one in judgements:
        attempt.lake.write_rows(one.table, _with_provenance(attempt, one.accepted), judgement_id)


def holds_its_files(attempt: Attempt) -> bool:
    """Whether the files that the manifest lists, and no others, are there as it lists them.

    Raises:
        SubmissionRefused: manifest_missing, manifest_malformed or contract_version_unknown.
    """
    manifest = read_manifest(attempt.folder)
    try:
        _read_contents(attempt, manifest)
    except SubmissionRefused:
        return False
    return True


def rows_in_lake(record: SubmissionRecord) -> list[tuple[str, int, str | None]]:
    """What a submission has in the lake; a refused one has nothing."""
    return [(one.source_table, one.rows_accepted, one.digest) for one in record.tables if one.rows_accepted]


def _as_stated(record: SubmissionRecord, manifest: Manifest) -> SubmissionRecord:
    """The record of a refused submission as its manifest describes it: every stated row counts as quarantined."""
    counts = tuple(
        TableCounts(file.table, rows_in=file.rows, rows_accepted=0, rows_quarantined=file.rows)
        for file in manifest.files
        if file.table in TABLES
    )
    return _counted(
        replace(
            record,
            kind=manifest.kind,
            contract_version=manifest.contract_version,
            deidentification_method=manifest.deidentification_method,
            is_synthetic=manifest.is_synthetic,
            patients_without_index=manifest.patients_without_index,
        ),
        counts,
    )


def _judged_cells(attempt: Attempt, manifest: Manifest) -> Mapping[str, JudgedCells]:
    """The delivered tables by name, once all that can be said without other tables and periods allows them."""
    _check_place(attempt, manifest)
    contents = _read_contents(attempt, manifest)
    # The manifest holds the checksums of the files, which have just been compared with it.
    judged = _RECENT.get(key := (manifest, rules_sha256()))
    if judged:
        _check_forgotten(attempt, {name: one.cells for name, one in judged.items()})
        return judged
    cells = _read(attempt, manifest, contents)
    judged = {name: judge_cells(TABLES[name], one) for name, one in cells.items()}
    _RECENT.keep(key, judged, sum(one.nbytes for one in judged.values()))
    return judged


_RECENT: Recent[tuple[Manifest, str], Mapping[str, JudgedCells]] = Recent(512 * 2**20)
"""A month is judged again when a later one has come, mostly soon after: its cells need not be."""


def _read(attempt: Attempt, manifest: Manifest, contents: Mapping[str, bytes]) -> dict[str, Cells]:
    """The delivered tables by name.

    Raises:
        SubmissionRefused: a file cannot be read or is not as stated, names a forgotten patient, or the gate refuses it.
    """
    cells = {
        file.table: read_table(
            TABLES[file.table], file.name, contents[file.name], manifest.contract_version, manifest.missing_codes
        )
        for file in manifest.files
    }
    for file in manifest.files:
        delivered = cells[file.table].rows
        # A month may pass without a procedure; a history without rows, or rows that were stated and are gone, may not.
        if delivered == 0 and (file.rows or manifest.kind == "full"):
            raise SubmissionRefused("file_empty", file.table)
        if delivered != file.rows:
            raise SubmissionRefused("row_count_mismatch", f"{file.table}: {delivered} rows, {file.rows} stated")
    _check_forgotten(attempt, cells)
    screen_missing_codes(manifest.missing_codes)
    screen(
        {name: one.read for name, one in cells.items()},
        manifest.deidentification_method,
        manifest.data_cut,
        manifest.key_method,
    )
    return cells


def _check_forgotten(attempt: Attempt, cells: Mapping[str, Cells]) -> None:
    named = {name for one in cells.values() for name in pc.unique(one.read["patient_id"]).drop_null().to_pylist()}
    if forgotten := Forgotten(attempt.settings).count(attempt.site_id, named):
        raise SubmissionRefused("patient_forgotten", f"{forgotten} of the patients named")


def _check_place(attempt: Attempt, manifest: Manifest) -> None:
    if not site_is_known(attempt.settings, attempt.site_id):
        raise SubmissionRefused("site_unknown", "not in the register of sites")
    if manifest.site_id != attempt.site_id:
        raise SubmissionRefused("site_unknown", "the manifest names another site")
    if manifest.period != attempt.period:
        raise SubmissionRefused("period_mismatch", f"the manifest names {manifest.period}")


def _read_contents(attempt: Attempt, manifest: Manifest) -> dict[str, bytes]:
    """The bytes of each listed file; what is hashed here is what is read later."""
    delivered = {file.table for file in manifest.files}
    missing = [table.name for table in TABLES.values() if table.required and table.name not in delivered]
    if missing:
        raise SubmissionRefused("table_missing", ", ".join(missing))
    for position, file in enumerate(manifest.files, 1):
        if file.table not in TABLES or not is_table_file(file.name):
            # A site may have put anything into a file's name, so it is told by position.
            raise SubmissionRefused("table_unknown", f"file {position} of the manifest")
    listed = {file.name for file in manifest.files}
    unlisted = [path for path in delivered_files(attempt.folder) if path.name not in listed]
    if unlisted:
        raise SubmissionRefused("file_unlisted", f"{len(unlisted)} of the folder's files")
    contents = {file.name: _content(attempt.folder, file) for file in manifest.files}
    for file in manifest.files:
        if hashlib.sha256(contents[file.name]).hexdigest() != file.sha256:
            raise SubmissionRefused("checksum_mismatch", file.table)
    return contents


def _content(folder: Path, file: FileEntry) -> bytes:
    try:
        return read_bytes(folder / file.name)
    except FileNotFoundError:
        raise SubmissionRefused("file_missing", file.table) from None


def _check_critical_share(attempt: Attempt, judgements: Sequence[Judgement]) -> None:
    """Each table by itself: many sound rows of one must not hide that another is broken."""
    limit = attempt.settings.max_critical_share
    broken = []
    for one in judgements:
        rows = one.quarantined.num_rows + one.pending.num_rows + one.accepted.num_rows
        if one.refusing > limit * rows:
            rules = ", ".join(
                f"{result.rule} {result.rows_failed} ({result.reason})"
                for result in one.rules
                if result.severity == "critical" and result.rows_failed
            )
            broken.append(f"{one.table.name}: {one.refusing} of {rows} rows, {limit:.0%} allowed, {rules}")
    if broken:
        raise SubmissionRefused("too_many_critical_rows", "; ".join(broken))


def _looking_ahead(
    con: duckdb.DuckDBPyConnection, record: SubmissionRecord, judgements: Sequence[Judgement]
) -> SubmissionRecord:
    """The record with what its rows name and no period up to this one holds, and with what they hold themselves."""
    ahead = pa.concat_tables(one.named_ahead for one in judgements)
    is_found = pc.is_valid(ahead["period"])
    held = [
        chunk for one in judgements if one.table.name in NAMED_BY_ROWS for chunk in one.accepted[one.table.key].chunks
    ]
    return replace(
        record,
        looks_ahead=ahead.num_rows > 0,
        looks_ahead_to=pc.max(ahead["period"]).as_py(),
        seeks=tuple(hashes_of_keys(con, ahead.filter(pc.invert(is_found))["key"])),
        finds=tuple(hashes_of_keys(con, ahead.filter(is_found)["key"])),
        holds=tuple(hashes_of_keys(con, pa.chunked_array(held, pa.string()))),
    )


def _accepted(
    con: duckdb.DuckDBPyConnection, attempt: Attempt, stated: SubmissionRecord, judgements: Sequence[Judgement]
) -> SubmissionRecord:
    rows_in = {one.source_table: one.rows_in for one in stated.tables}
    counts = tuple(
        TableCounts(
            one.table.name,
            rows_in[one.table.name],
            one.accepted.num_rows,
            one.quarantined.num_rows,
            one.pending.num_rows,
            *digests(con, one.table, one.accepted),
        )
        for one in judgements
    )
    for table in counts:
        if table.rows_in != table.rows_accepted + table.rows_quarantined + table.rows_pending:
            raise OutcomesError("rows_not_conserved", f"{place(attempt.folder)}: {table.source_table}")
    blanked = tuple(cells for one in judgements for cells in one.cells)
    return _counted(replace(stated, outcome="accepted", blanked=blanked), counts)


def _counted(record: SubmissionRecord, counts: tuple[TableCounts, ...]) -> SubmissionRecord:
    sums = {
        name: sum(getattr(table, name) for table in counts)
        for name in ("rows_in", "rows_accepted", "rows_quarantined", "rows_pending")
    }
    return replace(record, tables=counts, **sums)


def _repeats(record: SubmissionRecord, earlier: Sequence[SubmissionRecord]) -> bool:
    """Whether the newest recorded attempt was refused for the same reason."""
    return bool(earlier) and (earlier[-1].submission_id, earlier[-1].code) == (record.submission_id, record.code)


def _rule_results(judgements: Sequence[Judgement]) -> tuple[RuleResult, ...]:
    return tuple(result for one in judgements for result in one.rules)


def _with_provenance(attempt: Attempt, accepted: pa.Table) -> pa.Table:
    for name in ("site_id", "period", "submission_id"):
        accepted = accepted.append_column(name, pa.repeat(getattr(attempt, name), accepted.num_rows))
    return accepted
