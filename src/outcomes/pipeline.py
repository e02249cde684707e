"""The steps in order, as the command line, the DAGs and the tests call them.

Left of the lake the unit of work is one submission, right of it one release. The heavy imports (Great Expectations
above all) happen inside the functions, so that importing this module costs a DAG or a command nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from outcomes.errors import OutcomesError, SubmissionRefused, UnexpectedError
from outcomes.settings import Settings

if TYPE_CHECKING:
    from outcomes.intake.landing import Delivery
    from outcomes.lake import SubmissionRecord
    from outcomes.release.diff import ReleaseDiff
    from outcomes.release.open import Release
    from outcomes.release.trial import Trial


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
    """The complete deliveries in site, period order; a folder without a manifest is not a submission yet."""
    from outcomes.intake.landing import deliveries

    return [
        delivery
        for delivery in deliveries(settings)
        if delivery.is_complete
        and (sites is None or delivery.site_id in sites)
        and (periods is None or delivery.period in periods)
    ]


def waiting(settings: Settings) -> list[Delivery]:
    """The complete deliveries that are not in the lake as they stand.

    A refused one stays among them: a file delivered again mends it without any change to its manifest.
    """
    from outcomes.intake.manifest import submission_id

    accepted = _newest_accepted(settings)
    return [
        delivery
        for delivery in landed(settings)
        if accepted.get((delivery.site_id, delivery.period)) != submission_id(delivery.folder)
    ]


def _newest_accepted(settings: Settings) -> dict[tuple[str, str], str]:
    """The submission_id of each (site_id, period)'s newest accepted attempt."""
    from outcomes.lake import Lake
    from outcomes.sql.engine import connect

    with connect(settings) as con:
        Lake(settings.lake).attach(con)
        newest = con.execute(
            "select site_id, period, max_by(submission_id, attempt) from submissions "
            "where outcome = 'accepted' group by site_id, period"
        ).fetchall()
    return {(site_id, period): submission_id for site_id, period, submission_id in newest}


@contextmanager
def _redacted_errors(where: str) -> Iterator[None]:
    """Let named mistakes and file errors through; of any other keep only the type, since its text may quote a cell."""
    try:
        yield
    except (OutcomesError, OSError):
        raise
    except Exception as error:
        raise UnexpectedError(f"{where}: {type(error).__name__}") from None


def sites_with_delivery(settings: Settings, period: str) -> list[str]:
    """The sites whose submission of this period is complete, in order."""
    return [delivery.site_id for delivery in landed(settings, periods=[period])]


def ingest(settings: Settings, site_id: str, period: str) -> SubmissionRecord:
    """Screen, validate and commit one submission; the same submission again changes nothing.

    Raises:
        SubmissionRefused: nothing of it entered the lake; the refusal is recorded with its code.
        UnexpectedError: something failed that has no name; nothing of it entered the lake.
    """
    from outcomes.intake.submission import ingest_submission

    with _redacted_errors(f"{site_id}/{period}"):
        return ingest_submission(settings, site_id, period)


def ingest_each(
    settings: Settings, pairs: Iterable[tuple[str, str]], on_progress: Callable[[Ingested], None] | None = None
) -> list[Ingested]:
    """Ingest the submissions of these (site_id, period) pairs; one that fails never stops the others.

    Args:
        settings: paths and thresholds.
        pairs: in the order in which to ingest them.
        on_progress: called after each submission.

    Raises:
        UnexpectedError: the first one, after all others have had their turn.
    """
    results = []
    unexpected = []
    for site_id, period in pairs:
        try:
            result = Ingested(site_id, period, record=ingest(settings, site_id, period))
        except SubmissionRefused as refusal:
            result = Ingested(site_id, period, refusal=refusal)
        except UnexpectedError as error:
            unexpected.append(error)
            continue
        results.append(result)
        if on_progress:
            on_progress(result)
    if unexpected:
        raise unexpected[0]
    return results


def ingest_landed(
    settings: Settings,
    sites: Collection[str] | None = None,
    periods: Collection[str] | None = None,
    on_progress: Callable[[Ingested], None] | None = None,
) -> list[Ingested]:
    """Ingest every complete delivery of these sites and periods (none given = all), in site, period order."""
    pairs = [(delivery.site_id, delivery.period) for delivery in landed(settings, sites, periods)]
    return ingest_each(settings, pairs, on_progress)


def release(
    settings: Settings, as_known_on: str | None = None, on_progress: Callable[[str, int, int], None] | None = None
) -> Release:
    """Build and publish a release of all accepted submissions; building the same again changes nothing.

    Args:
        settings: paths and thresholds.
        as_known_on: leave out the submissions of later periods (`YYYY-MM`).
        on_progress: called with the name of a step, how many are done, and how many there are.

    Raises:
        OutcomesError: nothing_to_release, or period_malformed.
    """
    from outcomes.periods import is_month
    from outcomes.release.build import build_release

    if as_known_on is not None and not is_month(as_known_on):
        raise OutcomesError("period_malformed", "as known on")
    with _redacted_errors("release"):
        return build_release(settings, as_known_on, on_progress)


def release_is_current(settings: Settings) -> bool:
    """Whether the current release is already the one that would be built now.

    Raises:
        OutcomesError: nothing_to_release.
    """
    from outcomes.release.build import next_release_id
    from outcomes.release.open import current_release

    try:
        return current_release(settings).id == next_release_id(settings)
    except OutcomesError as error:
        if error.code != "no_release":
            raise
        return False


def diff(settings: Settings, before: str, after: str) -> ReleaseDiff:
    """What differs between two releases that are still kept, by their ids.

    Raises:
        OutcomesError: no_release.
    """
    from outcomes.release.diff import diff as compare
    from outcomes.release.open import open_release

    with _redacted_errors("diff"):
        return compare(open_release(before, settings), open_release(after, settings), settings)


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
