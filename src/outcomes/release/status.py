"""Where everything stands: what was accepted, quarantined, blanked and refused, what waits, what is released."""

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
        """Attempts of this status: accepted, refused or superseded."""
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
        outcomes = con.execute(_RULES).fetchall()
        blanked = con.execute(_BLANKED).fetchall()
    submissions = tuple(SubmissionStatus(*row) for row in rows)
    latest = {(each.site_id, each.period): each.submission_id for each in submissions}
    release = current(settings.releases)
    return Status(
        submissions=submissions,
        rules=tuple(RuleOutcomes(*row) for row in outcomes),
        blanked=tuple(Blanked(*row) for row in blanked),
        waiting=tuple(
            delivery
            for delivery in deliveries(settings)
            if not delivery.is_complete
            or latest.get((delivery.site_id, delivery.period)) != submission_id(delivery.folder)
        ),
        release_id=release.name if release else None,
    )
