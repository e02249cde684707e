"""Several measures in one card, one row each: one's own patients beside those of all sites."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.charts.groups import interval_rows
from dashboards.charts.pairs import Share, paired_bars
from dashboards.data import measures
from dashboards.data.measures import Measure, Value
from dashboards.pages.frame import View
from dashboards.pages.number import VALUE_HEAD, in_short, value_cells, with_interval

_LEAST_ASSESSED = 0.5
"""Part of the patients. Where only those with a finding can be assessed, as where a site delivers no images, the share
is 100 %, and says nothing of the others."""


@dataclass(frozen=True)
class Row:
    """A measure of the patients that a page is about, and of all sites where the page is about one of them."""

    measure: Measure
    value: Value
    everybody: Value | None

    @property
    def name(self) -> str:
        """The measure without the heading that its card says."""
        return wording.sentence_case(self.measure.title.rpartition(": ")[2])

    @property
    def is_told(self) -> bool:
        """Whether its share can stand beside others: at least half of the patients could be assessed."""
        return not few_assessed(self.measure, self.value)


def rows_of(view: View) -> dict[str, Row]:
    """Every measure for the patients that the filters choose, by name, in the order of the definitions.

    Raises:
        Denied: the site is not one of the scope's.
    """
    found = measures.values(view.reader, view.filters)
    everybody = measures.values(view.reader, view.filters.of_all_sites()) if view.site else {}
    return {
        name: Row(measure, found[name], everybody.get(name)) for name, measure in view.measures.items() if name in found
    }


def chosen(rows: Mapping[str, Row], names: Iterable[str]) -> list[Row]:
    """The rows of these measures; those that the release lacks are left out."""
    return [rows[name] for name in names if name in rows]


def few_assessed(measure: Measure, value: Value) -> bool:
    """Whether fewer than half of the patients could be assessed: who was may differ from the others.

    Of a cumulative incidence everybody's time counts, and of a value that is not there nothing can be said.
    """
    if measure.is_incidence or value.estimate is None or value.patients is None or value.excluded is None:
        return False
    return value.patients < _LEAST_ASSESSED * (value.patients + value.excluded)


def by_size(rows: Sequence[Row]) -> list[Row]:
    """The largest share first; those of which few were assessed and those without one last, as they came."""
    return sorted(rows, key=lambda row: -row.value.estimate if row.is_told and row.value.estimate is not None else 1)


def interval_card(view: View, card: Card, rows: Sequence[Row]) -> Card:
    """A card with a row for each measure: its value with the 95 % interval, and a circle where all sites lie."""
    said = [in_short(row.measure, row.value) for row in rows]
    others = [row.everybody and with_interval(row.measure, row.everybody) for row in rows]
    figure = interval_rows(
        [with_interval(row.measure, row.value) for row in rows],
        [other[0] if other else None for other in others],
        [f"{row.name}: {text}" for row, text in zip(rows, said, strict=True)],
    )
    return replace(
        _with_numbers(view, card, rows),
        sentence=f"{card.sentence} Circles: all sites." if any(others) else card.sentence,
        figure=figure,
        css_class="rows--groups",
        beside=[(row.name, text) for row, text in zip(rows, said, strict=True)],
    )


def bars_card(view: View, card: Card, rows: Sequence[Row], *, is_of_everybody: bool = True) -> Card:
    """A card with a row for each measure: a bar of its share, and below it one of all sites.

    Where fewer than half could be assessed there is no bar: the table has the share.

    Args:
        view: of the page.
        card: its name, title, sentence and notes.
        rows: the measures.
        is_of_everybody: whether the measures ask about every patient, and not about those with a red flag alone.
    """
    if not rows:
        return none_held(view, card)
    own = [_share(row.measure, row.value, is_of_everybody) for row in rows]
    others = [_share(row.measure, row.everybody, is_of_everybody) for row in rows if row.everybody]
    return replace(
        _with_numbers(view, card, rows),
        sentence=f"{card.sentence} Grey: all sites." if others else card.sentence,
        figure=paired_bars(own, others),
        css_class="rows--bars rows--pairs" if others else "rows--bars",
        beside=[(row.name, "") for row in rows],
    )


def none_held(view: View, card: Card) -> Card:
    """The card where the release has none of its measures: why, and what would change it."""
    said = (
        f"{view.who} has delivered no data for these measures yet. Numbers are shown after its first submission."
        if view.site
        else "This release has none of these measures. They are shown once a release has them."
    )
    return replace(card, sentence=said, notes=())


def _with_numbers(view: View, card: Card, rows: Sequence[Row]) -> Card:
    return replace(card, table=values_table(view, card.title, rows), notes=[*card.notes, *notes_on_values(view, rows)])


def _share(measure: Measure, value: Value, is_of_everybody: bool) -> Share:
    if is_of_everybody and few_assessed(measure, value):
        return Share(None, wording.cannot_be_told(value))
    return Share(value.estimate, in_short(measure, value))


def values_table(view: View, caption: str, rows: Sequence[Row]) -> Table:
    """The measures with whose values they are; each leads to its page."""
    return Table(
        caption,
        ("Measure", "Whose", *VALUE_HEAD),
        [
            [
                Cell(row.measure.title, row.measure.measure, href=view.href(f"/measure/{row.measure.measure}")),
                whose,
                *value_cells(row.measure, value),
            ]
            for row in rows
            for whose, value in ((view.who, row.value), ("All sites", row.everybody))
            if value is not None
        ],
        numbers=5,
        is_stacked=True,
    )


def notes_on_values(view: View, rows: Sequence[Row]) -> list[str]:
    """What was done to the numbers of others: suppressed, or rounded."""
    is_hidden = any(value.is_suppressed for row in rows for value in (row.value, row.everybody) if value)
    return [
        wording.hidden_note(view.minimum_cell_count) if is_hidden else "",
        "Counts of all sites are rounded to 5; the site's own are exact." if view.site and not is_hidden else "",
    ]
