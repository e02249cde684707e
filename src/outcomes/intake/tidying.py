"""The vacuum: remove what nothing needs any more, and write the lake's small files as few."""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from outcomes.intake.landing import deliveries, deliveries_of
from outcomes.intake.manifest import MANIFEST, submission_id
from outcomes.lake import Lake, LakeUpkeep, SubmissionRecord, newest_not_refused
from outcomes.lake.store import READERS_NEED
from outcomes.locks import remove_unheld
from outcomes.settings import Settings
from outcomes.shared_locks import lake_lock, look_into_quarantine, site_lock

_LEFTOVERS = "leftovers of crashes"


@dataclass(frozen=True)
class Gone:
    """What was removed, or would be: of which kind, how many, and how many bytes on disk (None: not known)."""

    what: str
    count: int
    size: int | None = None


def vacuum(settings: Settings, keep_days: int, *, dry_run: bool) -> list[Gone]:
    """Remove rows that nothing needs, small files, files that nothing refers to, old quarantine, locks and leftovers;
    and what has landed and stood in quarantine for longer than the settings allow.

    Args:
        settings: paths and thresholds.
        keep_days: how long rows that are no longer in force stay.
        dry_run: write nothing.

    Raises:
        OutcomesError: lake_damaged.
    """
    # Each under the lock of its site, which ingest takes before that of the lake, and in which quarantine is written.
    landed = _remove_landed(settings, dry_run=dry_run)
    former, old, left = _remove_quarantined(settings, dry_run=dry_run)
    with ExitStack() as held:
        if not dry_run:
            held.enter_context(lake_lock(settings))
        return [
            *landed,
            *_vacuum_lake(settings, keep_days, dry_run=dry_run),
            former,
            old,
            _remove_locks(settings, dry_run=dry_run),
            _sum(_LEFTOVERS, [left, _remove(_LEFTOVERS, _leftovers(settings.scratch.glob("*")), dry_run=dry_run)]),
        ]


def _vacuum_lake(settings: Settings, keep_days: int, *, dry_run: bool) -> list[Gone]:
    lake = LakeUpkeep.of(settings)
    rows = lake.rows_by_judgement()
    uncommitted = sorted(rows.keys() - lake.committed())
    past = [one for one in lake.past(datetime.now(UTC) - timedelta(days=keep_days)) if one.written_by in rows]
    small_files = lake.small_files()
    if not dry_run:
        if past:
            lake.forget_history(max(one.ended_at for one in past))
        lake.remove_judged([*uncommitted, *(one.written_by for one in past)])
        lake.compact()
    unreferenced = lake.unreferenced()
    size = sum(unreferenced.values())
    if not dry_run:
        lake.remove_unreferenced()
    return [
        Gone("rows never committed", sum(rows[one] for one in uncommitted)),
        Gone(f"rows out of force for {keep_days} days", sum(rows[one.written_by] for one in past)),
        Gone("small files, written as few", small_files),
        Gone("files that nothing refers to for 24 hours", len(unreferenced), size),
    ]


def _remove_quarantined(settings: Settings, *, dry_run: bool) -> list[Gone]:
    """Remove what nothing needs of quarantine: of former attempts, of too long ago, and what a crash left."""
    look_into_quarantine(settings)
    attempts = Lake.of(settings).attempts()
    kinds = ("quarantine of former attempts", f"quarantine of more than {settings.quarantine_days} days", _LEFTOVERS)
    gone: list[list[Gone]] = [[] for _ in kinds]
    for site in sorted(path for path in settings.quarantine.glob("*") if path.is_dir()):
        found = _needless(settings, site, [one for one in attempts if one.site_id == site.name])
        with ExitStack() as held:
            if not dry_run and any(found):
                held.enter_context(site_lock(settings, site.name))
                # An intake may have written there meanwhile.
                found = _needless(settings, site, Lake.of(settings).attempts(site.name))
            for removed, what, paths in zip(gone, kinds, found, strict=True):
                removed.append(_remove(what, paths, dry_run=dry_run))
    return [_sum(what, removed) for what, removed in zip(kinds, gone, strict=True)]


