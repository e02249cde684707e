"""The steps in order, as the command line, the DAGs and the tests call them.

Left of the lake the unit of work is one submission, right of it one release. The heavy imports (Great Expectations
above all) happen inside the functions, so that importing this module costs a DAG or a command nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from outcomes.errors import OutcomesError, SubmissionRefused, UnexpectedError, fault_of_the_machine
from outcomes.events import logged
from outcomes.home import check_home, check_writable, private_files
from outcomes.processes import may_have_children, side_by_side
from outcomes.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from outcomes.intake.erasure import PatientHeld
    from outcomes.intake.expected import DueDelivery, NewDelivery
    from outcomes.intake.landing import Delivery
    from outcomes.intake.mending import Exported, Mended, QuarantineCount
    from outcomes.intake.reprocessing import JudgedAgain
    from outcomes.intake.tidying import Gone
    from outcomes.labelling.increment import Labelled
    from outcomes.lake import SubmissionRecord
    from outcomes.release.diff import ReleaseDiff
    from outcomes.release.open import Release
    from outcomes.release.trial import Trial

    Work = tuple[str, str | None]
    """A site, and the period to take in; None: to judge again what rests on what has changed."""
    Failed = OutcomesError | UnexpectedError | OSError
    Settled = list[JudgedAgain] | Failed


_MANY = 20
"""So many submissions are worth the seconds that a process takes to begin."""


@dataclass(frozen=True)
class Ingested:
    """What became of one delivery: the record of an accepted submission, or its refusal."""

    site_id: str
    period: str
    record: SubmissionRecord | None = None
    refusal: SubmissionRefused | None = None


def landed(
    settings: Settings, sites: Collection[str] | None = None, periods: Collection[str] | None = None
) -> list[Delivery]:
    """The complete deliveries in site, period order; a folder without a manifest is not a submission yet.

    Raises:
        OutcomesError: home_missing.
    """
    from outcomes.intake.landing import deliveries

    check_home(settings)
    return [
        delivery
        for delivery in deliveries(settings)
        if delivery.is_complete
        and (sites is None or delivery.site_id in sites)
        and (periods is None or delivery.period in periods)
    ]


def waiting(settings: Settings) -> list[Delivery]:
    """The complete deliveries that the lake does not know as they stand.

    A refused one stays among them: a file delivered again mends it without any change to its manifest. A withdrawn one
    does not. An accepted one is among them when its files were replaced, added or taken away since, which ingest then
    refuses.
    """
    from outcomes.lake import Lake, newest_not_refused

    standing = newest_not_refused(Lake.of(settings).attempts())
    return [each for each in landed(settings) if not _is_known(each, standing.get((each.site_id, each.period)))]


def _is_known(delivery: Delivery, record: SubmissionRecord | None) -> bool:
    from outcomes.intake.manifest import is_as_stated, submission_id

    if record is None or record.submission_id != submission_id(delivery.folder):
        return False
    return record.outcome != "accepted" or is_as_stated(delivery.folder)


@contextmanager
def _redacted_errors(where: str) -> Iterator[None]:
    """Let named mistakes through, and name those of the machine; of any other error than one of a file keep only the
    type, since its text may quote a cell.
    """
    try:
        yield
    except OutcomesError:
        raise
    except Exception as error:
        fault = fault_of_the_machine(error, where)
        if fault:
            raise fault from None
        if isinstance(error, OSError):
            raise
        raise UnexpectedError(f"{where}: {type(error).__name__}") from None


def sites_with_delivery(settings: Settings, period: str, today: date) -> list[str]:
    """The sites whose submission of this period is complete; none while all are still expected.

    In order, but each month begins with another site: Airflow takes up months that run side by side place by place, and
    two intakes of one site would wait for each other.

    Raises:
        OutcomesError: nothing_delivered, or deliveries_malformed.
    """
    from outcomes.intake.expected import due_deliveries
    from outcomes.periods import month_number

    sites = [delivery.site_id for delivery in landed(settings, periods=[period])]
    if not sites and not any(today <= delivery.due for delivery in due_deliveries(settings, [period])):
        raise OutcomesError("nothing_delivered", period)
    first = month_number(period) % len(sites) if sites else 0
    return sites[first:] + sites[:first]


def new_deliveries(settings: Settings, today: date, state_of: Callable[[str], str | None]) -> list[NewDelivery]:
    """The waiting deliveries that no run has taken up as they stand, the oldest months first.

    Args:
        settings: paths.
        today: one that failed for a technical reason comes again once a day.
        state_of: the state of the run of this name (`success` or `failed` when it has ended), None when there is none.

    Raises:
        FileNotFoundError: there is no landing folder.
    """
    from outcomes.intake.expected import new_deliveries as untaken

    with _redacted_errors("landing"):
        return untaken(settings, waiting(settings), today, state_of)


def late_deliveries(settings: Settings, today: date) -> list[DueDelivery]:
    """The deliveries that deliveries.csv expected before today and that have not come, or were refused as they stand.

    Raises:
        OutcomesError: deliveries_malformed.
    """
    from outcomes.intake.expected import late_deliveries as late

    with _redacted_errors("landing"):
        return late(settings, today)


def check_deliveries(settings: Settings, today: date) -> None:
    """See that no delivery is late.

    Raises:
        OutcomesError: delivery_late with the sites that are, or deliveries_malformed.
    """
    from outcomes.intake.expected import in_words

    if late := late_deliveries(settings, today):
        raise OutcomesError("delivery_late", in_words(late))


@private_files()
def ingest(settings: Settings, site_id: str, period: str) -> SubmissionRecord:
    """Screen, validate and commit one submission, and judge again what of its site rests on it.

    The same submission again changes nothing.

    Raises:
        SubmissionRefused: nothing of it entered the lake; the refusal is recorded with its code.
        OutcomesError: disk_full, not_writable, access_denied; nothing of it entered the lake.
        UnexpectedError: something failed that has no name; nothing of it entered the lake.
    """
    with _settling(settings, site_id):
        return take_in(settings, site_id, period)


@contextmanager
def _settling(settings: Settings, site_id: str) -> Iterator[None]:
    """Judge again what of the site rests on a step, whatever became of it: an earlier run may have ended before."""
    from outcomes.intake.reprocessing import settle

    try:
        yield
    finally:
        with _redacted_errors(site_id):
            settle(settings, site_id)


@private_files()
def take_in(settings: Settings, site_id: str, period: str) -> SubmissionRecord:
    """As `ingest`, but for what rests on the submission: that is judged again when all of a batch are taken in."""
    from outcomes.intake.submission import ingest_submission

    with logged(settings, "ingest", site=site_id, period=period) as line, _redacted_errors(f"{site_id}/{period}"):
        record = ingest_submission(settings, site_id, period)
        line |= {name: getattr(record, name) for name in ("rows_in", "rows_accepted", "rows_quarantined")}
        return record


@private_files()
def ingest_each(
    settings: Settings,
    pairs: Iterable[tuple[str, str]],
    on_progress: Callable[[Ingested], None] | None = None,
    on_judged_again: Callable[[JudgedAgain], None] | None = None,
    processes: int = 1,
) -> list[Ingested]:
    """Ingest the submissions of these (site_id, period) pairs; one that fails never stops the others.

    Then what rests on what has changed is judged again, of all sites: an earlier run may have ended before.

    Args:
        settings: paths and thresholds.
        pairs: in the order in which to ingest them.
        on_progress: called after each submission.
        on_judged_again: called after each that was judged again.
        processes: how many may take in the submissions of several sites, each site's in order, where they are many. A
            script that allows more than one must guard its own work with `if __name__ == "__main__"`, as ever with
            Python's processes.

    Raises:
        OutcomesError, UnexpectedError, OSError: the first that was no refusal, after all others have had their turn.
    """
    pairs = list(pairs)
    found: dict[tuple[str, str], Ingested | Failed] = {}
    settled: list[tuple[str, Settled]] = []
    try:
        for (site_id, period), result in _each(settings, _with_settling(pairs), _worth(processes, len(pairs))):
            if period is None or isinstance(result, list):
                settled.append((site_id, result))
                continue
            found[site_id, period] = result
            if on_progress and isinstance(result, Ingested):
                on_progress(result)
    except BrokenExecutor:
        for site_id, period in pairs:
            found.setdefault((site_id, period), UnexpectedError(f"{site_id}/{period}: its process ended"))
    _report_settled([*settled, *_settle_all(settings)], on_judged_again or (lambda _: None))
    results = [found[pair] for pair in pairs]
    for result in results:
        if not isinstance(result, Ingested):
            raise result
    return [result for result in results if isinstance(result, Ingested)]


def _with_settling(pairs: list[tuple[str, str]]) -> Iterator[Work]:
    """The pairs, and after the last of a site its name alone: then what rests on them is judged again.

    Where the same process has just judged a month, half of the work of judging it again is done.
    """
    last = dict(pairs)
    for pair in pairs:
        yield pair
        if last[pair[0]] == pair[1]:
            yield pair[0], None


def _each(settings: Settings, work: Iterable[Work], processes: int) -> Iterator[tuple[Work, Any]]:
    """Each piece of work with what became of it: in order, or each site's in order by several processes."""
    chains: dict[str, list[Work]] = {}
    pieces = list(work)
    for piece in pieces:
        chains.setdefault(piece[0], []).append(piece)
    if processes == 1 or len(chains) == 1 or not may_have_children():
        for piece in pieces:
            yield piece, _do(settings, piece)
        return
    of_one = settings.model_copy(update={"threads": 1})
    yield from side_by_side(partial(_do, of_one), list(chains.values()), processes, ["outcomes.preload"])


