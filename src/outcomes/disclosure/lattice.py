"""The lattice that the published measures form: every measure for every site and key, and what adds up to what.

A key says which patients of a site are counted: all of them, those of a year or a month, those of a stratum. Along a
line one count is the sum of others:

- across sites, at each key: all sites = the sum of the sites;
- within a site (or all sites): all = the sum of the years; a year = the sum of its months; all = the sum of the strata
  of a kind.

Patients without a month, or without a stratum, are in the total of a line and in none of its parts. They stand in the
lattice as a part of their own, the `rest`, which is never published but can be worked out.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from outcomes.arrays import Counts, Ids, Mask

Key = tuple[str, str | None, str, str | None]
"""resolution, index_period, stratum_kind, stratum"""

KEY = ("resolution", "index_period", "stratum_kind", "stratum")
EVERYBODY: Key = ("all", None, "all", None)
REST = "rest"
ALL_SITES = 0
"""The place of all sites together along the axis of sites."""


@dataclass(frozen=True)
class Nesting:
    """How the patients of measures lie within each other by definition; shown side by side they can be subtracted.

    They do so at the sites where the whole is counted (see `Lattice.where_nested`).

    Attributes:
        part_of: (part, whole): the numerator of the part lies within the numerator of the whole.
        among: (part, whole): the patients of the part, its whole denominator, lie within the numerator of the whole.
        classes: measures that part the same denominator between them: all but one tell what the last one holds.
        first: measures by their rank, 0 and up; those not named come last. Of two that would tell a small count
            together the one of the lower rank is shown; of equals, the whole.
    """

    part_of: frozenset[tuple[str, str]] = frozenset()
    among: frozenset[tuple[str, str]] = frozenset()
    classes: frozenset[frozenset[str]] = frozenset()
    first: Mapping[str, int] = field(default_factory=dict)

    def part_first(self, part: str, whole: str) -> bool:
        """Whether the part is rather shown than the whole."""
        return self.first.get(part, _LAST) < self.first.get(whole, _LAST)

    def closed(self) -> "Nesting":
        """With what follows: a part of a part is a part, and the patients of a measure among a part among its whole."""
        part_of, among = set(self.pairs), set(self.among)
        while more := _joined(part_of, part_of) - part_of:
            part_of |= more
        among |= _joined(among, part_of)
        return replace(self, part_of=frozenset(part_of), among=frozenset(among))

    @property
    def pairs(self) -> frozenset[tuple[str, str]]:
        """(part, whole) of every measure whose numerator lies within another's."""
        return self.part_of | self.among


def _joined(pairs: Set[tuple[str, str]], others: Set[tuple[str, str]]) -> set[tuple[str, str]]:
    """From a first of `pairs` to a last of `others`, where the two meet; nothing is a part of itself."""
    return {(first, last) for first, middle in pairs for again, last in others if middle == again and first != last}


_LAST = 10**6
UNNESTED = Nesting()


@dataclass(frozen=True)
class Line:
    """Keys of which the first is the sum of the others; the last of the parts is the rest."""

    total: int
    parts: Ids


