"""How many cells suppression hides beside the fewest possible, in single blocks: one measure, three sites, all years.

The fewest are found by a mixed-integer program: which cells to hide, so that for every small count there are two tables
that agree with all that is shown and differ in it by the minimum cell count (the attacker of Fischetti and
Salazar-González 2001, https://doi.org/10.1287/mnsc.47.7.1008.9805). Three sites, since among those nobody is protected
against a contributor.
Run with `python -m benchmarks.suppression --blocks 20`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from benchmarks._registries import measured_registry
from outcomes.arrays import Counts, Floats, Mask
from outcomes.disclosure.lattice import ALL_SITES, KEY, Lattice
from outcomes.disclosure.measures import in_order, safe_measures
from outcomes.disclosure.suppression import is_small
from outcomes.settings import Settings
from outcomes.synthetic.profiles import site_profiles

_SITES = 3
_COUNTS = ("numerator", "patients", "excluded")


@dataclass(frozen=True)
class Fewest:
    """The fewest cells that have to be hidden.

    Attributes:
        hidden: which cells the best solution that was found hides, (sites, keys).
        at_least: no solution hides fewer; the same number where the solution is the best there is.
    """

    hidden: Mask
    at_least: int


def main() -> None:
    """Print a line for each block and the sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patients", type=int, default=5000)
    parser.add_argument("--blocks", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=30, help="at most, for each block")
    options = parser.parse_args()
    least = Settings().minimum_cell_count
    with measured_registry(seed=1, profiles=site_profiles(6), patients=options.patients) as con:
        counts = con.sql("from measure_estimates").to_arrow_table()
    sums = np.zeros(4, dtype=np.int64)
    print("measure, sites: cells, hidden because small, hidden, fewest possible")
    for name, one in sample(counts, options.blocks):
        ours = pc.sum(pc.equal(safe_measures(one, least)["state"], "suppressed")).as_py()
        fewest = fewest_hidden(one, least, options.seconds)
        line = np.array([fewest.hidden.size, primary(one, least).sum(), ours, fewest.at_least])
        sums += line
        print(f"{name}: {', '.join(map(str, line))}", flush=True)
    print(f"together: {', '.join(map(str, sums))}; {sums[2] / sums[3] - 1:.0%} more than the fewest")


def sample(counts: pa.Table, blocks: int) -> Iterator[tuple[str, pa.Table]]:
    """So many blocks that hold a small count, drawn from all measures and threes of sites."""
    measures = sorted(pc.unique(counts["measure"]).to_pylist())
    sites = sorted(site for site in pc.unique(counts["site_id"]).to_pylist() if site)
    choices = [(measure, three) for measure in measures for three in combinations(sites, _SITES)]
    least = Settings().minimum_cell_count
    for place in np.random.default_rng(0).permutation(len(choices)):
        measure, three = choices[place]
        one = block(counts, measure, three)
        if blocks and primary(one, least).any():
            blocks -= 1
            yield f"{measure}, {' '.join(three)}", one


def block(counts: pa.Table, measure: str, sites: tuple[str, ...]) -> pa.Table:
    """The counts of a measure at some sites, by year and in all years, and of these sites together."""
    of_measure = pc.and_(pc.equal(counts["measure"], measure), pc.is_in(counts["site_id"], pa.array(sites)))
    of_years = pc.and_(pc.equal(counts["stratum_kind"], "all"), pc.not_equal(counts["resolution"], "month"))
    of_sites = counts.filter(pc.and_(of_measure, of_years)).select(["measure", "site_id", *KEY, *_COUNTS])
    together = of_sites.group_by(["measure", *KEY]).aggregate([(name, "sum") for name in _COUNTS])
    together = together.rename_columns(["measure", *KEY, *_COUNTS])
    together = together.append_column("site_id", pa.nulls(len(together), pa.string())).select(of_sites.column_names)
    both = pa.concat_tables([of_sites, together.cast(of_sites.schema)])
    return in_order(both.append_column("days", pa.nulls(len(both), pa.int64())))


def primary(counts: pa.Table, minimum_cell_count: int) -> Mask:
    """Which cells of a block hold a small count, (sites, keys)."""
    return np.asarray(is_small(_answers(counts), minimum_cell_count).any(axis=-1))