def _worth(processes: int, submissions: int) -> int:
    """How many of the processes so many submissions are worth."""
    return processes if submissions >= _MANY else 1


def _do(settings: Settings, work: Work) -> Ingested | Settled:
    """What became of one delivery, or of judging again; a mistake that is no refusal is given back, not raised."""
    site_id, period = work
    return _settle_one(settings, site_id) if period is None else _take_in_one(settings, site_id, period)


def _take_in_one(settings: Settings, site_id: str, period: str) -> Ingested | Failed:
    try:
        return Ingested(site_id, period, record=take_in(settings, site_id, period))
    except SubmissionRefused as refusal:
        return Ingested(site_id, period, refusal=refusal)
    except (OutcomesError, UnexpectedError, OSError) as error:
        return error


def _settle_all(settings: Settings) -> list[tuple[str, Settled]]:
    """What of every site was judged again, or why that could not be: other sites go on."""
    from outcomes.lake import Lake

    with _redacted_errors("judging again"):
        stale = {record.site_id for record in Lake.of(settings).stale()}
    return [(site_id, _settle_one(settings, site_id)) for site_id in sorted(stale)]


def _report_settled(settled: Iterable[tuple[str, Settled]], on_judged_again: Callable[[JudgedAgain], object]) -> None:
    """Report what was judged again, site by site.

    Raises:
        OutcomesError, UnexpectedError, OSError: the first reason why a site could not be.
    """
    in_order = [result for _, result in sorted(settled, key=itemgetter(0))]
    for result in in_order:
        for again in result if isinstance(result, list) else ():
            on_judged_again(again)
    for result in in_order:
        if not isinstance(result, list):
            raise result


