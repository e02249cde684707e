"""Small tables of measures: counted from groups of patients, and shown as somebody careless would."""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa

from outcomes.disclosure.lattice import EVERYBODY, Key

Answers = tuple[int, int, int]
"""yes, no, excluded"""
Group = tuple[str, str, str]
"""site, year or month of surgery, approach"""

_SCHEMA = pa.schema(
    {
        **dict.fromkeys(("measure", "site_id", "resolution", "index_period", "stratum_kind", "stratum"), pa.string()),
        **dict.fromkeys(("numerator", "patients", "excluded", "days"), pa.int64()),
    }
)


def measure_counts(measures: Mapping[str, Mapping[Group, Answers]]) -> pa.Table:
    """The relation `measure_counts` of patients in groups; each measure has the same groups."""
    counted: Counter[tuple[Any, ...]] = Counter()
    sites: set[str | None] = {None}
    keys: set[Key] = {EVERYBODY}
    for measure, groups in measures.items():
        for (site, period, approach), answers in groups.items():
            of_group: set[Key] = {
                EVERYBODY,
                ("year", period[:4], "all", None),
                ("all", None, "approach", approach),
                *([("month", period, "all", None)] if len(period) > 4 else []),
            }
            sites |= {site}
            keys |= of_group
            for key in of_group:
                for answer, count in enumerate(answers):
                    counted[measure, None, key, answer] += count
                    counted[measure, site, key, answer] += count
    rows = []
    for measure in measures:
        for named in sites:
            for key in keys:
                yes, no, excluded = (counted[measure, named, key, answer] for answer in range(3))
                rows.append((measure, named, *key, yes, yes + no, excluded, None))
    return pa.Table.from_pylist([dict(zip(_SCHEMA.names, row, strict=True)) for row in rows], schema=_SCHEMA)


def by_site(**sites: Answers) -> dict[Group, Answers]:
    """Groups that differ by site only."""
    return {(site, "2024", "anterior"): answers for site, answers in sites.items()}


def shown_but(counts: pa.Table, is_hidden: Callable[[dict[str, Any]], bool]) -> pa.Table:
    """The counts as they are, but for the rows that somebody hides."""
    rows = []
    for row in counts.to_pylist():
        hidden = is_hidden(row)
        numbers = {name: None if hidden else row[name] for name in ("numerator", "patients", "excluded")}
        rows.append(row | numbers | {"state": "suppressed" if hidden else "shown"})
    return pa.Table.from_pylist(rows, schema=_SCHEMA.append(pa.field("state", pa.string())))


def has_small_count(row: dict[str, Any], minimum_cell_count: int = 11) -> bool:
    """Whether the row itself holds a small count."""
    counts = (row["numerator"], row["patients"] - row["numerator"], row["patients"], row["excluded"])
    return any(0 < count < minimum_cell_count for count in counts)
