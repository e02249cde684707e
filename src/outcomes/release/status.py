"""Where everything stands: what was accepted, quarantined, blanked and refused, what waits, what is released."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from outcomes.intake.landing import Delivery, deliveries
from outcomes.intake.manifest import is_as_stated, submission_id
from outcomes.intake.rules import rules_sha256
from outcomes.lake import Lake, SubmissionRecord, newest_not_refused
from outcomes.lake.store import in_memory
from outcomes.release.folders import current
from outcomes.release.origin import refresh
from outcomes.settings import Settings


@dataclass(frozen=True)
class SubmissionStatus:
    """One attempt of a site to deliver a period: rows_in = rows_accepted + rows_quarantined + rows_pending.

    Of a refused one all rows count as quarantined; `code` says why. `rules_are_old`: it was judged by other rules than
    the present ones, see `outcomes reprocess`. `recorded_at`: when it was last judged (ISO 8601, UTC).
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
    rows_pending: int
    rules_are_old: bool
    recorded_at: str | None


@dataclass(frozen=True)
class RuleOutcomes:
    """How the rules of a contract table fared in the submissions in force, each rule once a submission."""

    source_table: str
    passed: int
    failed: int
    not_applicable: int


@dataclass(frozen=True)
class Blanked:
    """Cells of a column that a rule set to missing in the submissions in force, and of how many sites they are."""

    source_table: str
    column_name: str
    rule: str
    cells: int
    sites: int


@dataclass(frozen=True)
class Status:
    """Every attempt, what the rules did, the deliveries that the lake does not know as they stand, and the release."""

    submissions: tuple[SubmissionStatus, ...]
    rules: tuple[RuleOutcomes, ...]
    blanked: tuple[Blanked, ...]
    waiting: tuple[Delivery, ...]
    release_id: str | None

    def count(self, status: str) -> int:
        """Attempts of this status: accepted, refused, superseded or withdrawn."""
        return sum(submission.status == status for submission in self.submissions)


_RULES = """
with judged as (
    select unnest(rules) as result
    from submissions
    where status = 'accepted'
)

select
    result.source_table,
    count(*) filter (where result.rows_checked > 0 and result.rows_failed = 0) as passed,
    count(*) filter (where result.rows_failed > 0) as failed,
    count(*) filter (where result.rows_checked = 0) as not_applicable
from judged
group by result.source_table
order by result.source_table
"""

_BLANKED = """
with counted as (
    select
        site_id,
        unnest(blanked) as lost
    from submissions
    where status = 'accepted'
)

select
    lost.source_table, lost.column_name, lost.rule,
    cast(sum(lost.cells) as bigint) as cells,
    count(distinct site_id) as sites
from counted
group by lost.source_table, lost.column_name, lost.rule
order by lost.source_table, lost.column_name, lost.rule
"""


def status(settings: Settings, site_id: str | None = None, since: str | datetime | None = None) -> Status:
    """Where everything stands now.

    Args:
        settings: paths and thresholds.
        site_id: of this site only.
        since: of this month (`YYYY-MM`) and later ones only, or only what was recorded from this time on.
    """
    lake = Lake.of(settings)
    month, time = (None, since) if isinstance(since, datetime) else (since, None)
    with in_memory() as con:
        lake.attach_submissions(con, site_id=site_id)
        con.execute(
            "delete from submissions where period < $month or coalesce(recorded_at < $time, $time is not null)",
            {"month": month, "time": time},
        )
        rows = con.execute(
            """
            select
                site_id, period, attempt, submission_id, status, code, rows_in, rows_accepted, rows_quarantined,
                coalesce(rows_pending, 0) as rows_pending,
                rules_sha256 is distinct from $rules_sha256 as rules_are_old,
                strftime(recorded_at at time zone 'UTC', '%Y-%m-%dT%H:%M:%S.%fZ') as recorded_at
            from submissions
            order by site_id, period, attempt
            """,
            {"rules_sha256": rules_sha256()},
        ).fetchall()
        outcomes = con.execute(_RULES).fetchall()
        blanked = con.execute(_BLANKED).fetchall()
    refresh(settings)
    release = current(settings.releases)
    return Status(
        submissions=tuple(SubmissionStatus(*row) for row in rows),
        rules=tuple(RuleOutcomes(*row) for row in outcomes),
        blanked=tuple(Blanked(*row) for row in blanked),
        waiting=tuple(
            delivery
            for delivery in _waiting(settings, lake.attempts(site_id))
            if delivery.site_id == (site_id or delivery.site_id) and delivery.period >= (month or "")
        ),
        release_id=release.name if release else None,
    )


def _waiting(settings: Settings, attempts: Sequence[SubmissionRecord]) -> Iterator[Delivery]:
    """The deliveries that the lake does not know as they lie there; one that was refused as it is waits no longer."""
    accepted = {each.submission_id for each in attempts if each.outcome == "accepted"}
    known = {place: each.submission_id for place, each in newest_not_refused(attempts).items()}
    latest = {(each.site_id, each.period): each.submission_id for each in attempts}
    for delivery in deliveries(settings):
        place = (delivery.site_id, delivery.period)
        if (
            not delivery.is_complete
            or submission_id(delivery.folder) not in (known.get(place), latest.get(place))
            or (submission_id(delivery.folder) in accepted and not is_as_stated(delivery.folder))
        ):
            yield delivery