def fewest_hidden(counts: pa.Table, minimum_cell_count: int, seconds: float) -> Fewest:
    """The fewest cells of a block to hide so that every small count is as uncertain as the minimum cell count.

    Args:
        counts: of one measure, as `block` gives them.
        minimum_cell_count: the smallest count that may be shown, and how far apart the bounds of a small one must be.
        seconds: after which the best solution so far is taken.
    """
    program = _Program.of(counts)
    answers = _answers(counts)
    must = primary(counts, minimum_cell_count)
    targets = [tuple(map(int, place)) for place in np.argwhere(is_small(answers, minimum_cell_count))]
    cells, size = must.size, 2 * program.true.size
    rows = [program.pair(number, len(targets), target, minimum_cell_count) for number, target in enumerate(targets)]
    matrix = sparse.vstack([each for each, _, _ in rows], format="csr")
    low, high = (np.concatenate([each[end] for each in rows]) for end in (1, 2))
    free = size * len(targets)
    found = milp(
        np.r_[np.ones(cells), np.zeros(free)],
        integrality=np.r_[np.ones(cells), np.zeros(free)],
        bounds=Bounds(np.r_[must.ravel().astype(float), np.zeros(free)], np.r_[np.ones(cells), np.full(free, np.inf)]),
        constraints=LinearConstraint(matrix, low, high),
        options={"time_limit": seconds},
    )
    if found.x is None:
        return Fewest(np.ones_like(must), int(must.sum()))
    return Fewest(found.x[:cells].round().reshape(must.shape) > 0, round(np.ceil(found.mip_dual_bound - 1e-6)))


@dataclass(frozen=True)
class _Program:
    """The sums of a block over its true counts of yes, no and excluded, flattened from (sites, keys, answers)."""

    shape: tuple[int, int, int]
    true: Floats
    sums: sparse.csr_array

    @classmethod
    def of(cls, counts: pa.Table) -> "_Program":
        """The sums across sites and over years, each answer by itself."""
        lattice = Lattice.of(counts)
        true = _answers(counts)[..., :3].astype(float)
        ids = np.arange(true.size).reshape(true.shape)
        sums = [(ids[ALL_SITES, key, answer], ids[1:, key, answer]) for key, answer in np.ndindex(true.shape[1:])]
        for line in lattice.lines:
            for site, answer in np.ndindex(true.shape[0], true.shape[2]):
                sums.append((ids[site, line.total, answer], ids[site, line.parts[:-1], answer]))
        rows = np.repeat(np.arange(len(sums)), [1 + len(parts) for _, parts in sums])
        columns = np.concatenate([np.r_[total, parts] for total, parts in sums])
        signs = np.concatenate([np.r_[1.0, np.full(len(parts), -1.0)] for _, parts in sums])
        return cls(true.shape, true.ravel(), sparse.csr_array((signs, (rows, columns)), shape=(len(sums), true.size)))

    def pair(
        self, number: int, pairs: int, target: tuple[int, ...], apart: int
    ) -> tuple[sparse.csr_array, Floats, Floats]:
        """Two tables that agree with what is shown and lie so far apart in a target: rows, least and greatest.

        Variables are the cells, then the tables of all pairs, two and two.
        """
        cells, size = self.shape[0] * self.shape[1], self.true.size
        # A count may leave its true value only where its cell is hidden, and then be anything up to all patients.
        of_cell = sparse.csr_array(np.repeat(np.eye(cells), self.shape[2], axis=0))
        room = float(self.true.sum())
        same, much = sparse.eye_array(size, format="csr"), of_cell * room
        fewer = sparse.csr_array(sparse.diags_array(self.true) @ of_cell)
        site, key, answer = target
        place = np.ravel_multi_index((site, key), self.shape[:2]) * self.shape[2]
        chosen = np.zeros(size)
        chosen[place + np.array([answer] if answer < self.shape[2] else [0, 1])] = 1
        one_table = [(self.sums, None), (same, -much), (same, fewer)]
        before, after = 2 * size * number, 2 * size * (pairs - number - 1)
        blocks, low, high = [], [], []
        for which in (0, 1):
            for of_table, of_cells in one_table:
                height = of_table.shape[0]
                empty = sparse.csr_array((height, size))
                both = [of_table, empty] if which == 0 else [empty, of_table]
                left = sparse.csr_array((height, cells)) if of_cells is None else of_cells
                blocks.append(_beside(left, before, both, after))
            rest = self.sums @ self.true
            low += [rest, np.full(size, -np.inf), self.true]
            high += [rest, self.true, np.full(size, np.inf)]
        apart_row = sparse.csr_array(np.r_[chosen, -chosen][np.newaxis])
        blocks.append(_beside(sparse.csr_array((1, cells)), before, [apart_row], after))
        low.append(np.array([float(apart)]))
        high.append(np.array([np.inf]))
        return sparse.csr_array(sparse.vstack(blocks)), np.concatenate(low), np.concatenate(high)


def _beside(left: sparse.csr_array, before: int, middle: list[sparse.csr_array], after: int) -> sparse.csr_array:
    height = left.shape[0]
    empty = (sparse.csr_array((height, before)), sparse.csr_array((height, after)))
    return sparse.csr_array(sparse.hstack([left, empty[0], *middle, empty[1]]))


def _answers(counts: pa.Table) -> Counts:
    """Yes, no, excluded and patients of a block, (sites, keys, answers)."""
    lattice = Lattice.of(counts)
    yes, patients, excluded = (lattice.cube(counts[name])[0][:, : len(lattice.keys)] for name in _COUNTS)
    return np.stack([yes, patients - yes, excluded, patients], axis=-1)


if __name__ == "__main__":
    main()
