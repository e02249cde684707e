"""Shares of the labels with their intervals, hidden where they would tell of a few patients.

The counts come from `sql/measures/`; what leaves this module is protected (see `outcomes.disclosure`).
"""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from outcomes.disclosure import Counts, Mask, coarse, hide, hide_parts, hide_rows, is_small

ANSWERS = ("yes", "no", "not_assessable")
_YES, _NO, _NOT_ASSESSABLE = range(3)

_PART_OF_YES = (
    ("surgical_asd", _YES, "suspected_asd"),
    ("surgical_asd", _YES, "revision_performed"),
    ("pain_after_revision", _YES, "revision_performed"),
    ("pain_after_revision", _NOT_ASSESSABLE, "revision_performed"),
    ("conservative_care_before_revision", _YES, "revision_performed"),
    ("conservative_care_before_revision", _NOT_ASSESSABLE, "revision_performed"),
    ("imaging_after_pain", _YES, "pain_past_3_months"),
    ("imaging_after_pain", _NOT_ASSESSABLE, "pain_past_3_months"),
    ("revision_adjacent_segment_fusion", _YES, "revision_performed"),
    ("revision_disc_replacement", _YES, "revision_performed"),
    ("revision_foraminotomy", _YES, "revision_performed"),
    ("revision_hardware_removal", _YES, "revision_performed"),
    ("revision_laminoplasty", _YES, "revision_performed"),
    ("revision_nonunion", _YES, "revision_performed"),
    ("revision_other", _YES, "revision_performed"),
)
"""Labels defined inside another's yes: the label, the answer to protect, the other. Yes lies inside the other's yes;
where not_assessable is named, yes and no together do. Shown side by side, their difference is a count of patients."""

_SHARED_KINDS = ("clinical_asd", "suspected_asd")
"""Labels whose kinds count the same patients. With surgical_asd each kind can be worked out from the others, so they
are shown together or not at all."""


