"""Which counts must be hidden so that no small count of patients can be seen or worked out.

A small count, from 1 to one less than the minimum cell count, is never shown; zero may be. Hiding it alone is not
enough where totals are known: what is hidden together must leave an attacker, who adds and subtracts all that is shown,
an interval at least as wide as the minimum cell count for every small count. For a table whose row and column totals
are known that interval is given by the Fréchet bounds (Dobra and Fienberg 2000,
https://doi.org/10.1073/pnas.97.22.11885): max(0, row + column - total) to min(row, column).

Each function takes counts and answers which of them to hide; none changes its input.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.arrays import Counts, Mask

ROUND_TO = 5
"""Counts that are shown are rounded to the nearest of these, after suppression, as NHS England does with hospital
episodes (https://digital.nhs.uk/, "Disclosure control methodology for Hospital Episode Statistics", 2018). It blurs
what is left over when many counts are subtracted, or two releases, and moves a count by 2 patients at the most."""

SITES_AGAINST_CONTRIBUTORS = 4
"""So many sites must have patients where one that knows its own counts is to be shut out: it takes three hidden sites,
and one more if anything is to be shown."""

_ROOM = 10**9
"""More patients than any registry holds."""


def is_small(counts: Counts, minimum_cell_count: int) -> Mask:
    """Which counts are of 1 to `minimum_cell_count - 1` patients."""
    return (counts > 0) & (counts < minimum_cell_count)


def coarse(counts: Counts, minimum_cell_count: int) -> Counts:
    """Counts to the nearest step of one less than the minimum, zero apart; never one step, as if they were small.

    Subtracting such counts from each other, or from exact ones, leaves a small difference open.
    """
    step = minimum_cell_count - 1
    return np.where(counts > 0, np.maximum((2 * counts + step) // (2 * step), 2) * step, 0)


def rounded(counts: Counts, minimum_cell_count: int, step: int = ROUND_TO) -> Counts:
    """Counts to the nearest `step`, zero apart; never less than the minimum, for that would look small.

    With the defaults 11 and 12 are shown as 15, which stands for 11 to 17.
    """
    least = -(-minimum_cell_count // step) * step
    return np.where(counts > 0, np.maximum((2 * counts + step) // (2 * step) * step, least), 0)


def before_rounding(shown: Counts, minimum_cell_count: int, step: int = ROUND_TO) -> tuple[Counts, Counts]:
    """The least and the greatest count that `rounded` shows so."""
    low = np.maximum((2 * shown - step + 1) // 2, 0)
    is_least = shown == -(-minimum_cell_count // step) * step
    return _from_to(shown, np.where(is_least, minimum_cell_count, low), (2 * shown + step - 1) // 2)


def before_coarse(shown: Counts, minimum_cell_count: int) -> tuple[Counts, Counts]:
    """The least and the greatest count that `coarse` shows so."""
    step = minimum_cell_count - 1
    low = np.where(shown == 2 * step, minimum_cell_count, (2 * shown - step + 1) // 2)
    return _from_to(shown, low, (2 * shown + step - 1) // 2)


def _from_to(shown: Counts, low: Counts, high: Counts) -> tuple[Counts, Counts]:
    return np.where(shown > 0, low, 0), np.where(shown > 0, high, 0)


def hide_parts(
    counts: Counts, minimum_cell_count: int, *, know_their_own: bool = False, also: Mask | bool = False
) -> Mask | None:
    """Which parts of a known sum to hide, `also` those that are hidden already.

    A part that is listed holds at least one patient, so of k hidden parts that add up to s each lies between 1 and
    s - (k - 1). A part that knows its own count takes it out of the sum; the largest leaves the others least room.

    Returns:
        The parts to hide, the smallest first; None when not even listing them is safe.
    """
    small = is_small(counts, minimum_cell_count)
    hidden = small | also
    while small.any():
        unknown = np.sort(counts[hidden])[: -1 if know_their_own else None]
        if len(unknown) > 1 and unknown.sum() - len(unknown) >= minimum_cell_count:
            break
        shown = np.flatnonzero(~hidden & (counts > 0))
        if not len(shown):
            return None
        hidden[shown[np.argmin(counts[shown])]] = True
    return hidden


def hide_parts_of_sites(counts: Counts, minimum_cell_count: int) -> Mask | None:
    """Which parts of a known sum over all sites to hide, from readers and from sites that know their own parts.

    To a site the parts are what all others have of them. Where too few sites have any, readers alone are shut out.

    Args:
        counts: (sites, parts).
        minimum_cell_count: the smallest count that may be shown.

    Returns:
        The parts to hide, as `hide_parts` does; None when not even listing them is safe.
    """
    of_all = counts.sum(axis=0)
    has_contributors = counts.any(axis=1).sum() >= SITES_AGAINST_CONTRIBUTORS
    known = [of_all, *(of_all - counts if has_contributors else ())]
    hidden, before = np.zeros(len(of_all), dtype=bool), -1
    while hidden.sum() > before:
        before = hidden.sum()
        for parts in known:
            more = hide_parts(parts, minimum_cell_count, also=hidden)
            if more is None:
                return None
            hidden = more
    return hidden


@dataclass(frozen=True)
class Sums:
    """Many sums of parts, each part with several answers.

    Attributes:
        cells: (sums, parts, answers).
        sensitive: the cells that must not be worked out, same shape.
        sized: (sums, parts); whether the sum of a part's answers is known.
        hidden: (sums, parts); which parts are hidden already, all their answers together.
        total_hidden: (sums,); whether the total is.
        has_contributors: (sums,); whether each part is a contributor, which knows its own answers, as a site does.
    """

    cells: Counts
    sensitive: Mask
    sized: Mask
    hidden: Mask
    total_hidden: Mask
    has_contributors: Mask


def hide_secondary(sums: Sums, minimum_cell_count: int) -> tuple[Mask, Mask]:
    """Hide further parts of each sum, so that no sum by itself gives back what is hidden in it.

    Where the total is shown, the hidden parts are a table with known sums of columns, and of rows where their size is
    known: the Fréchet bounds say how many more parts must be hidden, the smallest first, those that help before those
    that don't. Where no number of parts is enough, the total is hidden too; then it is enough that some hidden part can
    take up what the total leaves open. Where parts are contributors, the bounds must be wide enough for each of them,
    who takes its own counts out of the sum; so at least three parts are hidden.

    Returns:
        `hidden` and `total_hidden` with what has to be added.
    """
    cells, hidden = sums.cells, sums.hidden
    sensitive = sums.sensitive & hidden[..., np.newaxis]
    needed = np.asarray(sensitive.any(axis=-2))
    sizes = cells.sum(axis=-1)
    room = np.where(sums.sized | (sizes == 0), 0, _ROOM)
    largest = np.where(sensitive.any(axis=-1), sizes + room, 0).max(axis=-1, initial=0)

    helps = (cells > 0) | ~needed[..., np.newaxis, :]
    rank = np.where(hidden, -1, np.where(sizes > 0, sizes + _ROOM * ~helps.all(axis=-1), 4 * _ROOM))
    order = np.argsort(rank, axis=-1, kind="stable")

    def together(values: Counts) -> Counts:
        """The sums over the hidden parts when 0, 1, 2 … parts more are hidden in `order`."""
        first = np.where(hidden, values, 0).sum(axis=-1, keepdims=True)
        more = np.take_along_axis(np.where(hidden, 0, values), order, axis=-1)
        return np.cumsum(np.concatenate([first, more], axis=-1), axis=-1)

    def most_known(values: Counts) -> Counts:
        """The most that a contributor knows of these sums: the largest of the hidden parts."""
        first = np.where(hidden, values, 0).max(axis=-1, initial=0, keepdims=True)
        more = np.take_along_axis(np.where(hidden, 0, values), order, axis=-1)
        known = np.maximum.accumulate(np.concatenate([first, more], axis=-1), axis=-1)
        return np.where(sums.has_contributors[..., np.newaxis], known, 0)

    answers = [cells[..., answer] for answer in range(cells.shape[-1])]
    columns = np.stack([together(answer) for answer in answers], axis=-1)
    total = columns.sum(axis=-1)
    beside = (total + together(room))[..., np.newaxis] - columns
    known = np.stack([most_known(answer) for answer in answers], axis=-1)
    known_beside = np.stack([most_known(sizes + room - answer) for answer in answers], axis=-1)
    wide = (np.minimum(columns - known, beside - known_beside) >= minimum_cell_count) | ~needed[..., np.newaxis, :]
    alone = total + together(room) - largest[..., np.newaxis] < minimum_cell_count
    # Of two parts, one that knows itself knows the other.
    alone |= sums.has_contributors[..., np.newaxis] & (together((sizes > 0).astype(np.int64)) < 3)
    safe = wide.all(axis=-1) & ~(alone & needed.any(axis=-1, keepdims=True))
    total_hidden: Mask = sums.total_hidden | ~safe.any(axis=-1)
    whole = sizes.sum(axis=-1, keepdims=True)
    safe = np.where(total_hidden[..., np.newaxis], (total >= minimum_cell_count) | (total == whole), safe)

    more = np.zeros_like(hidden)
    np.put_along_axis(more, order, np.arange(hidden.shape[-1]) < safe.argmax(axis=-1)[..., np.newaxis], axis=-1)
    return hidden | (more & (sizes > 0)), total_hidden


def hide_steps(left: Counts, minimum_cell_count: int) -> Mask:
    """Which steps of a shrinking count to hide, so that no small loss between steps can be worked out.

    The last step is treated as known, for it is the size of the cohort that other tables show. `left` are the patients
    left after each step, never growing.
    """
    if not len(left):
        return np.zeros(0, dtype=bool)
    last = len(left) - 1
    shown: list[int] = []
    for step in range(last):
        if not shown or not is_small(left[shown[-1:]] - left[step], minimum_cell_count).any():
            shown.append(step)
    while shown and is_small(left[shown[-1:]] - left[last], minimum_cell_count).any():
        shown.pop()
    # A step without loss beside a shown one tells nothing more.
    return ~np.isin(left, left[[*shown, last]]) | is_small(left, minimum_cell_count)


def hide(table: pa.Table, columns: Iterable[str], hidden: Mask) -> pa.Table:
    """The table with null in the hidden rows of the columns."""
    for name in columns:
        values = pc.if_else(pa.array(hidden), None, table[name])
        table = table.set_column(table.schema.get_field_index(name), name, values)
    return table


def with_state(table: pa.Table, suppressed: Mask, **others: Mask) -> pa.Table:
    """The table with the column `state`: suppressed, else the first of the others that holds, else shown."""
    state = np.select([suppressed, *others.values()], ["suppressed", *others], "shown")
    return table.append_column("state", pa.array(state))
