"""The pages of the data behind the numbers: submissions, rows that add up, broken rules, who is counted."""

from collections import Counter

from dash import dcc, html

from dashboards import words
from dashboards.charts import style
from dashboards.charts.bars import Bar
from dashboards.charts.style import Component
from dashboards.pages import drawn, frame
from dashboards.pages.frame import View
from dashboards.queries import RuleFailure, Site, Submission, Tally
from outcomes.errors import MISTAKES

_COUNTED = {"color": style.GREY}
_SITE_HEAD = ("Site", "Latest period", "Rows add up", "Submissions", "Superseded", "Refused", "Rules broken", "Rows in")
_REFUSED_HEAD = ("Site", "Period", "Attempt", "Code", "What was wrong", "What to do")
_SUBMISSION_HEAD = ("Period", "Attempt", "Kind", "Status", "Code", "Rows add up", "Rows in", "Accepted", "Quarantined")
_RULE_HEAD = ("Period", "Attempt", "Table", "Rule", "Severity", "What is wrong", "Rows checked", "Rows failed")


def site_path(site_id: str) -> str:
    """The address of a site's data-quality page."""
    return f"{frame.DATA_QUALITY}/{site_id}"


def data_quality(view: View) -> Component:
    """The data-quality page of a release."""
    submissions, failures, sites = view.submissions, view.release.rule_failures(), view.release.sites()
    return frame.page(
        view,
        frame.DATA_QUALITY,
        html.H1("Data quality"),
        frame.card("Submissions", *_totals(submissions), *_refused(submissions, sites)),
        frame.card("By site", _by_site(submissions, failures, sites)),
        frame.card("Failed rules", *_rules(view, failures)),
        frame.card("Who is counted", *_attrition(view, view.release.attrition())),
    )


def site_quality(view: View, site: Site) -> Component:
    """The page of one site: each of its submissions, and the rules that their rows broke."""
    submissions = [one for one in view.submissions if one.site_id == site.site_id]
    failures = [one for one in view.release.rule_failures() if one.site_id == site.site_id]
    return frame.page(
        view,
        site_path(site.site_id),
        html.H1(f"Data quality: {site.name}"),
        frame.card(
            "Submissions",
            *_totals(submissions),
            frame.table(
                f"Submissions of {site.name}",
                _SUBMISSION_HEAD,
                [_submission_cells(one, view.threshold) for one in submissions],
                numbers=3,
            ),
            _hidden_note(view, submissions),
        ),
        frame.card("Failed rules", *_site_rules(view, site, failures)),
    )


def _totals(submissions: list[Submission]) -> list[Component]:
    if not submissions:
        return [html.P("Nothing has been delivered yet.")]
    status = Counter(submission.status for submission in submissions)
    rest = f"{words.count(status['superseded'])} superseded by a later one, {words.count(status['refused'])} refused"
    return [
        html.P(
            [
                html.Strong(words.count(status["accepted"]), className="number"),
                html.Span(f" of {words.plural(len(submissions), 'submission')} accepted", className="interval"),
                html.Span(f" {rest}", className="basis"),
            ],
            className="sentence",
        ),
        html.P(_conservation(submissions)),
    ]


def _conservation(submissions: list[Submission]) -> str:
    """Whether rows add up, with the totals of those submissions whose counts are shown."""
    shown = [submission for submission in submissions if not submission.is_suppressed]
    rows_in, accepted, quarantined = (
        words.count(sum(getattr(submission, column) or 0 for submission in shown))
        for column in ("rows_in", "rows_accepted", "rows_quarantined")
    )
    do = "Rows add up" if all(submission.is_conserved for submission in submissions) else "Rows do not add up"
    scope = (
        ""
        if len(shown) == len(submissions)
        else f", over the {words.plural(len(shown), 'submission')} whose counts are shown"
    )
    return f"{do} in every submission: {rows_in} in = {accepted} accepted + {quarantined} quarantined{scope}."


def _refused(submissions: list[Submission], sites: list[Site]) -> list[Component]:
    names = {site.site_id: site.name for site in sites}
    rows = [
        [names.get(one.site_id, one.site_id), words.period(one.period), str(one.attempt), *_mistake(one.code)]
        for one in submissions
        if one.status == "refused"
    ]
    return [html.H3("Refused"), frame.table("Refused submissions", _REFUSED_HEAD, rows)] if rows else []