def wilson_interval(successes: Counts, trials: Counts) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The 95 % confidence interval of a share after Wilson (1927), as statsmodels computes it; nan without trials."""
    from statsmodels.stats.proportion import proportion_confint  # noqa: PLC0415 - costs 1.5 s, needed only here

    low, high = np.full(len(trials), np.nan), np.full(len(trials), np.nan)
    some = trials > 0
    low[some], high[some] = proportion_confint(successes[some], trials[some], alpha=0.05, method="wilson")
    # Rounding leaves 3e-18 for 0 and 0.9999999999999998 for 1.
    low[some & (successes == 0)], high[some & (successes == trials)] = 0, 1
    return low, high


def protected_shares(shares: pa.Table, small_cell: int) -> pa.Table:
    """Add shares and intervals to the counts of `sql/measures/label_shares.sql`, and hide the rows that tell too much.

    Args:
        shares: every label for every group, the labels of a group together and in the same order.
        small_cell: the smallest count that may be shown.
    """
    labels = list(dict.fromkeys(shares["label"].to_pylist()))
    counts = np.column_stack([shares[answer].to_numpy() for answer in ANSWERS]).astype(np.int64)
    by_group = counts.reshape(-1, max(len(labels), 1), len(ANSWERS))
    breakdowns = np.array(shares["breakdown"].to_pylist(), dtype=str)[:: max(len(labels), 1)]
    hidden = hide_label_rows(by_group.swapaxes(0, 1), labels, breakdowns, small_cell).T.ravel()

    assessed = counts[:, _YES] + counts[:, _NO]
    share = np.divide(counts[:, _YES], assessed, out=np.full(len(assessed), np.nan), where=assessed > 0)
    low, high = wilson_interval(counts[:, _YES], assessed)
    for name, values in (("assessed", assessed), ("share", share), ("share_low", low), ("share_high", high)):
        shares = shares.append_column(name, pa.array(values, from_pandas=True))
    shares = hide(shares, [*ANSWERS, "assessed", "share", "share_low", "share_high"], hidden)
    return shares.append_column("is_suppressed", pa.array(hidden))


def hide_label_rows(cells: Counts, labels: list[str], breakdowns: NDArray[np.str_], small_cell: int) -> Mask:
    """Which rows of the label shares to hide.

    Args:
        cells: patients by label, group and answer; the groups of each breakdown hold the same patients as `all`.
        labels: names along the first axis.
        breakdowns: `all`, `site` or `index_year`, along the second axis.
        small_cell: the smallest count that may be shown.

    Returns:
        True where the row of a label and group must be hidden.
    """
    sensitive = is_small(cells, small_cell) | _reveals_difference(cells, labels, small_cell)
    unsized = np.zeros(len(breakdowns), dtype=bool)
    sizes = cells.sum(axis=2).max(axis=0, initial=0)
    for breakdown in ("site", "index_year"):
        too_small = hide_parts(sizes[breakdowns == breakdown], small_cell)
        if too_small is None:
            return np.ones(cells.shape[:2], dtype=bool)
        unsized[breakdowns == breakdown] = too_small
    hidden = [
        _hide_rows_of_label(cells[label], sensitive[label], unsized, breakdowns, small_cell)
        for label in range(len(labels))
    ]
    return np.array(hidden, dtype=bool).reshape(cells.shape[:2])


def protected_kinds(kinds: pa.Table, shares: pa.Table, small_cell: int) -> pa.Table:
    """The kinds of each label, hidden where they tell too much; `shares` are the protected shares."""
    withheld = _labels_without_sum(shares)
    shown = _protected_parts(kinds, "kind", withheld, small_cell)
    untellable = withheld | set(shown.filter(shown["is_suppressed"])["label"].to_pylist())
    if untellable & {*_SHARED_KINDS, "surgical_asd"}:
        return _protected_parts(kinds, "kind", withheld | set(_SHARED_KINDS), small_cell)
    return shown


def protected_reasons(reasons: pa.Table, shares: pa.Table, small_cell: int) -> pa.Table:
    """Why labels are not assessable, hidden where it tells too much; `shares` are the protected shares."""
    return _protected_parts(reasons, "reason", _labels_without_sum(shares), small_cell)


def _hide_rows_of_label(
    cells: Counts, sensitive: Mask, unsized: Mask, breakdowns: NDArray[np.str_], small_cell: int
) -> Mask:
    hidden = sensitive.any(axis=1) | unsized
    site, year = breakdowns == "site", breakdowns == "index_year"
    if hidden[breakdowns == "all"].any():
        # The years would give the hidden sum back; without them the sites stand alone, and one hidden site is enough.
        hidden[year] = True
        return hidden if hidden[site].any() else np.ones_like(hidden)
    for rows in (site, year):
        to_hide = hide_rows(cells[rows], sensitive[rows], unsized[rows], small_cell)
        if to_hide is None:
            return np.ones_like(hidden)
        hidden[rows] = to_hide
    return hidden


def _reveals_difference(cells: Counts, labels: list[str], small_cell: int) -> Mask:
    reveals = np.zeros(cells.shape, dtype=bool)
    for part, answer, whole in _PART_OF_YES:
        if part in labels and whole in labels:
            inside, outside = cells[labels.index(part)], cells[labels.index(whole), :, _YES]
            inside_count = inside[:, _YES] if answer == _YES else inside[:, _YES] + inside[:, _NO]
            reveals[labels.index(part), :, answer] |= (
                is_small(outside - inside_count, small_cell) & ~is_small(outside, small_cell) & (inside[:, answer] > 0)
            )
    return reveals


def _labels_without_sum(shares: pa.Table) -> set[str]:
    of_all = shares.filter(pc.equal(shares["breakdown"], "all"))
    return set(of_all.filter(of_all["is_suppressed"])["label"].to_pylist())


def _protected_parts(table: pa.Table, part: str, withheld: Iterable[str], small_cell: int) -> pa.Table:
    """Hide parts of each label's sum; of the labels `withheld`, and where listing tells too much, one row is left.

    What is shown is coarse: the same patients are often counted as a part of several labels, and exact counts side by
    side would tell of the few that make the difference.
    """
    names, counts = np.array(table["label"].to_pylist(), dtype=str), table["episodes"].to_numpy()
    hidden, listed = np.zeros(len(names), dtype=bool), np.ones(len(names), dtype=bool)
    for label in np.unique(names):
        rows = names == label
        to_hide = None if label in withheld else hide_parts(counts[rows], small_cell)
        if to_hide is None:
            to_hide = np.ones(rows.sum(), dtype=bool)
            listed[np.flatnonzero(rows)[1:]] = False
            table = hide(table, [part], rows)
        hidden[rows] = to_hide
    table = table.set_column(table.schema.get_field_index("episodes"), "episodes", pa.array(coarse(counts, small_cell)))
    table = hide(table, ["episodes"], hidden).append_column("is_suppressed", pa.array(hidden))
    return table.filter(pa.array(listed))
