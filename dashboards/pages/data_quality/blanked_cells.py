"""Cells that were set to missing, as their values cannot be right."""

from collections.abc import Sequence

from dashboards import wording
from dashboards.cards import Card, Cell, Table
from dashboards.data.deliveries import (
    BlankedCells,
    Submission,
)
from dashboards.pages.data_quality.parts import attempt, share
from dashboards.pages.frame import View
from dashboards.pages.number import counted, hidden_or_counted


def blanked(view: View, submissions: Sequence[Submission], cells: Sequence[BlankedCells]) -> Card:
    """Cells of the accepted submissions that were set to missing, by column and rule."""
    in_force = {(one.site_id, *attempt(one)) for one in submissions if one.status == "accepted"}
    groups: dict[tuple[str, str, str, str], list[BlankedCells]] = {}
    for one in cells:
        if (one.site_id, *attempt(one)) in in_force:
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
            f"{wording.rows_note(view.minimum_cell_count, is_suppressed=True)} Cells, rows and share are of the "
            "submissions whose counts are shown."
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
        share(cells, rows_in),
    ]
