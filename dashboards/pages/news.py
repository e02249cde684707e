"""What changed since the release before, and how the data behind the numbers are."""

from collections.abc import Iterator, Sequence

from dashboards import wording
from dashboards.cards import Card
from dashboards.data import deliveries
from dashboards.data.changes import Changes, Moved, changes, of_gone, of_new
from dashboards.data.deliveries import Submission
from dashboards.data.measures import Measure, Value
from dashboards.pages.data_quality.resting_measures import failing_in_force
from dashboards.pages.frame import View
from dashboards.rendering import part
from dashboards.reviews.queue import today
from outcomes.errors import OutcomesError
from outcomes.intake.expected import due_deliveries
from outcomes.periods import months_until

_A_YEAR = 365
"""The target day of the visits whose completeness is told."""
_OF_A_YEAR = "_12_months"
"""How the names of measures of these visits end."""
_RULES_NAMED = 5
"""So many failing rules are told; the page of the data quality has the rest."""
_LATE_MONTHS = 12
"""Deliveries of so many months are looked for; who is later than that is asked in other ways."""
_WITHOUT = "All headline outcomes lack these months."


def changed(view: View, site_id: str) -> Card:
    """What is another number, another alarm or another submission than in the release before."""
    title = "What changed"
    before = view.before
    if before is None:
        known = view.reader.published_after
        alone = (
            f"The release before, {known}, is not kept or of an earlier version, and cannot be compared with this one."
            if known
            else "There is no release before this one."
        )
        return Card("changed", title, body=[alone], is_wide=False)
    found = changes(before, view.reader, site_id)
    said = [*(_moved(one) for one in found.moved), *changed_otherwise(view, found)]
    body = [part("lines", said)] if said else ["Nothing has changed for this site."]
    return Card("changed", f"What changed since release {before.release_id}", body=body, is_wide=False)


def changed_otherwise(view: View, found: Changes) -> list[str]:
    """What changed beside the values: measures named, months delivered, and definitions."""
    named, gone = (
        "; ".join(
            f"{view.measures[one.measure].title} ({wording.towards(means(one))})"
            for one in alarms
            if one.measure in view.measures
        )
        for alarms, means in ((found.named, of_new), (found.no_longer_named, of_gone))
    )
    lines = [
        f"Newly named: {named}." if named else "",
        f"No longer named: {gone}." if gone else "",
        f"Accepted: {_months(found.accepted)}." if found.accepted else "",
        f"Refused: {_months(found.refused)}." if found.refused else "",
        f"Defined anew: {wording.plural(len(found.redefined), 'measure')}." if found.redefined else "",
    ]
    return [line for line in lines if line]


def _moved(one: Moved) -> str:
    before, now = (_amount(one.measure, value) for value in (one.before, one.now))
    patients = [value.patients or 0 for value in (one.before, one.now) if value is not None]
    counted = ""
    if len(patients) == 2 and patients[0] != patients[1]:
        counted = f" ({wording.count(patients[0])} → {wording.count(patients[1])} assessed)"
    redefined = ", by a new version of its definition" if one.is_redefined else ""
    said = f"{before} → {now}, {wording.towards(one.towards)}" if before != now else f"still {now}"
    return f"{one.measure.title}: {said}{counted}{redefined}."


def _amount(measure: Measure, value: Value | None) -> str:
    return "no value" if value is None or value.estimate is None else wording.short_amount(measure, value)


def _months(periods: Sequence[str]) -> str:
    return ", ".join(map(wording.period, periods))


def data_state(view: View, site_id: str) -> Card:
    """What is late, refused or failing, and which headline outcomes rest on it."""
    said = data_lines(view, site_id)
    body = [part("lines", said)] if said else ["Nothing is refused or failing."]
    body.append(part("way", "Data quality", view.href("/data-quality", period=None, group=None)))
    return Card("data-state", "The data behind it", body=body, is_wide=False)


