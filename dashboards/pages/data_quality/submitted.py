"""What was delivered: submissions, what became of them, and whether their rows add up."""

from collections import Counter
from collections.abc import Sequence

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.data.deliveries import (
    BrokenRule,
    Submission,
    TableRows,
)
from dashboards.data.measures import Site
from dashboards.pages.data_quality.parts import ROW_COUNTS, ROWS, attempt, latest_only, share
from dashboards.pages.frame import View
from dashboards.pages.number import counted, hidden_or_counted, sentence
from outcomes.errors import MISTAKES

_SEEN_AT_ONCE = 12
"""Submissions: a year of months; earlier ones fold out."""


def state(who: str, submissions: Sequence[Submission]) -> Card:
    """How many submissions were accepted, and whether their rows add up."""
    if not submissions:
        return Card("submissions", who, body=["Nothing has been delivered yet."])
    status = Counter(one.status for one in submissions)
    others = [f"{wording.count(status['superseded'])} superseded by a later one"]
    others += [f"{wording.count(status['refused'])} refused"]
    others += [f"{wording.count(status[word])} {word}" for word in ("withdrawn", "damaged") if status[word]]
    said = sentence(
        wording.count(status["accepted"]),
        f"of {wording.plural(len(submissions), 'submission')} accepted",
        ", ".join(others),
    )
    return Card("submissions", who, body=[said, conservation(submissions)])


def conservation(submissions: Sequence[Submission]) -> str:
    """Whether rows add up, with the totals of those submissions whose counts are shown."""
    shown = [one for one in submissions if not one.is_suppressed]
    rows_in, accepted, quarantined, pending = (
        wording.count(sum(getattr(one, column) or 0 for one in shown))
        for column in ("rows_in", "rows_accepted", "rows_quarantined", "rows_pending")
    )
    broken = sum(not one.is_conserved for one in submissions)
    do = f"do not add up in {wording.plural(broken, 'submission')}" if broken else "add up in every submission"
    said = f"Rows {do}: {rows_in} in = {accepted} accepted + {quarantined} quarantined + {pending} pending"
    if len(shown) < len(submissions):
        said += f", over the {wording.plural(len(shown), 'submission')} whose counts are shown"
    return f"{said}."


def refused(submissions: Sequence[Submission], sites: dict[str, Site]) -> list[Card]:
    """Refused submissions, what was wrong and what to do; with the site's name where `sites` holds several."""
    found = sorted(
        (one for one in submissions if one.status == "refused"),
        key=lambda one: (one.submission_period, one.attempt),
        reverse=True,
    )
    if not found:
        return []
    head = (*(("Site",) if sites else ()), "Month", "Attempt", "Code", "What was wrong", "What to do")
    rows = [
        [
            *((sites[one.site_id].name if one.site_id in sites else one.site_id,) if sites else ()),
            wording.period(one.submission_period),
            str(one.attempt),
            *_mistake(one.code),
        ]
        for one in found[:ROWS]
    ]
    return [
        Card(
            "refused",
            "Refused submissions",
            sentence=f"{wording.plural(len(found), 'submission')} refused; none of the rows are in the numbers.",
            table=Table("Refused submissions", head, rows, is_stacked=True, folds_after=_SEEN_AT_ONCE),
            is_table=True,
            notes=[latest_only(len(found))],
        )
    ]


def _mistake(code: str | None) -> list[str]:
    mistake = MISTAKES.get(code or "")
    if mistake is None:
        return [code or wording.DASH, wording.DASH, wording.DASH]
    return [code or wording.DASH, wording.sentence_case(mistake.what), wording.sentence_case(mistake.remedy)]