def _needless(settings: Settings, site: Path, attempts: Sequence[SubmissionRecord]) -> tuple[list[Path], ...]:
    """What nothing needs of the quarantine of a site that has made these attempts, by why it is not needed."""
    former = list(_old_quarantine(site, attempts))
    old = [folder for folder in _long_quarantined(settings, site) if folder not in former]
    return former, old, list(_leftovers(sorted(site.glob("*/.*"))))


def _old_quarantine(site: Path, attempts: Sequence[SubmissionRecord]) -> Iterator[Path]:
    """The folders of submissions that are neither the newest attempt of their month nor what it stands on."""
    newest = {each.period: each.submission_id for each in attempts}
    standing = {period: each.submission_id for (_, period), each in newest_not_refused(attempts).items()}
    for folder in sorted(site.glob("*/*")):
        period = folder.parent.name
        if folder.name not in (newest.get(period), standing.get(period)) and not folder.name.startswith("."):
            yield folder


def _long_quarantined(settings: Settings, site: Path) -> Iterator[Path]:
    """The folders that were written too long ago; judged again, rows that are still at fault come back."""
    limit = (datetime.now(UTC) - timedelta(days=settings.quarantine_days)).timestamp()
    for folder in sorted(site.glob("*/[!.]*")):
        if folder.lstat().st_mtime <= limit:
            yield folder


def _remove_landed(settings: Settings, *, dry_run: bool) -> list[Gone]:
    """Remove deliveries that were withdrawn, and sooner those that were refused or never finished.

    What a month stands on stays: its rows are in the lake, and other rules judge it again. So does what waits.
    """
    days = {
        "refused": settings.refused_days,
        "unfinished": settings.refused_days,
        "withdrawn": settings.quarantine_days,
    }
    gone: dict[str, list[Gone]] = {why: [] for why in days}
    records = {(one.site_id, one.period, one.submission_id): one for one in Lake.of(settings).attempts()}
    for site_id in dict.fromkeys(each.site_id for each in deliveries(settings)):
        with nullcontext() if dry_run else site_lock(settings, site_id):
            for each in deliveries_of(settings, site_id):
                named = submission_id(each.folder) if (each.folder / MANIFEST).exists() else ""
                record = records.get((each.site_id, each.period, named))
                why = record.outcome if record else "waiting" if named else "unfinished"
                if why in days and _age(each.folder, record) > timedelta(days=days[why]):
                    gone[why].append(_remove(why, [each.folder], dry_run=dry_run))
    return [_sum(f"deliveries {why} for {days[why]} days", removed) for why, removed in gone.items()]


def _age(folder: Path, record: SubmissionRecord | None) -> timedelta:
    """How long ago a delivery was judged; where none was, how long nothing of it has changed."""
    if record and record.recorded_at:
        return datetime.now(UTC) - record.recorded_at
    changed = max(path.lstat().st_mtime for path in (folder, *folder.rglob("*")))
    return datetime.now(UTC) - datetime.fromtimestamp(changed, UTC)


def _leftovers(paths: Iterable[Path]) -> Iterator[Path]:
    """Of what a crash may have left, what is so old that nobody writes it any more."""
    limit = (datetime.now(UTC) - READERS_NEED).timestamp()
    return (left for left in paths if left.lstat().st_mtime <= limit)


def _remove_locks(settings: Settings, *, dry_run: bool) -> Gone:
    limit = (datetime.now(UTC) - READERS_NEED).timestamp()
    old = [lock for lock in sorted(settings.locks.glob("*")) if lock.is_file() and lock.stat().st_mtime <= limit]
    return Gone("lock files", len(old) if dry_run else sum(map(remove_unheld, old)))


def _remove(what: str, paths: Iterable[Path], *, dry_run: bool) -> Gone:
    gone = list(paths)
    size = sum(map(_size, gone))
    if not dry_run:
        for path in gone:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return Gone(what, len(gone), size)


def _sum(what: str, gone: Sequence[Gone]) -> Gone:
    return Gone(what, sum(one.count for one in gone), sum(one.size or 0 for one in gone))


def _size(path: Path) -> int:
    return sum(file.lstat().st_size for file in (path, *path.rglob("*")) if file.is_file())
