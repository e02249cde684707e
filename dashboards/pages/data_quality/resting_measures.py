"""Which measures rest on months with failing rules."""

from collections import defaultdict
from collections.abc import Sequence

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.data import deliveries
from dashboards.data.deliveries import (
    FailingRule,
    Submission,
)
from dashboards.data.measures import Measure
from dashboards.pages.data_quality.parts import attempt
from dashboards.pages.frame import View
from dashboards.pages.number import counted

_NAMED = 3
"""So many measures are named in a sentence."""
_RESTING = (
    "A measure is named when it reads what a failing rule may have cost: any column of a row that a critical rule "
    "keeps out, else the columns that the rule is about. That says where to look, not that the number is wrong."
)


def resting(view: View, submissions: Sequence[Submission], failing: Sequence[FailingRule]) -> Card:
    """The measures of one's own site that read what failing rules of the submissions in force may have cost."""
    resting_on = resting_measures(view, submissions, failing)
    if not resting_on:
        said = ["No measure of this site rests on a month with a failing rule."]
        return Card("resting", "Measures that rest on failing rules", body=said)
    ordered = sorted(resting_on.items(), key=lambda item: _place(view.measures[item[0]], item[1]))
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
            is_stacked=True,
        ),
        is_table=True,
        notes=[_RESTING],
    )


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
    affected = deliveries.rule_measures(view.reader)
    found = defaultdict[str, list[FailingRule]](list)
    for one in failing_in_force(submissions, failing):
        for measure in affected.get((one.source_table, one.rule), ()):
            found[measure].append(one)
    return dict(found)


def failing_in_force(submissions: Sequence[Submission], failing: Sequence[FailingRule]) -> list[FailingRule]:
    """The failing rules of the submissions that are in force."""
    in_force = {(one.site_id, *attempt(one)) for one in submissions if one.status == "accepted"}
    return [one for one in failing if (one.site_id, *attempt(one)) in in_force]


def _place(measure: Measure, rules: Sequence[FailingRule]) -> tuple[int, int, int]:
    """Headline outcomes first, in their order; then those that rest on the most."""
    is_other = measure.headline is None
    return (1, -len(rules), measure.place) if is_other else (0, measure.headline or 0, measure.place)


def _some(titles: Sequence[str]) -> str:
    """The first titles, and how many more there are."""
    more = f" and {wording.count(len(titles) - _NAMED)} more" if len(titles) > _NAMED else ""
    return f"{'; '.join(titles[:_NAMED])}{more}"
