"""One submission in: every check in order, then quarantine, rows and, last, the commit."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import pyarrow as pa

from outcomes.contract import TABLES
from outcomes.errors import OutcomesError, SubmissionRefused
from outcomes.intake.landing import is_site_id, site_is_known
from outcomes.intake.manifest import FileEntry, Manifest, delivered_files, place, read_manifest, submission_id
from outcomes.intake.quarantine import quarantine_folder, write_quarantine, write_refusal
from outcomes.intake.reading import SUFFIXES, read_table
from outcomes.intake.screening import screen, screen_accepted, screen_missing_codes
from outcomes.intake.validation import Judgement, validate
from outcomes.lake import BlankedCells, Lake, RuleResult, SubmissionRecord, TableCounts
from outcomes.locks import one_at_a_time
from outcomes.periods import add_months, is_month
from outcomes.settings import Settings
from outcomes.sql.engine import connect


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
        OutcomesError: rows_not_conserved, rule_not_evaluated or sites_malformed.
    """
    if not is_site_id(site_id):
        raise SubmissionRefused("site_unknown", "a site_id is lower-case letters, digits, - and _")
    if not is_month(period):
        raise SubmissionRefused("period_mismatch", f"{site_id}: a period is YYYY-MM")
    with one_at_a_time(settings.locks / f"{site_id}-{period}"):
        return _ingest(settings, site_id, period)


def _ingest(settings: Settings, site_id: str, period: str) -> SubmissionRecord:
    folder = settings.landing / site_id / period
    attempts = Lake(settings.lake).recorded(site_id, period)
    attempt = _Attempt(settings, site_id, period, folder, submission_id(folder), len(attempts) + 1)
    in_force = next((earlier for earlier in reversed(attempts) if earlier.outcome == "accepted"), None)
    if in_force and in_force.submission_id == attempt.submission_id:
        return in_force
    return _take_in(attempt, attempts)


@dataclass(frozen=True)
class _Attempt:
    """One try to take in one submission folder."""

    settings: Settings
    site_id: str
    period: str
    folder: Path
    submission_id: str
    number: int

    @property
    def lake(self) -> Lake:
        return Lake(self.settings.lake)

    @property
    def quarantine(self) -> Path:
        return quarantine_folder(self.settings, self.site_id, self.period, self.submission_id)


def _take_in(attempt: _Attempt, earlier: Sequence[SubmissionRecord]) -> SubmissionRecord:
    manifest: Manifest | None = None
    judgements: list[Judgement] = []
    try:
        manifest = read_manifest(attempt.folder)
        judgements = _judge(attempt, manifest)
        _check_critical_share(attempt, judgements)
    except SubmissionRefused as found:
        refusal = SubmissionRefused(found.code, f"{place(attempt.folder)}: {found.where}")
        record = _refused(attempt, refusal.code, manifest, _rule_results(judgements))
        write_refusal(attempt.quarantine, refusal, record.rules)
        if not _repeats(record, earlier):
            attempt.lake.commit(record)
        raise refusal from None
    record = _accepted(attempt, manifest, judgements)
    # Delta fails a write during which another site's left-over rows are discarded.
    with one_at_a_time(attempt.settings.locks / "lake"):
        for judgement in judgements:
            attempt.lake.discard_rows(judgement.table, attempt.site_id, attempt.period, attempt.submission_id)
            attempt.lake.write_rows(judgement.table, _with_provenance(attempt, judgement.accepted))
        write_quarantine(
            attempt.quarantine,
            {one.table.name: pa.concat_tables([one.quarantined, one.blanked]) for one in judgements},
        )
        attempt.lake.commit(record)
    return record


def _judge(attempt: _Attempt, manifest: Manifest) -> list[Judgement]:
    _check_place(attempt, manifest)
    contents = _read_contents(attempt, manifest)
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
    screen_missing_codes(manifest.missing_codes)
    screen({name: one.read for name, one in cells.items()}, manifest.deidentification_method, manifest.data_cut)
    with connect(attempt.settings) as con:
        attempt.lake.attach(con, as_known_on=add_months(attempt.period, -1))
        judgements = validate(con, cells, attempt.site_id, manifest.kind, manifest.data_cut)
    screen_accepted(next(one.accepted for one in judgements if one.table is TABLES["patients"]))
    return judgements


def _check_place(attempt: _Attempt, manifest: Manifest) -> None:
    if not site_is_known(attempt.settings, attempt.site_id):
        raise SubmissionRefused("site_unknown", "not in the register of sites")
    if manifest.site_id != attempt.site_id:
        raise SubmissionRefused("site_unknown", "the manifest names another site")
    if manifest.period != attempt.period:
        raise SubmissionRefused("period_mismatch", f"the manifest names {manifest.period}")