def data_lines(view: View, site_id: str, minimum: int = 0) -> list[str]:
    """The same in sentences.

    Args:
        view: of the release.
        site_id: the site.
        minimum: shares that rest on fewer patients, or leave fewer out, are not told.
    """
    submissions = deliveries.own_submissions(view.reader, site_id)
    if not submissions:
        return ["Nothing has been delivered yet."]
    in_force = [one for one in submissions if one.status == "accepted"]
    lines = [
        _late(view, site_id, in_force),
        _refused(submissions),
        _missing(view, site_id, minimum),
        *_failing(view, site_id, submissions),
    ]
    return [line for line in lines if line]


def _late(view: View, site_id: str, in_force: Sequence[Submission]) -> str:
    """The months that are due and that the release does not hold."""
    if view.settings is None:
        return ""
    try:
        due = due_deliveries(view.settings, months_until(f"{today():%Y-%m}", _LATE_MONTHS))
    except OutcomesError:
        return "When deliveries are due cannot be read; ask the administrator to check deliveries.csv."
    delivered = {one.submission_period for one in in_force}
    late = [one for one in due if one.site_id == site_id and one.due < today() and one.period not in delivered]
    if not late:
        return ""
    return f"Late: {_months([one.period for one in late])} (due {wording.day(late[0].due)}). {_WITHOUT}"


def _refused(submissions: Sequence[Submission]) -> str:
    """The months whose latest attempt was refused."""
    latest = {one.submission_period: one for one in sorted(submissions, key=lambda one: one.attempt)}
    refused = sorted(period for period, one in latest.items() if one.status == "refused")
    return f"Refused as last sent: {_months(refused)}. {_WITHOUT}" if refused else ""


def _missing(view: View, site_id: str, minimum: int) -> str:
    """Visits that were lost: how many of those whose window has closed were held at one year."""
    windows = deliveries.completeness(view.reader, site_id)
    window = next((one for one in windows if one.target_day == _A_YEAR), None)
    if window is None or window.response is None or min(window.answered, window.closed - window.answered) < minimum:
        return ""
    held = f"Visits at 12 months that were held: {wording.percent(window.response, window.closed)}."
    resting = [one for one in view.headlines if one.measure.endswith(_OF_A_YEAR)]
    return f"{held} {_rest(view, resting, 'these visits')}" if resting else held


def _failing(view: View, site_id: str, submissions: Sequence[Submission]) -> Iterator[str]:
    """For each rule that rows in force break: which headline outcomes rest on it; the rules of the most first."""
    failing = failing_in_force(submissions, deliveries.own_failing_rules(view.reader, site_id))
    affected = deliveries.rule_measures(view.reader)
    reasons = {(one.source_table, one.rule): one.reason for one in failing}
    tiles = {rule: [one for one in view.headlines if one.measure in affected.get(rule, ())] for rule in reasons}
    ordered = sorted(tiles, key=lambda rule: (-len(tiles[rule]), rule))
    for rule in ordered[:_RULES_NAMED]:
        others = len(affected.get(rule, ())) - len(tiles[rule])
        beside = f" {wording.plural(others, 'other measure')} may." if others else ""
        rest = wording.lower_first(_rest(view, tiles[rule], "them"))
        yield f"Rows break {rule[1]} ({reasons[rule]}): {rest}{beside}"
    if ordered[_RULES_NAMED:]:
        more = wording.plural(len(ordered) - _RULES_NAMED, "further rule")
        yield f"{more} that rows break: on the page Data quality."


def _rest(view: View, resting: Sequence[Measure], on: str) -> str:
    """Which headline outcomes rest on something."""
    if not resting:
        return f"No headline outcome rests on {on}."
    if len(resting) == len(view.headlines):
        return f"All headline outcomes rest on {on}."
    return f"On {on} {'rests' if len(resting) == 1 else 'rest'} {'; '.join(one.title for one in resting)}."
