"""The rules that rows break: over time, now, since the submission before, and which rows they keep out."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.charts import style
from dashboards.charts.bars import Bar, bars
from dashboards.charts.months import Line, lines
from dashboards.data.deliveries import (
    BrokenRule,
    OwnRuleHistory,
    RuleFailure,
    RuleHistory,
    Submission,
)
from dashboards.pages.data_quality.parts import COUNTED, OWN, attempt, share
from dashboards.pages.frame import View
from dashboards.pages.number import counted

_BARS = 12
_SEVERITIES = ("critical", "waiting", "warning", "info")
_HISTORY = {
    "new": "newly broken",
    "persisting": "still broken",
    "resolved": "resolved",
    "untested": "with no row to check",
}
"""What became of a rule since the submission before."""


def over_time(submissions: Sequence[Submission], failures: Sequence[RuleFailure]) -> list[Card]:
    """Shares of rows that broke rules, by month; of each month its last attempt that was not refused."""
    by_period = {one.submission_period: one for one in reversed(submissions) if one.status != "refused" and one.rows_in}
    months = sorted(by_period)
    if not months:
        return []
    attempts = [by_period[month] for month in months]
    flagged = Counter[tuple[str, int]]()
    for one in failures:
        if one.severity == "warning":
            flagged[attempt(one)] += one.rows_failed
    kept_out = [100 * (one.rows_quarantined or 0) / (one.rows_in or 1) for one in attempts]
    warned = [100 * flagged[attempt(one)] / (one.rows_in or 1) for one in attempts]
    rows: list[Sequence[Cell | str]] = [
        [
            month,
            counted(one.rows_in or 0),
            counted(one.rows_quarantined or 0),
            Cell(wording.percent(out / 100, one.rows_in or 1), round(out, 3)),
            counted(flagged[attempt(one)]),
            Cell(wording.percent(flag / 100, one.rows_in or 1), round(flag, 3)),
        ]
        for month, one, out, flag in zip(months, attempts, kept_out, warned, strict=True)
    ]
    critical = _broke(kept_out[-1], attempts[-1], "a critical rule", "quarantined")
    warning = _broke(warned[-1], attempts[-1], "a warning rule", "flagged")
    return [
        Card(
            "over-time",
            "Rules broken over time",
            sentence=f"{wording.period(months[-1])}: {critical}, {warning}.",
            figure=lines(
                months,
                [Line("quarantined", kept_out, style.BLUE), Line("flagged", warned, style.GREY)],
                "Percent of rows delivered in the month",
                " %",
            ),
            table=Table(
                "Rows that broke rules by month",
                ("Month", "Rows in", "Quarantined", "Quarantined, share", "Flagged", "Flagged, share"),
                rows,
                numbers=6,
            ),
            notes=["A row that breaks two warning rules counts twice. Refused submissions are left out."],
            basis=wording.plural(len(months), "month"),
            about="A row that breaks a critical rule is quarantined; one that breaks a warning rule is flagged and may "
            "lose a value.",
        )
    ]


def _broke(share: float, of: Submission, rule: str, what: str) -> str:
    """How many of the rows broke a rule, in percent, and what became of them."""
    rows = wording.percent(share / 100, of.rows_in or 1)
    return f"{rows} of the rows broke {rule} and were {what}" if share else f"no row broke {rule}"


def rules_now(submissions: Sequence[Submission], failures: Sequence[RuleFailure]) -> list[Card]:
    """The rules that the latest submission broke, of those whose rows were checked."""
    judged = {attempt(one) for one in failures}
    checked = [one for one in submissions if one.status != "refused" or attempt(one) in judged]
    if not checked:
        return []
    latest = checked[0]
    found = sorted(
        (one for one in failures if attempt(one) == attempt(latest)),
        key=lambda one: (_SEVERITIES.index(one.severity), -one.rows_failed, one.source_table, one.rule),
    )
    which = f"{wording.period(latest.submission_period)}, attempt {latest.attempt} ({latest.status})"
    if not found:
        return [Card("rules", "Rules broken now", sentence=f"{which}: no row broke a rule.")]
    rows: list[Sequence[Cell | str]] = [
        [
            one.rule,
            wording.in_words(one.source_table),
            wording.in_words(one.severity),
            one.reason,
            counted(one.rows_checked),
            counted(one.rows_failed),
            share(one.rows_failed, one.rows_checked),
        ]
        for one in found
    ]
    critical = sum(one.severity == "critical" for one in found)
    return [
        Card(
            "rules",
            "Rules broken now",
            sentence=f"{which}: {wording.plural(len(found), 'rule')} broken, {critical or 'none'} of them critical.",
            table=Table(
                "Rules that the latest submission broke",
                ("Rule", "Table", "Severity", "What is wrong", "Rows checked", "Rows failed", "Share"),
                rows,
                numbers=3,
                is_stacked=True,
            ),
            is_table=True,
            notes=[
                "Critical: the row is quarantined. Waiting: it is pending until its patient is delivered. Warning: it "
                "is flagged, and a value that cannot be right is set to missing. Info: it is only counted. Rows "
                "checked are those to which the rule applies."
            ],
        )
    ]


def own_history(found: Sequence[OwnRuleHistory], categories: Mapping[tuple[str, str], str]) -> list[Card]:
    """What became of each rule from the submission before to the latest one in force."""
    if not found:
        return []
    order = [*_HISTORY]
    ordered = sorted(found, key=lambda one: (order.index(one.history), one.source_table, one.rule))
    rows: list[Sequence[Cell | str]] = [
        [
            one.rule,
            wording.in_words(one.source_table),
            wording.sentence_case(categories.get((one.source_table, one.rule), wording.DASH)),
            one.reason,
            wording.sentence_case(_HISTORY[one.history]),
            counted(one.rows_failed),
            counted(one.rows_failed_before),
        ]
        for one in ordered
    ]
    first = found[0]
    now = f"{wording.period(first.submission_period)}, attempt {first.attempt}"
    if first.period_before is None:
        compared = f"{now}, is the first submission"
    else:
        compared = f"{now}, against {wording.period(first.period_before)}, attempt {first.attempt_before}"
    return [
        Card(
            "history",
            "Rules since the submission before",
            sentence=f"{compared}: {_histories(Counter(one.history for one in found))}.",
            table=Table(
                "Rules that the latest submission in force or the one before it broke",
                ("Rule", "Table", "Kind", "What is wrong", "Since then", "Rows failed", "Rows before"),
                rows,
                numbers=2,
                is_stacked=True,
            ),
            is_table=True,
        )
    ]


def history(view: View, found: Sequence[RuleHistory]) -> list[Card]:
    """What became of the rules at each site, as everybody may see it."""
    if not found:
        return []
    by_site = {site_id: [one for one in found if one.site_id == site_id] for site_id in view.sites}
    rows: list[Sequence[Cell | str]] = [
        [
            view.sites[site_id].name,
            wording.period(own[0].submission_period),
            wording.period(own[0].period_before) if own[0].period_before else wording.DASH,
            *(counted(sum(one.history == word for one in own)) for word in _HISTORY),
        ]
        for site_id, own in by_site.items()
        if own
    ]
    return [
        Card(
            "history",
            "Rules since the submission before",
            sentence=f"All sites: {_histories(Counter(one.history for one in found))}.",
            table=Table(
                "Rules of each site's latest submission in force against the one before",
                ("Site", "Latest", "Before", *map(wording.sentence_case, _HISTORY.values())),
                rows,
                numbers=len(_HISTORY),
            ),
            is_table=True,
        )
    ]


def _histories(counts: Mapping[str, int]) -> str:
    said = [f"{wording.plural(counts[word], 'rule')} {words}" for word, words in _HISTORY.items() if counts.get(word)]
    return ", ".join(said)


def rules_by_month(
    submissions: Sequence[Submission], broken: Sequence[BrokenRule], periods: Sequence[str]
) -> list[Card]:
    """How many rules a submission broke on average, by month: of other sites the rows are mostly hidden."""
    if not periods:
        return []
    checked = {(one.site_id, *attempt(one)) for one in submissions if one.status != "refused"}
    of_period = Counter(period for _, period, _ in checked)
    rules_of = Counter(one.submission_period for one in broken if (one.site_id, *attempt(one)) in checked)
    values = [rules_of[period] / of_period[period] for period in periods]
    return [
        Card(
            "over-time",
            "Rules broken over time",
            sentence=f"{wording.period(periods[-1])}: a submission broke {values[-1]:.1f} rules on average, "
            "each in one or more rows.",
            figure=lines(periods, [Line("all sites", values, style.GREY)], "Rules broken per submission"),
            table=Table(
                "Rules broken per submission by month",
                ("Month", "Submissions", "Rules broken per submission"),
                [
                    [period, counted(of_period[period]), Cell(f"{value:.1f}", round(value, 3))]
                    for period, value in zip(periods, values, strict=True)
                ],
                numbers=2,
            ),
            notes=[
                "This counts rules, not rows: most counts of rows of other sites are suppressed. Choose your site to "
                "see its shares of rows. Refused submissions are left out."
            ],
            basis=wording.plural(len(periods), "month"),
        )
    ]


def rules(broken: Sequence[BrokenRule], periods: Sequence[str]) -> list[Card]:
    """In how many submissions of the last months some row broke each rule."""
    what = f"submissions since {wording.period(periods[0])}" if periods else "submissions"
    notes = [
        "A rule counts once per submission, in however many rows. A rule that found no row to check was not applicable "
        "there and is not counted. Choose your site to see its counts of rows and the rules that were not applicable."
    ]
    blank = Card("rules", "Rules broken", body=["No row broke a rule."], notes=notes)
    reasons = {one.rule: one.reason for one in broken}
    return _bars_by_rule(blank, Counter(one.rule for one in broken), reasons, what, COUNTED)


def quarantine(submissions: Sequence[Submission], failures: Sequence[RuleFailure]) -> list[Card]:
    """Quarantined rows of the accepted submissions, by the rule that they broke."""
    in_force = {attempt(one) for one in submissions if one.status == "accepted"}
    rows = Counter[str]()
    for one in failures:
        if one.severity == "critical" and attempt(one) in in_force:
            rows[one.rule] += one.rows_failed
    notes = ["A row that breaks several rules counts for each. Corrected rows can be submitted again."]
    blank = Card("quarantine", "Quarantine by rule", body=["No row is in quarantine."], notes=notes)
    return _bars_by_rule(blank, rows, {one.rule: one.reason for one in failures}, "rows in quarantine", OWN)


def _bars_by_rule(
    blank: Card, counts: Counter[str], reasons: dict[str, str], what: str, marker: dict[str, str]
) -> list[Card]:
    """The most frequent rules as bars, all of them in the table.

    Args:
        blank: the card's name, title and notes, and what it says where no rule was broken.
        counts: how often each rule was broken.
        reasons: what each rule says is wrong.
        what: what is counted, in wording.
        marker: the colour of the bars.
    """
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if not ordered:
        return [replace(blank, notes=())]
    drawn = [Bar(f"{rule}: {reasons[rule]}", number, wording.count(number)) for rule, number in ordered[:_BARS]]
    rest = f"The {_BARS} most frequent of {len(ordered)} rules; the table has them all." if ordered[_BARS:] else ""
    return [
        replace(
            blank,
            body=(),
            sentence=f"Most frequent: {drawn[0].name}, {drawn[0].text} {what}.",
            figure=bars(drawn, marker),
            css_class="rows--bars rows--rules",
            beside=[(bar.name, "") for bar in drawn],
            table=Table(
                f"{blank.title}: {what}",
                ("Rule", "What is wrong", wording.sentence_case(what)),
                [[rule, reasons[rule], counted(number)] for rule, number in ordered],
                numbers=1,
            ),
            notes=[rest, *blank.notes],
        )
    ]


def not_applicable(submissions: Sequence[Submission], idle: Sequence[RuleFailure]) -> list[Card]:
    """The rules that found no row to check in the latest submission in force: nothing is known of them."""
    latest = next((one for one in submissions if one.status == "accepted"), None)
    found = [one for one in idle if latest and attempt(one) == attempt(latest)]
    if not latest or not found:
        return []
    return [
        Card(
            "not-applicable",
            "Rules that were not applicable",
            sentence=f"{wording.period(latest.submission_period)}, attempt {latest.attempt}: "
            f"{wording.plural(len(found), 'rule')} not applicable. No row held what the rule looks at, so it was "
            "neither kept nor broken.",
            table=Table(
                "Rules that the latest accepted submission gave no row to check",
                ("Rule", "Table", "What it looks for"),
                [[one.rule, wording.in_words(one.source_table), one.reason] for one in found],
            ),
        )
    ]
