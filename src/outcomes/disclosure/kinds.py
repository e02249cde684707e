"""The kinds of each label, hidden where they would tell of a few patients."""

from collections.abc import Collection

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from outcomes.arrays import Counts
from outcomes.disclosure.suppression import coarse, hide_parts_of_sites, with_state

_SHOWN = pa.schema({"label": pa.string(), "kind": pa.string(), "episodes": pa.int64()})
_SHARED_KINDS = ("clinical_asd", "suspected_asd")
"""Labels whose kinds count the same patients. With surgical_asd each kind can be worked out from the others, so they
are shown together or not at all."""


def protected_kinds(kinds: pa.Table, measures: pa.Table, minimum_cell_count: int) -> pa.Table:
    """The kinds of each label over all sites, hidden where they would disclose a small count, also to a site.

    What is shown is coarse: the same patients are often counted as a kind of several labels, and exact counts side by
    side would tell of the few that make the difference. Of a label whose sum is hidden, and where listing the kinds
    would disclose one, one row is left that names none. `kinds` is the relation `label_kinds`, `measures` are the
    protected ones, of which each label is one.
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
    rows: list[dict[str, object]] = []
    for label in sorted(pc.unique(kinds["label"]).to_pylist()):
        names, by_site = _by_site(kinds.filter(pc.equal(kinds["label"], label)))
        to_hide = None if label in withheld else hide_parts_of_sites(by_site, minimum_cell_count)
        if to_hide is None:
            rows.append({"label": label, "kind": None, "episodes": None})
            continue
        shown = coarse(by_site.sum(axis=0), minimum_cell_count).tolist()
        rows += [
            {"label": label, "kind": name, "episodes": None if is_hidden else count}
            for name, count, is_hidden in zip(names, shown, to_hide, strict=True)
        ]
    table = pa.Table.from_pylist(rows, schema=_SHOWN)
    return with_state(table, table["episodes"].is_null().to_numpy())


def _by_site(kinds: pa.Table) -> tuple[list[str], Counts]:
    """The kinds of one label, and how many patients have each, (sites, kinds)."""
    sites, names = (sorted(pc.unique(kinds[name]).to_pylist()) for name in ("site_id", "kind"))
    by_site = np.zeros((len(sites), len(names)), dtype=np.int64)
    for row in kinds.to_pylist():
        by_site[sites.index(row["site_id"]), names.index(row["kind"])] += row["episodes"]
    return names, by_site