@dataclass(frozen=True)
class Lattice:
    """The axes of a table of measures; a cube has the shape (measures, sites, keys), the keys with rests at the end."""

    measures: tuple[str, ...]
    sites: tuple[str | None, ...]
    keys: tuple[Key, ...]
    lines: tuple[Line, ...]
    """Those of which everybody is the total come first."""
    place: Ids
    """Of each row of the table: where it stands in a flattened cube that has no rests."""

    @classmethod
    def of(cls, table: pa.Table) -> "Lattice":
        """The lattice of a table that holds each measure for each site (null = all sites) and each key once.

        Raises:
            ValueError: the table leaves something out, or has it twice.
        """
        measures, measure = _encode(table["measure"])
        sites, site = _encode(table["site_id"], [None])
        key_columns = [_encode(table[name]) for name in KEY]
        combined = np.zeros(len(table), dtype=np.intp)
        for values, codes in key_columns:
            combined = combined * len(values) + codes
        _, first, key = np.unique(combined, return_index=True, return_inverse=True)
        keys = tuple(tuple(values[codes[row]] for values, codes in key_columns) for row in first)
        place = (measure * len(sites) + site) * len(keys) + key
        there = np.zeros(len(measures) * len(sites) * len(keys), dtype=bool)
        there[place] = True
        if len(place) != len(there) or not there.all():
            raise ValueError("the table does not hold each measure once for each site and key")
        return cls(tuple(map(str, measures)), tuple(sites), keys, _lines(keys), place)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The shape of a cube, rests included."""
        return len(self.measures), len(self.sites), len(self.keys) + len(self.lines)

    @property
    def all_keys(self) -> tuple[Key, ...]:
        """The keys along the axis, rests at the end."""
        return (*self.keys, *self.rests)

    @property
    def rests(self) -> tuple[Key, ...]:
        """The rests, named after their line."""
        named = [self.keys[line.parts[0]] for line in self.lines]
        return tuple(
            (key[0], self.keys[line.total][1], key[2], REST) for key, line in zip(named, self.lines, strict=True)
        )

    @property
    def is_rest(self) -> Mask:
        """Which places along the axis of keys are rests."""
        return np.arange(self.shape[2]) >= len(self.keys)

    def cube(self, column: pa.ChunkedArray) -> Counts:
        """The counts of a column as a cube, null as 0, rests worked out."""
        flat = np.zeros(len(self.place), dtype=np.int64)
        flat[self.place] = column.fill_null(0).to_numpy()
        cube = flat.reshape(len(self.measures), len(self.sites), len(self.keys))
        rests = [cube[..., line.total] - cube[..., line.parts[:-1]].sum(axis=-1) for line in self.lines]
        return np.stack([*np.moveaxis(cube, 2, 0), *rests], axis=2)

    def where_nested(self, part: Mask, whole: Mask) -> Mask:
        """Where a part lies within its whole, (sites,): at every site but those at which only the part is counted.

        A measure is not counted at a site that does not deliver what it asks for. Its part may ask for less; then all
        sites together have patients of the part that are none of the whole.

        Args:
            part: whether the part counts any patient, (sites,).
            whole: the same of the whole.
        """
        nested = whole | ~part
        nested[ALL_SITES] = nested[1:].all()
        return nested

    def column(self, cube: NDArray[np.generic]) -> NDArray[np.generic]:
        """A cube as a column of the table, in the order of its rows."""
        return cube[..., : len(self.keys)].reshape(-1)[self.place]


def _lines(keys: tuple[Key, ...]) -> tuple[Line, ...]:
    parts: dict[Key, dict[str, list[int]]] = {}
    for place, (resolution, period, stratum_kind, _) in enumerate(keys):
        if stratum_kind != "all":
            parts.setdefault(EVERYBODY, {}).setdefault(stratum_kind, []).append(place)
        elif resolution == "year":
            parts.setdefault(EVERYBODY, {}).setdefault("year", []).append(place)
        elif resolution == "month" and period is not None:
            parts.setdefault(("year", period[:4], "all", None), {}).setdefault("month", []).append(place)
    places = {key: place for place, key in enumerate(keys)}
    added_up = [
        (places[total], group) for total, groups in parts.items() if total in places for group in groups.values()
    ]
    return tuple(Line(total, np.array([*group, len(keys) + at])) for at, (total, group) in enumerate(added_up))


def _encode(column: pa.ChunkedArray, first: list[str | None] | None = None) -> tuple[list[str | None], Ids]:
    """The values of a column in order (null first, if there is any) and, of each row, the place of its value."""
    encoded = column.combine_chunks().dictionary_encode("encode")
    found = encoded.dictionary.to_pylist()
    values = sorted({*found, *(first or [])}, key=lambda value: (value is not None, value or ""))
    places = {value: place for place, value in enumerate(values)}
    return values, np.array([places[value] for value in found], dtype=np.intp)[encoded.indices.to_numpy()]
