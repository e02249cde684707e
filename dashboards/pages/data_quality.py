"""The data behind the numbers: submissions, rows that add up, broken rules, the cohort and its follow-up."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.charts import style
from dashboards.charts.bars import Bar, bars
from dashboards.charts.months import Line, lines
from dashboards.charts.parts import stacked_rows
from dashboards.data import deliveries
from dashboards.data.deliveries import (
    BlankedCells,
    BrokenRule,
    Completeness,
    FailingRule,
    OwnRuleHistory,
    OwnStep,
    RuleFailure,
    RuleHistory,
    Step,
    Submission,
    TableRows,
)
from dashboards.data.measures import Site
from dashboards.pages.frame import Page, View
from dashboards.pages.number import counted, hidden_or_counted, sentence
from dashboards.rendering import part
from outcomes.errors import MISTAKES

_MONTHS = 12
"""So many months of all sites are shown; of one's own site all are."""
_BARS = 12
_ROWS = 60
"""The latest of longer lists."""
_ROW_COUNTS = ("Rows in", "Accepted", "Quarantined", "Pending")
_COUNTED = {"color": style.GREY}
_OWN = {"color": style.BLUE}
_SEVERITIES = ("critical", "waiting", "warning", "info")
_MARK = 0.8
"""The share of visits that should be held (sql/marts/completeness.yaml)."""
_LEGEND = "Solid: held. Hollow: not held yet, the window is still open. Hatched: lost, the window has closed."
_HISTORY = {
    "new": "newly broken",
    "persisting": "still broken",
    "resolved": "resolved",
    "untested": "with no row to check",
}
"""What became of a rule since the submission before."""
_NAMED = 3
"""So many measures are named in a sentence."""
_RESTING = (
    "A measure is named when it reads what a failing rule may have cost: any column of a row that a critical rule "
    "keeps out, else the columns that the rule is about. That says where to look, not that the number is wrong."
)
_WINDOWS = {"baseline": "Before surgery"}


def data_quality(view: View) -> Page:
    """The data quality of one's own site, exact, or of all sites as everybody may see it."""
    cards = _own(view, view.site) if view.site else _all_sites(view)
    return Page("Data quality", cards)


def _own(view: View, site: Site) -> list[Card]:
    submissions = deliveries.own_submissions(view.reader, site.site_id)
    failures = deliveries.own_rule_failures(view.reader, site.site_id)
    tables = deliveries.own_tables(view.reader, site.site_id)
    return [
        state(view.who, submissions),
        *refused(submissions, {}),
        *_over_time(submissions, failures),
        *_rules_now(submissions, failures),
        *own_history(deliveries.own_rule_history(view.reader, site.site_id), deliveries.rule_categories(view.reader)),
        resting(view, submissions, deliveries.own_failing_rules(view.reader, site.site_id)),
        *not_applicable(submissions, deliveries.own_rules_not_applicable(view.reader, site.site_id)),
        *quarantine(submissions, failures),
        blanked(view, submissions, deliveries.own_blanked_cells(view.reader, site.site_id)),
        *_submissions(view, submissions),
        *_tables(tables),
        *follow_up(deliveries.completeness(view.reader, site.site_id)),
        own_attrition(deliveries.own_attrition(view.reader, site.site_id)),
    ]


def _all_sites(view: View) -> list[Card]:
    submissions = deliveries.submissions(view.reader)
    periods = sorted({one.submission_period for one in submissions if one.status != "refused"})[-_MONTHS:]
    broken = deliveries.broken_rules(view.reader, periods[0]) if periods else []
    return [
        state(view.who, submissions),
        *refused(submissions, view.sites),
        by_site(view, submissions, broken),
        *rules_by_month(submissions, broken, periods),
        *rules(broken, periods),
        *history(view, deliveries.rule_history(view.reader)),
        resting_by_site(view, submissions, deliveries.failing_rules(view.reader)),
        blanked(view, submissions, deliveries.blanked_cells(view.reader, periods[0]) if periods else []),
        attrition(deliveries.attrition(view.reader)),
    ]


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
        for one in found[:_ROWS]
    ]
    return [
        Card(
            "refused",
            "Refused submissions",
            sentence=f"{wording.plural(len(found), 'submission')} refused; none of the rows are in the numbers.",
            table=Table("Refused submissions", head, rows),
            is_table=True,
            notes=[_latest_only(len(found))],
        )
    ]


def _mistake(code: str | None) -> list[str]:
    mistake = MISTAKES.get(code or "")
    if mistake is None:
        return [code or wording.DASH, wording.DASH, wording.DASH]
    return [code or wording.DASH, wording.sentence_case(mistake.what), wording.sentence_case(mistake.remedy)]


