"""The kinds of each label, hidden where they would tell of a few patients."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.disclosure.suppression import coarse, hide, hide_parts, with_state

_SHARED_KINDS = ("clinical_asd", "suspected_asd")
"""Labels whose kinds count the same patients. With surgical_asd each kind can be worked out from the others, so they
are shown together or not at all."""


def protected_kinds(kinds: pa.Table, measures: pa.Table, minimum_cell_count: int) -> pa.Table:
    """The kinds of each label (label, kind, episodes), hidden where they would disclose a small count.

    What is shown is coarse: the same patients are often counted as a kind of several labels, and exact counts side by
    side would tell of the few that make the difference. Of a label whose sum is hidden, and where listing the kinds
    would disclose one, one row is left that names none. `measures` are the protected ones, of which each label is one.
    """
    withheld = _without_sum(measures)
    shown = _protected(kinds, withheld, minimum_cell_count)
    untellable = withheld | set(shown.filter(pc.equal(shown["state"], "suppressed"))["label"].to_pylist())
    if untellable & {*_SHARED_KINDS, "surgical_asd"}:
        return _protected(kinds, withheld | set(_SHARED_KINDS), minimum_cell_count)
    return shown


def _without_sum(measures: pa.Table) -> set[str]:
    of_all = pc.and_(pc.is_null(measures["site_id"]), pc.equal(measures["resolution"], "all"))
    sums = measures.filter(pc.and_(of_all, pc.equal(measures["stratum_kind"], "all")))
    return set(sums.filter(pc.equal(sums["state"], "suppressed"))["measure"].to_pylist())


def _protected(kinds: pa.Table, withheld: Collection[str], minimum_cell_count: int) -> pa.Table:
    labels, counts = np.array(kinds["label"].to_pylist(), dtype=str), kinds["episodes"].to_numpy()
    hidden, listed = np.zeros(len(labels), dtype=bool), np.ones(len(labels), dtype=bool)
    for label in np.unique(labels):
        rows = labels == label
        to_hide = None if label in withheld else hide_parts(counts[rows], minimum_cell_count)
        if to_hide is None:
            to_hide = np.ones(rows.sum(), dtype=bool)
            listed[np.flatnonzero(rows)[1:]] = False
            kinds = hide(kinds, ["kind"], rows)
        hidden[rows] = to_hide
    kinds = kinds.set_column(
        kinds.schema.get_field_index("episodes"), "episodes", pa.array(coarse(counts, minimum_cell_count))
    )
    return with_state(hide(kinds, ["episodes"], hidden), hidden).filter(pa.array(listed))