def _mistake(code: str | None) -> list[str]:
    mistake = MISTAKES.get(code or "")
    said = (
        (words.sentence_case(mistake.what), words.sentence_case(mistake.remedy))
        if mistake
        else (words.DASH, words.DASH)
    )
    return [code or words.DASH, *said]


def _by_site(submissions: list[Submission], failures: list[RuleFailure], sites: list[Site]) -> Component:
    rows = [
        _site_cells(
            site,
            [one for one in submissions if one.site_id == site.site_id],
            {one.rule for one in failures if one.site_id == site.site_id},
        )
        for site in sites
    ]
    return frame.table("Submissions and broken rules by site", _SITE_HEAD, rows, numbers=5)


def _site_cells(site: Site, submissions: list[Submission], rules: set[str]) -> list[Component]:
    status = Counter(submission.status for submission in submissions)
    return [
        dcc.Link(site.name, href=site_path(site.site_id)),
        words.period(submissions[0].period) if submissions else words.DASH,
        "Yes" if all(one.is_conserved for one in submissions) else "No",
        words.count(len(submissions)),
        words.count(status["superseded"]),
        words.count(status["refused"]),
        words.count(len(rules)),
        words.count(sum(one.rows_in or 0 for one in submissions)),
    ]


def _submission_cells(one: Submission, threshold: int) -> list[str]:
    return [
        words.period(one.period),
        str(one.attempt),
        words.in_words(one.kind) if one.kind else words.DASH,
        words.in_words(one.status),
        one.code or words.DASH,
        "Yes" if one.is_conserved else "No",
        *(_rows(number, threshold) for number in (one.rows_in, one.rows_accepted, one.rows_quarantined)),
    ]


def _rules(view: View, failures: list[RuleFailure]) -> list[Component]:
    if not failures:
        return [html.P("No row broke a rule in any submission.")]
    reasons = {failure.rule: failure.reason for failure in failures}
    broken = Counter(failure.rule for failure in failures)
    rows = [
        Bar(f"{rule}: {reasons[rule]}", number, words.count(number))
        for rule, number in sorted(broken.items(), key=lambda item: (-item[1], item[0]))
    ]
    return [
        html.P("In how many submissions some row broke each rule. The page of a site says in which, and how often."),
        drawn.tally(view, ("Rule", "Submissions"), rows, _COUNTED, "rows--rules"),
    ]


def _site_rules(view: View, site: Site, failures: list[RuleFailure]) -> list[Component | None]:
    if not failures:
        return [html.P("No row broke a rule in any submission of this site.")]
    rows = [_rule_cells(one, view.threshold) for one in failures]
    return [
        frame.table(f"Rules broken by submissions of {site.name}", _RULE_HEAD, rows, numbers=2),
        _hidden_note(view, failures),
    ]


def _rule_cells(one: RuleFailure, threshold: int) -> list[str]:
    return [
        words.period(one.period),
        str(one.attempt),
        one.source_table,
        one.rule,
        words.in_words(one.severity),
        one.reason,
        _rows(one.rows_checked, threshold),
        _rows(one.rows_failed, threshold),
    ]


def _attrition(view: View, steps: list[Tally]) -> list[Component]:
    if not steps:
        return [html.P("No patient has been delivered yet.")]
    rows = [
        Bar(
            words.in_words(step.code),
            step.patients,
            words.hidden(view.threshold) if step.patients is None else words.count(step.patients),
        )
        for step in steps
    ]
    return [
        html.P(
            "From all patients delivered to the cohort: how many are left once those with each reason are left out."
        ),
        drawn.tally(view, ("Step", "Patients left"), rows, _COUNTED, "rows--rules"),
    ]


def _rows(number: int | None, threshold: int) -> str:
    return words.hidden(threshold) if number is None else words.count(number)


def _hidden_note(view: View, rows: list[Submission] | list[RuleFailure]) -> Component | None:
    return frame.footnote(words.hidden_note(view.threshold) if any(row.is_suppressed for row in rows) else "")