def _submissions(view: View, submissions: Sequence[Submission]) -> list[Card]:
    if not submissions:
        return []
    head = ("Month", "Attempt", "Kind", "Status", "Code", "Rows add up", *_ROW_COUNTS)
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
        for one in submissions[:_ROWS]
    ]
    return [
        Card(
            "attempts",
            "Submission by submission",
            sentence="Every attempt to submit a month, latest first. A full submission replaces all earlier ones.",
            table=Table("Submissions", head, rows, numbers=4),
            is_table=True,
            notes=[_latest_only(len(submissions))],
        )
    ]


def _tables(tables: Sequence[TableRows]) -> list[Card]:
    """Rows by table of the latest attempt that had any."""
    if not tables:
        return []
    latest = [one for one in tables if _attempt(one) == _attempt(tables[0])]
    rows: list[Sequence[Cell | str]] = [
        [
            wording.in_words(one.source_table),
            *(counted(number) for number in (one.rows_in, one.rows_accepted, one.rows_quarantined, one.rows_pending)),
            _share(one.rows_quarantined, one.rows_in),
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
                ("Table", *_ROW_COUNTS, "Quarantined, share", "Cells set to missing"),
                rows,
                numbers=6,
            ),
            is_table=True,
        )
    ]


def _over_time(submissions: Sequence[Submission], failures: Sequence[RuleFailure]) -> list[Card]:
    """Shares of rows that broke rules, by month; of each month its last attempt that was not refused."""
    by_period = {one.submission_period: one for one in reversed(submissions) if one.status != "refused" and one.rows_in}
    months = sorted(by_period)
    if not months:
        return []
    attempts = [by_period[month] for month in months]
    flagged = Counter[tuple[str, int]]()
    for one in failures:
        if one.severity == "warning":
            flagged[_attempt(one)] += one.rows_failed
    kept_out = [100 * (one.rows_quarantined or 0) / (one.rows_in or 1) for one in attempts]
    warned = [100 * flagged[_attempt(one)] / (one.rows_in or 1) for one in attempts]
    rows: list[Sequence[Cell | str]] = [
        [
            month,
            counted(one.rows_in or 0),
            counted(one.rows_quarantined or 0),
            Cell(f"{out:.1f}{wording.NBSP}%", round(out, 3)),
            counted(flagged[_attempt(one)]),
            Cell(f"{flag:.1f}{wording.NBSP}%", round(flag, 3)),
        ]
        for month, one, out, flag in zip(months, attempts, kept_out, warned, strict=True)
    ]
    return [
        Card(
            "over-time",
            "Rules broken over time",
            sentence=f"{wording.period(months[-1])}: {kept_out[-1]:.1f}{wording.NBSP}% of the rows broke a critical "
            f"rule and were quarantined, {warned[-1]:.1f}{wording.NBSP}% broke a warning rule and were flagged.",
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


def _rules_now(submissions: Sequence[Submission], failures: Sequence[RuleFailure]) -> list[Card]:
    """The rules that the latest submission broke, of those whose rows were checked."""
    judged = {_attempt(one) for one in failures}
    checked = [one for one in submissions if one.status != "refused" or _attempt(one) in judged]
    if not checked:
        return []
    latest = checked[0]
    found = sorted(
        (one for one in failures if _attempt(one) == _attempt(latest)),
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
            _share(one.rows_failed, one.rows_checked),
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


def resting(view: View, submissions: Sequence[Submission], failing: Sequence[FailingRule]) -> Card:
    """The measures of one's own site that read what failing rules of the submissions in force may have cost."""
    resting_on = resting_measures(view, submissions, failing)
    if not resting_on:
        said = ["No measure of this site rests on a month with a failing rule."]
        return Card("resting", "Measures that rest on failing rules", body=said)
    ordered = sorted(resting_on.items(), key=lambda item: (-len(item[1]), [*view.measures].index(item[0])))
    titles = [view.measures[measure].title for measure, _ in ordered]
    # A rule that costs the row reaches nearly every measure: those that rest on the same rules are told together.
    alike = defaultdict[tuple[FailingRule, ...], list[str]](list)
    for title, (_, rules_of) in zip(titles, ordered, strict=True):
        alike[tuple(rules_of)].append(title)
    rows: list[Sequence[Cell | str]] = [
        [
            _some(together),
            ", ".join(sorted({one.rule for one in rules_of})),
            ", ".join(map(wording.period, sorted({one.submission_period for one in rules_of}))),
            counted(len(together)),
            counted(len({(one.source_table, one.rule) for one in rules_of})),
        ]
        for rules_of, together in alike.items()
    ]
    verb = "rests" if len(titles) == 1 else "rest"
    return Card(
        "resting",
        "Measures that rest on failing rules",
        sentence=f"{wording.plural(len(titles), 'measure')} of this site {verb} on months with failing rules: "
        f"{_some(titles)}.",
        table=Table(
            "Measures that read what failing rules may have cost",
            ("Which measures", "Which rules", "Months delivered", "Measures", "Rules"),
            rows,
            numbers=2,
        ),
        is_table=True,
        notes=[_RESTING],
    )


def _some(titles: Sequence[str]) -> str:
    """The first titles, and how many more there are."""
    more = f" and {wording.count(len(titles) - _NAMED)} more" if len(titles) > _NAMED else ""
    return f"{'; '.join(titles[:_NAMED])}{more}"


def resting_by_site(view: View, submissions: Sequence[Submission], failing: Sequence[FailingRule]) -> Card:
    """How many measures of each site read what failing rules may have cost; rows and patients are not told."""
    rows: list[Sequence[Cell | str]] = []
    for site_id, site in view.sites.items():
        own = [one for one in failing if one.site_id == site_id]
        measures = resting_measures(view, submissions, own)
        if measures:
            found = [one for rules_of in measures.values() for one in rules_of]
            months = {one.submission_period for one in found}
            which = len({(one.source_table, one.rule) for one in found})
            rows.append([site.name, counted(len(measures)), counted(which), counted(len(months))])
    if not rows:
        said = ["No measure rests on a month with a failing rule."]
        return Card("resting", "Measures that rest on failing rules", body=said)
    return Card(
        "resting",
        "Measures that rest on failing rules",
        sentence=f"At {wording.count(len(rows))} of {wording.plural(len(view.sites), 'site')} measures rest on months "
        "with failing rules.",
        table=Table(
            "Measures that read what failing rules may have cost, by site",
            ("Site", "Measures", "Rules", "Months delivered"),
            rows,
            numbers=3,
        ),
        is_table=True,
        notes=[_RESTING],
    )


def resting_measures(
    view: View, submissions: Sequence[Submission], failing: Sequence[FailingRule]
) -> dict[str, list[FailingRule]]:
    """The failing rules of the submissions in force by the measures that they affect."""
    in_force = {(one.site_id, *_attempt(one)) for one in submissions if one.status == "accepted"}
    affected = deliveries.rule_measures(view.reader)
    found = defaultdict[str, list[FailingRule]](list)
    for one in failing:
        if (one.site_id, *_attempt(one)) in in_force:
            for measure in affected.get((one.source_table, one.rule), ()):
                found[measure].append(one)
    return dict(found)


def quarantine(submissions: Sequence[Submission], failures: Sequence[RuleFailure]) -> list[Card]:
    """Quarantined rows of the accepted submissions, by the rule that they broke."""
    in_force = {_attempt(one) for one in submissions if one.status == "accepted"}
    rows = Counter[str]()
    for one in failures:
        if one.severity == "critical" and _attempt(one) in in_force:
            rows[one.rule] += one.rows_failed
    notes = ["A row that breaks several rules counts for each. Corrected rows can be submitted again."]
    blank = Card("quarantine", "Quarantine by rule", notes=notes)
    return _bars_by_rule(blank, rows, {one.rule: one.reason for one in failures}, "rows in quarantine", _OWN)


def not_applicable(submissions: Sequence[Submission], idle: Sequence[RuleFailure]) -> list[Card]:
    """The rules that found no row to check in the latest submission in force: nothing is known of them."""
    latest = next((one for one in submissions if one.status == "accepted"), None)
    found = [one for one in idle if latest and _attempt(one) == _attempt(latest)]
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


def blanked(view: View, submissions: Sequence[Submission], cells: Sequence[BlankedCells]) -> Card:
    """Cells of the accepted submissions that were set to missing, by column and rule."""
    in_force = {(one.site_id, *_attempt(one)) for one in submissions if one.status == "accepted"}
    groups: dict[tuple[str, str, str, str], list[BlankedCells]] = {}
    for one in cells:
        if (one.site_id, *_attempt(one)) in in_force:
            groups.setdefault((one.source_table, one.column_name, one.rule, one.reason), []).append(one)
    if not groups:
        return Card("blanked", "Cells set to missing", body=["No cell was set to missing."])
    rows = [_blanked_row(view, what, found) for what, found in sorted(groups.items())]
    is_hidden = any(one.cells is None for found in groups.values() for one in found)
    return Card(
        "blanked",
        "Cells set to missing",
        sentence=f"{wording.plural(len({what[:2] for what in groups}), 'column')} lost values that cannot be right. "
        "The rows are accepted, and their other values are used.",
        table=Table(
            "Cells set to missing by column and rule",
            ("Table", "Column", "Rule", "What is wrong", "Submissions", "Cells", "Rows in", "Share of rows"),
            rows,
            numbers=4,
        ),
        is_table=True,
        notes=[
            "Rows in: of the table, over the submissions in which the column lost a value. Corrected rows can be "
            "submitted again.",
            f"{wording.hidden_rows_note(view.minimum_cell_count)} Cells, rows and share are of the submissions whose "
            "counts are shown."
            if is_hidden
            else "",
        ],
    )


def _blanked_row(view: View, what: tuple[str, str, str, str], found: Sequence[BlankedCells]) -> list[Cell | str]:
    table, *said = what
    shown = [(one.cells, one.rows_in) for one in found if one.cells is not None and one.rows_in is not None]
    cells, rows_in = sum(cells for cells, _ in shown), sum(rows_in for _, rows_in in shown)
    return [
        wording.in_words(table),
        *said,
        counted(len(found)),
        *(hidden_or_counted(number if shown else None) for number in (cells, rows_in)),
        _share(cells, rows_in),
    ]


def follow_up(windows: Sequence[Completeness]) -> list[Card]:
    """How many patients were seen at each visit window."""
    found = [one for one in windows if one.expected]
    if not found:
        return []
    names = [_window(one.visit_window) for one in found]
    rows: list[Sequence[Cell | str]] = [
        [
            name,
            *(counted(number) for number in (one.expected, one.done, one.due, one.lost)),
            _fraction(one.response, one.closed),
            _fraction(one.clarks_c, one.expected),
        ]
        for name, one in zip(names, found, strict=True)
    ]
    return [
        Card(
            "follow-up",
            "Completeness of follow-up",
            sentence=_response(found),
            figure=stacked_rows(
                ("Held", "Not held yet, the window is open", "Lost, the window has closed"),
                [(one.done, one.due, one.lost) for one in found],
            ),
            css_class="rows--groups",
            body=[part("footnote", _LEGEND)],
            beside=[
                (name, f"{wording.count(one.done)} of {wording.count(one.expected)} held")
                for name, one in zip(names, found, strict=True)
            ],
            table=Table(
                "Completeness of follow-up by visit window",
                ("Window", "Expected", "Held", "Window open", "Lost", "Held of closed", "Clark's C"),
                rows,
                numbers=6,
            ),
            notes=["Not expected: patients who died or were revised before the window, or whose data end before it."],
            about="A visit is held when at least one score was recorded in the window. Clark's C is the share of the "
            "possible time of observation that was observed.",
        )
    ]


def _response(windows: Sequence[Completeness]) -> str:
    closed = [one for one in windows if one.response is not None and one.visit_window != "baseline"]
    reached = [_window(one.visit_window) for one in closed if (one.response or 0) >= _MARK]
    if not closed:
        return "No window after surgery has closed yet."
    least = next((one for one in closed if one.visit_window == "12_months"), closed[-1])
    said = (
        f"At {_window(least.visit_window)}, {wording.percent(least.response or 0, least.closed)} of the visits whose "
        f"window has closed were held ({wording.count(least.answered)} of {wording.count(least.closed)}); "
    )
    mark = f"{100 * _MARK:.0f}{wording.NBSP}%"
    return said + (
        f"{mark} is reached at {', '.join(reached)}." if reached else f"no window after surgery reaches {mark}."
    )


def _window(code: str) -> str:
    return _WINDOWS.get(code, code.replace("_", " "))


def own_attrition(steps: Sequence[OwnStep]) -> Card:
    """Of one's own site, exact, with those of its source who were not delivered, where it states them."""
    card = _attrition(steps, _OWN)
    without = steps[0].patients_without_index if steps else None
    if without is None:
        return card
    they = "has no index fusion and was" if without == 1 else "have no index fusion and were"
    note = f"Of the site's source, {wording.plural(without, 'further patient')} {they} not delivered."
    return replace(card, notes=[*card.notes, note])


def attrition(steps: Sequence[Step]) -> Card:
    """Of all sites, to the nearest 10."""
    note = "Patients of all sites are rounded to 10. A step is suppressed where few patients left at it."
    return replace(_attrition(steps, _COUNTED), notes=[note if steps else ""])


def _cohort(last: Bar) -> str:
    return "How many are in the cohort is suppressed." if last.length is None else f"{last.text} are in the cohort."


def _attrition(steps: Sequence[Step], marker: dict[str, str]) -> Card:
    """From all patients delivered to the cohort."""
    if not steps:
        return Card("attrition", "Who is in the cohort", body=["No patient has been delivered yet."])
    rows = [
        Bar(
            wording.in_words(step.reason),
            step.patients_left,
            hidden_or_counted(step.patients_left).text,
        )
        for step in steps
    ]
    return Card(
        "attrition",
        "Who is in the cohort",
        sentence="From all patients delivered to the cohort: patients remaining after each exclusion. "
        + _cohort(rows[-1]),
        figure=bars(rows, marker),
        css_class="rows--bars",
        beside=[(row.name, "") for row in rows],
        table=Table(
            "Patients remaining after each exclusion",
            ("Step", "Lost here", "Patients remaining"),
            [
                [row.name, _lost(before, row), Cell(row.text, row.length)]
                for before, row in zip([None, *rows], rows, strict=False)
            ],
            numbers=2,
        ),
    )


def _lost(before: Bar | None, row: Bar) -> Cell:
    """How many patients a step left out; a dash where that is suppressed, and at the first."""
    if before is None or before.length is None or row.length is None:
        return Cell(wording.DASH)
    return counted(round(before.length - row.length))


def by_site(view: View, submissions: Sequence[Submission], broken: Sequence[BrokenRule]) -> Card:
    """What each site delivered, as everybody may see it, sites by name."""
    attempts: dict[str, list[Submission]] = {}
    for one in submissions:
        attempts.setdefault(one.site_id, []).append(one)
    rules_of = Counter((one.site_id, *_attempt(one)) for one in broken)
    rows = [_site_row(view, site, attempts.get(site.site_id, []), rules_of) for site in view.sites.values()]
    return Card(
        "sites",
        "By site",
        sentence=f"{wording.plural(len(rows), 'site')} by name. Rules and rows: of the latest accepted submission.",
        table=Table(
            "Submissions and broken rules by site",
            ("Site", "Latest", "Rows add up", "Submissions", "Superseded", "Refused", "Rules broken", *_ROW_COUNTS),
            rows,
            numbers=8,
        ),
        is_table=True,
        notes=[
            wording.hidden_rows_note(view.minimum_cell_count) if any(one.is_suppressed for one in submissions) else ""
        ],
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
            counted(rules_of[site.site_id, *_attempt(latest)]),
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


def rules_by_month(
    submissions: Sequence[Submission], broken: Sequence[BrokenRule], periods: Sequence[str]
) -> list[Card]:
    """How many rules a submission broke on average, by month: of other sites the rows are mostly hidden."""
    if not periods:
        return []
    checked = {(one.site_id, *_attempt(one)) for one in submissions if one.status != "refused"}
    of_period = Counter(period for _, period, _ in checked)
    rules_of = Counter(one.submission_period for one in broken if (one.site_id, *_attempt(one)) in checked)
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
    blank = Card("rules", "Rules broken", notes=notes)
    reasons = {one.rule: one.reason for one in broken}
    return _bars_by_rule(blank, Counter(one.rule for one in broken), reasons, what, _COUNTED)


def _bars_by_rule(
    blank: Card, counts: Counter[str], reasons: dict[str, str], what: str, marker: dict[str, str]
) -> list[Card]:
    """The most frequent rules as bars, all of them in the table.

    Args:
        blank: the card's name, title and notes.
        counts: how often each rule was broken.
        reasons: what each rule says is wrong.
        what: what is counted, in wording.
        marker: the colour of the bars.
    """
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    if not ordered:
        return [replace(blank, body=["No row broke such a rule."], notes=())]
    drawn = [Bar(f"{rule}: {reasons[rule]}", number, wording.count(number)) for rule, number in ordered[:_BARS]]
    rest = f"The {_BARS} most frequent of {len(ordered)} rules; the table has them all." if ordered[_BARS:] else ""
    return [
        replace(
            blank,
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


def _attempt(
    one: Submission | RuleFailure | TableRows | BrokenRule | BlankedCells | FailingRule,
) -> tuple[str, int]:
    """Which attempt of its site a row is about."""
    return one.submission_period, one.attempt


def _latest_only(number: int) -> str:
    return f"The latest {_ROWS} of {wording.count(number)}." if number > _ROWS else ""


def _share(part: int, whole: int) -> Cell:
    return Cell(f"{100 * part / whole:.1f}{wording.NBSP}%", round(part / whole, 5)) if whole else Cell(wording.DASH)


def _fraction(fraction: float | None, n: int) -> Cell:
    return Cell(wording.DASH) if fraction is None else Cell(wording.percent(fraction, n), round(fraction, 5))