def _read_contents(attempt: _Attempt, manifest: Manifest) -> dict[str, bytes]:
    """The bytes of each listed file; what is hashed here is what is read later."""
    delivered = {file.table for file in manifest.files}
    missing = [table.name for table in TABLES.values() if table.required and table.name not in delivered]
    if missing:
        raise SubmissionRefused("table_missing", ", ".join(missing))
    for position, file in enumerate(manifest.files, 1):
        if file.table not in TABLES or PurePath(file.name).suffix not in SUFFIXES:
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
        return (folder / file.name).read_bytes()
    except OSError:
        raise SubmissionRefused("file_missing", file.table) from None


def _check_critical_share(attempt: _Attempt, judgements: Sequence[Judgement]) -> None:
    """Each table by itself: many sound rows of one must not hide that another is broken."""
    limit = attempt.settings.max_critical_share
    broken = []
    for one in judgements:
        quarantined, rows = one.quarantined.num_rows, one.quarantined.num_rows + one.accepted.num_rows
        if quarantined > limit * rows:
            rules = ", ".join(
                f"{result.rule} {result.rows_failed} ({result.reason})"
                for result in one.rules
                if result.severity == "critical" and result.rows_failed
            )
            broken.append(f"{one.table.name}: {quarantined} of {rows} rows, {limit:.0%} allowed, {rules}")
    if broken:
        raise SubmissionRefused("too_many_critical_rows", "; ".join(broken))


def _accepted(attempt: _Attempt, manifest: Manifest, judgements: Sequence[Judgement]) -> SubmissionRecord:
    stated = {file.table: file.rows for file in manifest.files}
    counts = tuple(
        TableCounts(one.table.name, stated[one.table.name], one.accepted.num_rows, one.quarantined.num_rows)
        for one in judgements
    )
    for table in counts:
        if table.rows_in != table.rows_accepted + table.rows_quarantined:
            raise OutcomesError("rows_not_conserved", f"{place(attempt.folder)}: {table.source_table}")
    blanked = tuple(cells for one in judgements for cells in one.cells)
    return _record(attempt, "accepted", manifest, counts, _rule_results(judgements), blanked=blanked)


def _refused(
    attempt: _Attempt, code: str, manifest: Manifest | None, results: tuple[RuleResult, ...]
) -> SubmissionRecord:
    """Of a refused submission every stated row counts as quarantined."""
    files = manifest.files if manifest else ()
    counts = tuple(
        TableCounts(file.table, rows_in=file.rows, rows_accepted=0, rows_quarantined=file.rows)
        for file in files
        if file.table in TABLES
    )
    return _record(attempt, "refused", manifest, counts, results, code)


def _record(  # noqa: PLR0913, PLR0917 - it brings together what makes the record
    attempt: _Attempt,
    outcome: str,
    manifest: Manifest | None,
    counts: tuple[TableCounts, ...],
    results: tuple[RuleResult, ...],
    code: str | None = None,
    blanked: tuple[BlankedCells, ...] = (),
) -> SubmissionRecord:
    return SubmissionRecord(
        submission_id=attempt.submission_id,
        site_id=attempt.site_id,
        period=attempt.period,
        attempt=attempt.number,
        outcome=outcome,
        code=code,
        kind=manifest.kind if manifest else None,
        contract_version=manifest.contract_version if manifest else None,
        deidentification_method=manifest.deidentification_method if manifest else None,
        is_synthetic=manifest is not None and manifest.is_synthetic,
        rows_in=sum(table.rows_in for table in counts),
        rows_accepted=sum(table.rows_accepted for table in counts),
        rows_quarantined=sum(table.rows_quarantined for table in counts),
        tables=counts,
        rules=results,
        blanked=blanked,
    )


def _repeats(record: SubmissionRecord, earlier: Sequence[SubmissionRecord]) -> bool:
    """Whether the newest recorded attempt was refused for the same reason."""
    return bool(earlier) and (earlier[-1].submission_id, earlier[-1].code) == (record.submission_id, record.code)


def _rule_results(judgements: Sequence[Judgement]) -> tuple[RuleResult, ...]:
    return tuple(result for one in judgements for result in one.rules)


def _with_provenance(attempt: _Attempt, accepted: pa.Table) -> pa.Table:
    for name in ("site_id", "period", "submission_id"):
        accepted = accepted.append_column(name, pa.repeat(getattr(attempt, name), accepted.num_rows))
    return accepted
