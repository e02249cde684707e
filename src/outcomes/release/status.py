"""Where everything stands: what was accepted, quarantined and refused, what waits, what is released."""

from dataclasses import dataclass

from outcomes.intake.landing import Delivery, deliveries
from outcomes.intake.manifest import submission_id
from outcomes.lake import Lake
from outcomes.release.publish import current
from outcomes.settings import Settings
from outcomes.sql.engine import connect


@dataclass(frozen=True)
class SubmissionStatus:
    """One attempt of a site to deliver a period: rows_in = rows_accepted + rows_quarantined.

    Of a refused one all rows count as quarantined; `code` says why.
    """

    site_id: str
    period: str
    attempt: int
    submission_id: str
    status: str
    code: str | None
    rows_in: int
    rows_accepted: int
    rows_quarantined: int


@dataclass(frozen=True)
class Status:
    """Every attempt, the deliveries that the lake does not know as they stand now, and the current release."""

    submissions: tuple[SubmissionStatus, ...]
    waiting: tuple[Delivery, ...]
    release_id: str | None

    def count(self, status: str) -> int:
        """Attempts of this status: accepted, refused or superseded."""
        return sum(submission.status == status for submission in self.submissions)


def status(settings: Settings) -> Status:
    """Where everything stands now."""
    with connect(settings) as con:
        Lake(settings.lake).attach(con)
        rows = con.execute(
            """
            select
                site_id, period, attempt, submission_id, status, code, rows_in, rows_accepted, rows_quarantined
            from submissions
            order by site_id, period, attempt
            """
        ).fetchall()
    submissions = tuple(SubmissionStatus(*row) for row in rows)
    latest = {(each.site_id, each.period): each.submission_id for each in submissions}
    release = current(settings.releases)
    return Status(
        submissions=submissions,
        waiting=tuple(
            delivery
            for delivery in deliveries(settings)
            if not delivery.is_complete
            or latest.get((delivery.site_id, delivery.period)) != submission_id(delivery.folder)
        ),
        release_id=release.name if release else None,
    )
