"""Judge again what is in the lake: when what it rests on has changed, or when the rules have; or take it back."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

from outcomes.contract import TABLES
from outcomes.errors import OutcomesError, SubmissionRefused
from outcomes.intake.manifest import submission_id
from outcomes.intake.submission import (
    Attempt,
    commit,
    holds_its_files,
    judge,
    rows_in_lake,
    write_rows,
)
from outcomes.lake import Lake, LakeUpkeep, SubmissionRecord, newest_not_refused
from outcomes.settings import Settings
from outcomes.shared_locks import lake_lock, look_into_landing, site_lock
from outcomes.sql.engine import connect

_TIMES_JUDGED = 3
"""Of a period in one go: months that refuse each other in a circle end there. None is known that does."""


@dataclass(frozen=True)
class JudgedAgain:
    """A submission as it was judged before and as it is judged now."""

    before: SubmissionRecord
    after: SubmissionRecord

    @property
    def moves(self) -> bool:
        """Whether any row or count is another."""
        return (self.before.outcome, self.before.code, self.before.tables, self.before.blanked) != (
            self.after.outcome,
            self.after.code,
            self.after.tables,
            self.after.blanked,
        )


def settle(settings: Settings, site_id: str) -> list[JudgedAgain]:
    """Judge again the submissions of a site whose judgement rests on what has changed since.

    A month that came late, a correction or a withdrawal changes which patients the site's other months may name. In
    the end every submission stands as if all had come in order.

    Raises:
        OutcomesError: as `submission.judge`.
    """
    with site_lock(settings, site_id):
        return list(_settle(settings, site_id))


def _settle(settings: Settings, site_id: str) -> Iterator[JudgedAgain]:
    times: Counter[str] = Counter()
    while stale := _first_stale(settings, site_id, times):
        times[stale.period] += 1
        yield _judge_again(settings, stale)


def _first_stale(settings: Settings, site_id: str, times: Counter[str]) -> SubmissionRecord | None:
    """The first whose turn it is; of the others no file need be read yet to see whether they are what was delivered."""
    stale = (one for one in Lake.of(settings).stale(site_id) if times[one.period] < _TIMES_JUDGED)
    return next((one for one in stale if has_landed(settings, one)), None)


def reprocess(settings: Settings, record: SubmissionRecord, *, dry_run: bool = False) -> JudgedAgain:
    """Judge a submission again under the present rules.

    Args:
        settings: paths and thresholds.
        record: the attempt, as `Lake.attempts` gives it.
        dry_run: write nothing.

    Raises:
        OutcomesError: delivery_replaced when the landing folder no longer holds it, submission_moved_on when it was
            judged again, superseded or withdrawn meanwhile, and as `submission.judge`.
    """
    if not has_landed(settings, record):
        raise OutcomesError("delivery_replaced", f"{record.site_id}/{record.period}")
    if dry_run:
        return JudgedAgain(record, judge(_attempt(settings, record)).record)
    with site_lock(settings, record.site_id):
        if _standing(settings, record.site_id, record.period) != record:
            raise OutcomesError("submission_moved_on", f"{record.site_id}/{record.period}")
        return _judge_again(settings, record)


def withdraw(settings: Settings, site_id: str, period: str, reason: str) -> SubmissionRecord:
    """Put what a site and period stands on out of force; its rows stay in the lake, read by none.

    Raises:
        OutcomesError: nothing_to_withdraw.
    """
    with site_lock(settings, site_id):
        standing = _standing(settings, site_id, period)
        if standing is None or standing.outcome != "accepted":
            raise OutcomesError("nothing_to_withdraw", f"{site_id}/{period}")
        return _record(settings, replace(standing, outcome="withdrawn", code=reason))


def take_back_withdrawal(settings: Settings, site_id: str, period: str) -> SubmissionRecord:
    """Put a withdrawn submission in force again, judged anew from where it landed.

    Raises:
        OutcomesError: nothing_to_withdraw when it is not withdrawn, delivery_replaced when its folder holds another.
        SubmissionRefused: it no longer passes.
    """
    with site_lock(settings, site_id):
        standing = _standing(settings, site_id, period)
        if standing is None or standing.outcome != "withdrawn":
            raise OutcomesError("nothing_to_withdraw", f"{site_id}/{period}")
        if not has_landed(settings, standing):
            raise OutcomesError("delivery_replaced", f"{site_id}/{period}")
        attempt = _attempt(settings, standing)
        judged = judge(attempt)
        if judged.refusal:
            raise judged.refusal
        # The vacuum may have removed the rows of before.
        return commit(attempt, judged)


def has_landed(settings: Settings, record: SubmissionRecord) -> bool:
    """Whether the landing folder still holds this very submission, its files as the manifest lists them."""
    attempt = _attempt(settings, record)
    try:
        return submission_id(attempt.folder) == record.submission_id and holds_its_files(attempt)
    except SubmissionRefused:
        return False


def _judge_again(settings: Settings, record: SubmissionRecord) -> JudgedAgain:
    attempt = _attempt(settings, record)
    return JudgedAgain(record, commit(attempt, judge(attempt), before=record))


def _standing(settings: Settings, site_id: str, period: str) -> SubmissionRecord | None:
    return newest_not_refused(Lake.of(settings).recorded(site_id, period)).get((site_id, period))


def _record(settings: Settings, record: SubmissionRecord) -> SubmissionRecord:
    lake = Lake.of(settings)
    with lake_lock(settings):
        record = replace(record, recorded_at=lake.next_time(record.site_id))
        lake.commit(record)
    return record


def _attempt(settings: Settings, record: SubmissionRecord) -> Attempt:
    return Attempt(settings, record.site_id, record.period, record.submission_id, record.attempt)


def repair(settings: Settings) -> Iterator[SubmissionRecord | OutcomesError]:
    """Write a damaged record of submissions again from its copies, and damaged rows from where they landed.

    A submission is judged beside the site's other months, so that one whose result is another may only lack what
    another damaged month holds: it has its turn again once that is repaired.

    Yields:
        Each submission that is whole again, then why another is not: delivery_replaced or lake_damaged.
    """
    look_into_landing(settings)
    with lake_lock(settings):
        lost = LakeUpkeep.of(settings).restore_record()
    for site_id in lost:
        yield OutcomesError("lake_damaged", f"{site_id}: a record of its submissions is lost; ingest what now waits")
    with connect(settings) as con:
        damaged = Lake.of(settings).attach_sound(con)
    tables: dict[tuple[str, str], set[str]] = {}
    for one in damaged:
        tables.setdefault((one.site_id, one.period), set()).add(one.source_table)
    records = [each for each in Lake.of(settings).standing() if (each.site_id, each.period) in tables]
    for record in records:
        for name in tables[record.site_id, record.period]:
            with lake_lock(settings):
                Lake.of(settings).remove_period(TABLES[name], record.site_id, record.period)
    waiting = [record for record in records if has_landed(settings, record)]
    repaired = True
    while repaired and waiting:
        repaired = False
        for record in list(waiting):
            with site_lock(settings, record.site_id):
                if _is_rewritten(settings, record, tables[record.site_id, record.period]):
                    waiting.remove(record)
                    repaired = True
                    yield record
    for record in records:
        place = f"{record.site_id}/{record.period}"
        if not has_landed(settings, record):
            yield OutcomesError("delivery_replaced", place)
        elif record in waiting:
            yield OutcomesError("lake_damaged", f"{place}: it is judged otherwise than it was")


def _is_rewritten(settings: Settings, record: SubmissionRecord, tables: set[str]) -> bool:
    """Whether the submission is judged as it was, or by other rules; then its damaged rows are written again."""
    attempt = _attempt(settings, record)
    judged = judge(attempt, beside_damage=True)
    is_as_before = rows_in_lake(judged.record) == rows_in_lake(record)
    if is_as_before and record.judgement_id:
        with lake_lock(settings):
            write_rows(attempt, [one for one in judged.judgements if one.table.name in tables], record.judgement_id)
        return True
    if record.judgement_id is None or judged.record.rules_sha256 != record.rules_sha256:
        commit(attempt, judged)
        return True
    return False