def attempts(submissions: Sequence[Submission]) -> list[Card]:
    """Every attempt to submit a month."""
    if not submissions:
        return []
    head = ("Month", "Attempt", "Kind", "Status", "Code", "Rows add up", *ROW_COUNTS)
    rows = [
        [
            wording.period(one.submission_period),
            str(one.attempt),
            wording.in_words(one.kind) if one.kind else wording.DASH,
            wording.in_words(one.status),
            one.code or wording.DASH,
            "Yes" if one.is_conserved else "No",
            *(
                hidden_or_counted(number)
                for number in (one.rows_in, one.rows_accepted, one.rows_quarantined, one.rows_pending)
            ),
        ]
        for one in submissions[:ROWS]
    ]
    return [
        Card(
            "attempts",
            "Submission by submission",
            sentence="Every attempt to submit a month, latest first. A full submission replaces all earlier ones.",
            table=Table("Submissions", head, rows, numbers=4, is_stacked=True, folds_after=_SEEN_AT_ONCE),
            is_table=True,
            notes=[latest_only(len(submissions))],
        )
    ]


def tables(tables: Sequence[TableRows]) -> list[Card]:
    """Rows by table of the latest attempt that had any."""
    if not tables:
        return []
    latest = [one for one in tables if attempt(one) == attempt(tables[0])]
    rows: list[Sequence[Cell | str]] = [
        [
            wording.in_words(one.source_table),
            *(counted(number) for number in (one.rows_in, one.rows_accepted, one.rows_quarantined, one.rows_pending)),
            share(one.rows_quarantined, one.rows_in),
            counted(one.cells_blanked),
        ]
        for one in latest
    ]
    adds_up = all(one.rows_in == one.rows_accepted + one.rows_quarantined + one.rows_pending for one in latest)
    return [
        Card(
            "tables",
            "Rows by table",
            sentence=f"{wording.period(latest[0].submission_period)}, attempt {latest[0].attempt}: "
            f"rows {'add up in every table' if adds_up else 'do not add up in every table'}.",
            table=Table(
                "Rows by table of the latest submission",
                ("Table", *ROW_COUNTS, "Quarantined, share", "Cells set to missing"),
                rows,
                numbers=6,
                is_stacked=True,
            ),
            is_table=True,
        )
    ]


def by_site(view: View, submissions: Sequence[Submission], broken: Sequence[BrokenRule]) -> Card:
    """What each site delivered, as everybody may see it, sites by name."""
    attempts: dict[str, list[Submission]] = {}
    for one in submissions:
        attempts.setdefault(one.site_id, []).append(one)
    rules_of = Counter((one.site_id, *attempt(one)) for one in broken)
    rows = [_site_row(view, site, attempts.get(site.site_id, []), rules_of) for site in view.sites.values()]
    return Card(
        "sites",
        "By site",
        sentence=f"{wording.plural(len(rows), 'site')} by name. Rules and rows: of the latest accepted submission.",
        table=Table(
            "Submissions and broken rules by site",
            ("Site", "Latest", "Rows add up", "Submissions", "Superseded", "Refused", "Rules broken", *ROW_COUNTS),
            rows,
            numbers=8,
        ),
        is_table=True,
        notes=[wording.rows_note(view.minimum_cell_count, any(one.is_suppressed for one in submissions))],
    )


def _site_row(
    view: View, site: Site, attempts: Sequence[Submission], rules_of: Counter[tuple[str, str, int]]
) -> list[Cell | str]:
    status = Counter(one.status for one in attempts)
    latest = next((one for one in attempts if one.status == "accepted"), None)
    is_own = site.site_id in view.reader.scope.sites
    counts: list[Cell | str] = [wording.DASH] * 5
    if latest:
        counts = [
            counted(rules_of[site.site_id, *attempt(latest)]),
            *(
                hidden_or_counted(number)
                for number in (latest.rows_in, latest.rows_accepted, latest.rows_quarantined, latest.rows_pending)
            ),
        ]
    return [
        Cell(site.name, href=view.href(view.path, site=site.site_id) if is_own else None),
        wording.period(latest.submission_period) if latest else wording.DASH,
        "Yes" if all(one.is_conserved for one in attempts) else "No",
        *(counted(number) for number in (len(attempts), status["superseded"], status["refused"])),
        *counts,
    ]