@private_files()
def _settle_one(settings: Settings, site_id: str) -> Settled:
    from outcomes.intake.reprocessing import settle

    try:
        with _redacted_errors(site_id):
            return settle(settings, site_id)
    except (OutcomesError, UnexpectedError, OSError) as error:
        return error


@private_files()
def reprocess(
    settings: Settings,
    records: Iterable[SubmissionRecord],
    on_progress: Callable[[JudgedAgain | OutcomesError], None],
    *,
    dry_run: bool = False,
) -> None:
    """Judge submissions again under the present rules, then what rests on them.

    Args:
        settings: paths and thresholds.
        records: which attempts; see `standing`.
        on_progress: called with each as it is judged now, or with why it cannot be.
        dry_run: write nothing.
    """
    from outcomes.intake.reprocessing import reprocess as judge_again
    from outcomes.shared_locks import look_into_landing

    look_into_landing(settings)
    for record in records:
        with _redacted_errors(f"{record.site_id}/{record.period}"):
            try:
                on_progress(judge_again(settings, record, dry_run=dry_run))
            except OutcomesError as error:
                on_progress(error)
    if not dry_run:
        _report_settled(_settle_all(settings), on_progress)


def standing(
    settings: Settings, site_id: str | None = None, first: str | None = None, last: str | None = None
) -> list[SubmissionRecord]:
    """The accepted attempts on which periods stand, of one site or all, from a first to a last month."""
    from outcomes.lake import Lake

    return [
        record
        for record in Lake.of(settings).standing(site_id)
        if (first or "") <= record.period <= (last or record.period)
    ]


