"""Causes and red flags: what pain may come from, what needs attention without delay, and what care followed."""

from collections.abc import Mapping, Sequence

from dashboards import wording
from dashboards.cards import Card
from dashboards.pages.frame import Page, View
from dashboards.pages.number import big_number
from dashboards.pages.rows import Row, bars_card, by_size, chosen, rows_of

_IMAGED = "red_flag_imaging_30_days"
_IMAGING = ("imaging_or_visit_after_red_flag", _IMAGED, "red_flag_visit_30_days", "imaging_after_pain")
_SEVERAL = "One patient may have several, so the rows do not add up to all patients."
_NO_DIAGNOSIS = (
    "A suspected cause is a reason to investigate, not a diagnosis. Each share is of patients whose site delivers a "
    "table that records the cause."
)
_NOT_TOLD = (
    "Cannot be told: fewer than half of the patients could be assessed, as where a site delivers no images. Those who "
    "could be may differ from the others, so the share, in the table of this card, cannot be compared."
)
_UNSEEN = "Care received elsewhere is not recorded: the shares are of patients whose site records all their treatments."


def causes(view: View) -> Page:
    """Suspected causes, red flags, time to imaging and conservative care."""
    lead, view = wording.all_years(view.filters), view.of_all_years()
    rows = rows_of(view)
    suspected = by_size([row for row in _in(rows, "suspected causes") if row.measure.measure.startswith("suspected_")])
    flags, care = by_size(_in(rows, "red flags")), by_size(_in(rows, "conservative care"))
    imaging = chosen(rows, _IMAGING)
    cards = [
        bars_card(view, _suspected(view, suspected), suspected),
        bars_card(
            view,
            Card(
                "red-flags",
                "Red flags",
                sentence=_most_frequent(view, flags),
                notes=[_SEVERAL, _why(flags), _not_told(flags)],
            ),
            flags,
        ),
        bars_card(
            view,
            Card("imaging", "Time to imaging and to a visit", sentence=_imaged(view, imaging), notes=[_why(imaging)]),
            imaging,
            is_of_everybody=False,
        ),
        bars_card(
            view,
            Card(
                "care",
                "Conservative care received",
                sentence=_most_frequent(view, care),
                notes=[_SEVERAL, _UNSEEN, _not_told(care)],
            ),
            care,
        ),
    ]
    return Page("Causes and red flags", cards, filters=("group",), lead=lead)


def _in(rows: Mapping[str, Row], category: str) -> list[Row]:
    return [row for row in rows.values() if row.measure.category == category]


def _suspected(view: View, rows: Sequence[Row]) -> Card:
    return Card(
        "causes",
        f"Suspected causes: {view.who}",
        sentence=_most_frequent(view, rows),
        body=[big_number(row.measure, row.value) for row in rows[:1] if row.is_told],
        notes=[_SEVERAL, _NO_DIAGNOSIS, _not_told(rows)],
    )


def _imaged(view: View, rows: Sequence[Row]) -> str:
    """The share of those with a red flag who had an image soon."""
    return next(
        (wording.sentence(row.measure, row.value) for row in rows if row.measure.measure == _IMAGED),
        "",
    )


def _most_frequent(view: View, rows: Sequence[Row]) -> str:
    """Which row is the first, in words; of whom, where not of all patients."""
    of = f" ({wording.narrowed(view.filters)})" if view.filters.are_narrow else ""
    if not rows:
        return ""
    first = rows[0]
    if not first.is_told:
        return f"Most frequent{of}: cannot be told, as fewer than half of the patients could be assessed."
    if first.value.estimate is None:
        is_hidden = any(row.value.is_suppressed for row in rows)
        return f"Most frequent{of}: {'every share is suppressed' if is_hidden else 'no patient could be assessed yet'}."
    told = "" if all(row.is_told for row in rows) else " of those that can be told"
    said = wording.amount(first.measure, first.value)
    return f"Most frequent{told}{of}: {wording.lower_first(first.name)}, {said}."


def _not_told(rows: Sequence[Row]) -> str:
    return "" if all(row.is_told for row in rows) else _NOT_TOLD


def _why(rows: Sequence[Row]) -> str:
    """Why it is measured, said once for measures that share it."""
    return " ".join(dict.fromkeys(row.measure.why for row in rows))
