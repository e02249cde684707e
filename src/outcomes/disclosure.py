"""Which counts must be hidden so that no small count of patients can be seen or worked out.

A count from 1 to `small_cell - 1` is never shown; zero may be. Hiding it alone is not enough where totals are known:
what is hidden together must leave an attacker, who adds and subtracts all that is shown, an interval at least
`small_cell` wide for every small count. For a table whose row and column totals are known that interval is given by
the Fréchet bounds (Dobra and Fienberg 2000, https://doi.org/10.1073/pnas.97.22.11885):
max(0, row + column - total) to min(row, column).

Each function takes counts and answers which of them to hide; none changes its input.
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]


def is_small(counts: Counts, small_cell: int) -> Mask:
    """Which counts are of 1 to `small_cell - 1` patients."""
    return (counts > 0) & (counts < small_cell)


def coarse(counts: Counts, small_cell: int) -> Counts:
    """Counts to the nearest step of `small_cell - 1`, zero apart; never one step, which would look like a small count.

    Subtracting such counts from each other, or from exact ones, leaves a small difference open.
    """
    step = small_cell - 1
    return np.where(counts > 0, np.maximum((2 * counts + step) // (2 * step), 2) * step, 0)


def hide_parts(counts: Counts, small_cell: int) -> Mask | None:
    """Which parts of a known sum to hide.

    A part that is listed holds at least one patient, so of k hidden parts that add up to s each lies between 1 and
    s - (k - 1).

    Returns:
        The parts to hide, the smallest first; None when not even listing them is safe.
    """
    hidden = is_small(counts, small_cell)
    while hidden.any():
        if hidden.sum() > 1 and counts[hidden].sum() - hidden.sum() >= small_cell:
            break
        smallest = _smallest_shown(counts, hidden)
        if smallest is None:
            return None
        hidden[smallest] = True
    return hidden


def hide_rows(cells: Counts, sensitive: Mask, unsized: Mask, small_cell: int) -> Mask | None:
    """Which rows of a table to hide whole, when the sum of each column is known.

    Args:
        cells: one row per group, one column per answer.
        sensitive: the cells that must not be worked out.
        unsized: rows hidden in every table because they are so small; only the sum of their totals can be worked out.
        small_cell: the smallest count that may be shown.

    Returns:
        The rows to hide, the smallest first; None when hiding all of them is not enough.
    """
    totals = cells.sum(axis=1)
    hidden = sensitive.any(axis=1) | unsized
    while not _is_safe(cells, sensitive, hidden, unsized, small_cell):
        smallest = _smallest_shown(totals, hidden)
        if smallest is None:
            return None
        hidden[smallest] = True
    return hidden


def hide_steps(left: Counts, small_cell: int) -> Mask:
    """Which steps of a shrinking count to hide, so that no small loss between steps can be worked out.

    The last step is treated as known, for it is the size of the cohort that other tables show.

    Args:
        left: patients left after each step, never growing.
        small_cell: the smallest count that may be shown.
    """
    if not len(left):
        return np.zeros(0, dtype=bool)
    last = len(left) - 1
    shown: list[int] = []
    for step in range(last):
        if not shown or not is_small(left[shown[-1:]] - left[step], small_cell).any():
            shown.append(step)
    while shown and is_small(left[shown[-1:]] - left[last], small_cell).any():
        shown.pop()
    # A step without loss beside a shown one tells nothing more.
    return ~np.isin(left, left[[*shown, last]]) | is_small(left, small_cell)


def widths(cells: Counts, hidden: Mask, unsized: Mask) -> Counts:
    """How wide the interval is into which an attacker can place each cell of the hidden rows (0 elsewhere).

    A row whose size is known has the Fréchet bounds, whose width is the least of: the row, the column, and what is
    left of the hidden total beside each. Rows of unknown size stand together as one; within it each can be almost
    anything, but holds at least one patient.
    """
    totals = cells.sum(axis=1)
    columns = cells[hidden].sum(axis=0)[np.newaxis, :]
    together = totals[unsized].sum()
    rows = np.where(unsized, together, totals)[:, np.newaxis]
    total = columns.sum()
    sized = np.minimum(np.minimum(rows, columns), np.minimum(total - rows, total - columns))
    within = np.minimum(rows, columns) - unsized.sum()
    return np.where(hidden[:, np.newaxis], np.where(unsized[:, np.newaxis], within, sized), 0)


def hide(table: pa.Table, columns: Iterable[str], hidden: Mask) -> pa.Table:
    """The table with null in the hidden rows of the columns."""
    for name in columns:
        values = pc.if_else(pa.array(hidden), None, table[name])
        table = table.set_column(table.schema.get_field_index(name), name, values)
    return table


def _is_safe(cells: Counts, sensitive: Mask, hidden: Mask, unsized: Mask, small_cell: int) -> bool:
    wide = widths(cells, hidden, unsized) >= small_cell
    return bool(wide[sensitive].all())


def _smallest_shown(totals: Counts, hidden: Mask) -> int | None:
    shown = np.flatnonzero(~hidden & (totals > 0))
    return int(shown[np.argmin(totals[shown])]) if len(shown) else None