def superseded(settings: Settings, results: Iterable[Ingested]) -> list[tuple[str, str]]:
    """Of what was taken in, the (site_id, period) pairs of which no row is in force: a later full submission holds."""
    from outcomes.lake import Lake

    in_force = {(record.site_id, record.period) for record in Lake.of(settings).in_force()}
    return [
        (result.site_id, result.period)
        for result in results
        if result.record and (result.site_id, result.period) not in in_force
    ]


@private_files()
def repair(settings: Settings, on_progress: Callable[[SubmissionRecord | OutcomesError], None]) -> None:
    """Write the damaged rows of the lake again, then judge again what rests on them; see `reprocessing.repair`.

    Args:
        settings: paths and thresholds.
        on_progress: called with each submission that is whole again, or with why it is not.
    """
    from outcomes.intake import reprocessing

    with _redacted_errors("repair"):
        for result in reprocessing.repair(settings):
            on_progress(result)
    _report_settled(_settle_all(settings), lambda _: None)


def judged_by_old_rules(
    settings: Settings, site_id: str | None = None, first: str | None = None, last: str | None = None
) -> list[SubmissionRecord]:
    """Of `standing`, those that were judged by other rules than the present ones."""
    from outcomes.intake.rules import rules_sha256

    return [each for each in standing(settings, site_id, first, last) if each.rules_sha256 != rules_sha256()]


@private_files()
def withdraw(settings: Settings, site_id: str, period: str, reason: str) -> SubmissionRecord:
    """Put a submission out of force, and judge again what of its site rests on it.

    Raises:
        OutcomesError: nothing_to_withdraw.
    """
    from outcomes.intake import reprocessing

    with _settling(settings, site_id), _redacted_errors(f"{site_id}/{period}"):
        return reprocessing.withdraw(settings, site_id, period, reason)


@private_files()
def take_back_withdrawal(settings: Settings, site_id: str, period: str) -> SubmissionRecord:
    """Put a withdrawn submission in force again, and judge again what of its site rests on it.

    Raises:
        OutcomesError: nothing_to_withdraw, delivery_replaced.
        SubmissionRefused: it no longer passes.
    """
    from outcomes.intake import reprocessing

    with _settling(settings, site_id), _redacted_errors(f"{site_id}/{period}"):
        return reprocessing.take_back_withdrawal(settings, site_id, period)


@dataclass(frozen=True)
class Forgot:
    """What an erasure did: the rows erased by place, and what became of the submissions that held the patient."""

    rows: dict[str, int]
    taken_in: list[Ingested]
    release_id: str | None


def find_patient(settings: Settings, site_id: str, patient_id: str) -> PatientHeld:
    """How many rows of a patient are held, and where; nothing is written.

    Raises:
        OutcomesError: home_missing, patient_unknown, lake_damaged, forgotten_unreadable.
    """
    from outcomes.intake.erasure import find_patient as find

    check_home(settings)
    with _redacted_errors(site_id):
        return find(settings, site_id, patient_id)


