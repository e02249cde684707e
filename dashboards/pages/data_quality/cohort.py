"""Who is in the cohort, and who of it was followed."""

from collections.abc import Sequence
from dataclasses import replace

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.charts.bars import Bar, bars
from dashboards.charts.parts import stacked_rows
from dashboards.data.deliveries import (
    Completeness,
    OwnStep,
    Step,
)
from dashboards.pages.data_quality.parts import COUNTED, OWN, fraction
from dashboards.pages.number import counted, hidden_or_counted
from dashboards.rendering import part

_MARK = 0.8
"""The share of visits that should be held (sql/marts/completeness.yaml)."""
_LEGEND = "Solid: held. Hollow: not held yet, the window is still open. Hatched: lost, the window has closed."
_WINDOWS = {"baseline": "Before surgery"}


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
            fraction(one.response, one.closed),
            fraction(one.clarks_c, one.expected),
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
    card = _attrition(steps, OWN)
    without = steps[0].patients_without_index if steps else None
    if without is None:
        return card
    they = "has no index fusion and was" if without == 1 else "have no index fusion and were"
    note = f"Of the site's source, {wording.plural(without, 'further patient')} {they} not delivered."
    return replace(card, notes=[*card.notes, note])


def attrition(steps: Sequence[Step]) -> Card:
    """Of all sites, to the nearest 10."""
    note = "Patients of all sites are rounded to 10. A step is suppressed where few patients left at it."
    return replace(_attrition(steps, COUNTED), notes=[note if steps else ""])


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