@private_files()
def forget(settings: Settings, site_id: str, patient_id: str) -> Forgot:
    """Erase a patient on the patient's request: from landing, quarantine, lake and releases.

    The site's submissions that held the patient are taken in again without; a later one that does is refused. The same
    again finishes what a crash left undone.

    Raises:
        OutcomesError: patient_unknown, lake_damaged, forgotten_unreadable; erasure_incomplete, after all the rest,
            when something could not be searched; and as `release`.
    """
    from outcomes.intake.erasure import changed, erase
    from outcomes.intake.forgotten import Forgotten
    from outcomes.release.folders import current
    from outcomes.release.forget import remove_holding
    from outcomes.release.origin import refresh

    with _redacted_errors(site_id):
        erased = erase(settings, site_id, patient_id)
        taken_in = ingest_each(settings, [(site_id, period) for period in changed(settings, site_id)])
    try:
        refresh(settings)
        published = release(settings) if current(settings.releases) else None
    except OutcomesError as error:
        if error.code != "nothing_to_release":
            raise
        published = None
    finally:
        # Whether or not a new one could be built, none that holds the patient stays.
        releases = remove_holding(settings, site_id, patient_id)
    rows = erased.rows | {"releases": releases}
    Forgotten(settings).finish(site_id, patient_id, rows)
    if erased.not_searched:
        raise OutcomesError("erasure_incomplete", ", ".join(erased.not_searched))
    return Forgot(rows, taken_in, published.id if published else None)


@private_files()
def vacuum(settings: Settings, keep_days: int, *, dry_run: bool = False) -> list[Gone]:
    """Remove what nothing needs any more, and write the lake's small files as few; marts stay as they are.

    Args:
        settings: paths and thresholds.
        keep_days: how long rows that are no longer in force stay, so that `release` can go back to that time.
        dry_run: write nothing.

    Raises:
        OutcomesError: home_missing, lake_damaged.
    """
    from outcomes.intake.tidying import Gone
    from outcomes.intake.tidying import vacuum as tidy
    from outcomes.release.origin import origin_of
    from outcomes.release.publish import remove_old

    check_home(settings)
    with logged(settings, "vacuum", dry_run=str(dry_run).lower()) as line, _redacted_errors("vacuum"):
        gone = tidy(settings, keep_days, dry_run=dry_run)
        releases = remove_old(settings, settings.releases_kept, dry_run=dry_run, origin=origin_of(settings))
        gone.append(Gone("old releases", len(releases), sum(each.size for each in releases)))
        line["gone"] = {one.what: one.count for one in gone}
    return gone


def ingest_landed(
    settings: Settings,
    sites: Collection[str] | None = None,
    periods: Collection[str] | None = None,
    on_progress: Callable[[Ingested], None] | None = None,
) -> list[Ingested]:
    """Ingest every complete delivery of these sites and periods (none given = all), in site, period order."""
    pairs = [(delivery.site_id, delivery.period) for delivery in landed(settings, sites, periods)]
    return ingest_each(settings, pairs, on_progress)


def count_quarantine(
    settings: Settings,
    site_id: str | None = None,
    period: str | None = None,
    table: str | None = None,
    rule: str | None = None,
) -> list[QuarantineCount]:
    """How many rows of the submissions in force are in quarantine, by site, period, table, rule and outcome."""
    from outcomes.intake.mending import count_quarantine as count

    with _redacted_errors("quarantine"):
        return count(settings, site_id=site_id, period=period, table=table, rule=rule)


@private_files()
def export_quarantine(  # noqa: PLR0913, PLR0917 - which rows, and where to
    settings: Settings, site_id: str, period: str, file: Path, table: str | None = None, rule: str | None = None
) -> Exported:
    """Write the quarantined rows of a submission in force, with the reason beside each cell, for the site to mend.

    Raises:
        OutcomesError: quarantine_empty.
    """
    from outcomes.intake.mending import export_quarantine as export

    with _redacted_errors(f"{site_id}/{period}"):
        return export(settings, site_id, period, file, table=table, rule=rule)


@private_files()
def mend(settings: Settings, site_id: str, period: str, file: Path) -> Mended:
    """Take mended rows back as a new delivery of their month, and judge again what rests on it.

    Refused, it changes nothing.

    Raises:
        OutcomesError: quarantine_empty, mended_file_malformed, delivery_not_in_force.
        SubmissionRefused: the new delivery was refused.
    """
    from outcomes.intake.mending import mend as take_back
    from outcomes.intake.reprocessing import settle

    with _redacted_errors(f"{site_id}/{period}"):
        mended = take_back(settings, site_id, period, file)
        settle(settings, site_id)
    return mended


@private_files()
def release(
    settings: Settings,
    as_known_on: str | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
    on_labelled: Callable[[Labelled], None] | None = None,
    processes: int = 1,
) -> Release:
    """Build and publish a release of all accepted submissions; building the same again changes nothing.

    A damaged release of the same inputs is built anew; one that was rolled back stays so, and the current one is given.

    Args:
        settings: paths and thresholds.
        as_known_on: leave out the submissions of later periods (`YYYY-MM`), or what was recorded after a time (ISO
            8601; without a zone UTC).
        on_progress: called with the name of a step, how many are done, and how many there are.
        on_labelled: called with how many patients were labelled, unless the release is there already.
        processes: how many may protect the marts; a script that allows more than one guards its own work as for
            `ingest_each`.

    Raises:
        OutcomesError: nothing_to_release, time_malformed, lake_damaged, release_damaged, disk_full, not_writable,
            access_denied, home_missing.
    """
    from outcomes.release.build import build_release

    known_on = month_or_time(as_known_on, "as known on") if as_known_on else None
    check_home(settings)
    check_writable(settings)
    with logged(settings, "release", as_known_on=as_known_on) as line, _redacted_errors("release"):
        built = build_release(settings, known_on, on_progress, on_labelled, processes)
        line |= {"release": built.id, "rows": built.counts}
        return built


def month_or_time(text: str, where: str) -> str | datetime:
    """A month (`YYYY-MM`) as it is, or a time (ISO 8601; without a zone UTC).

    Raises:
        OutcomesError: time_malformed.
    """
    from outcomes.periods import is_month

    if is_month(text):
        return text
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise OutcomesError("time_malformed", where) from None
    return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)


def release_is_current(settings: Settings) -> bool:
    """Whether `release` would change nothing: the current one, undamaged, is that of the lake, or that was rolled back.

    Raises:
        OutcomesError: nothing_to_release or home_missing.
    """
    from outcomes.release.build import is_current

    check_home(settings)
    with _redacted_errors("release"):
        return is_current(settings)


@private_files()
def rollback(settings: Settings, release_id: str, reason: str | None = None) -> str | None:
    """Point `current` at another kept release, verified first; recorded in `releases/history.jsonl`.

    Args:
        settings: where the releases are.
        release_id: the release that becomes current.
        reason: why, for the record.

    Returns:
        The release that was current until now.

    Raises:
        OutcomesError: no_release, release_damaged, disk_full, not_writable, access_denied.
    """
    from outcomes.release.origin import origin_of, refresh
    from outcomes.release.publish import roll_back

    with _redacted_errors("rollback"):
        refresh(settings)
        return roll_back(settings.releases, release_id, reason, origin_of(settings))


def diff(settings: Settings, before: str, after: str) -> ReleaseDiff:
    """What differs between two releases that are still kept, by their ids.

    Raises:
        OutcomesError: no_release.
    """
    from outcomes.release.diff import diff as compare
    from outcomes.release.open import open_release

    with _redacted_errors("diff"):
        return compare(open_release(before, settings), open_release(after, settings), settings)


@private_files()
def try_thresholds(
    settings: Settings, changed: dict[str, str], on_progress: Callable[[str, int, int], None] | None = None
) -> Trial:
    """Label the current release's patients with changed thresholds, into a scratch release, and compare the two.

    Raises:
        OutcomesError: threshold_unknown, threshold_malformed, no_release, release_outdated.
    """
    from outcomes.release.trial import try_thresholds as label_again

    with _redacted_errors("sensitivity"):
        return label_again(settings, changed, on_progress)


def sites_of_release(settings: Settings) -> list[str]:
    """The sites with an accepted submission in the current release, by id.

    Raises:
        OutcomesError: no_release.
    """
    from outcomes.release.open import current_release

    submissions = current_release(settings).submissions
    return sorted({str(row["site_id"]) for row in submissions if row["status"] == "accepted"})
