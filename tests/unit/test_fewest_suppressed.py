"""The reference for suppression: the fewest cells of a block that keep its small counts, and no fewer."""

from itertools import combinations, product

import pyarrow as pa
import pytest

from benchmarks.suppression import block, fewest_hidden, primary
from outcomes.disclosure.lattice import Lattice
from outcomes.disclosure.measures import safe_measures
from tests.support.attacker import MINIMUM, Attacker
from tests.support.lattices import Answers, Group, measure_counts

SITES = ("a", "b", "c")
BLOCKS: list[dict[Group, Answers]] = [
    {("a", "2024", "x"): (4, 31, 12), ("b", "2024", "x"): (35, 58, 24), ("c", "2024", "x"): (82, 140, 51)},
    {
        (site, year, "x"): (yes, 40, 30)
        for site, counts in {"a": (3, 20), "b": (14, 25), "c": (40, 50)}.items()
        for year, yes in zip(("2023", "2024"), counts, strict=True)
    },
]


@pytest.mark.parametrize("groups", BLOCKS)
def test_no_fewer_cells_keep_the_small_counts(groups: dict[Group, Answers]) -> None:
    counts = block(measure_counts({"pain": groups}), "pain", SITES)
    fewest = fewest_hidden(counts, MINIMUM, seconds=60)
    sites, keys = map(range, fewest.hidden.shape)
    hidden = {(site, key) for site in sites for key in keys if fewest.hidden[site, key]}
    assert len(hidden) == fewest.at_least
    assert not _told(counts, hidden)
    small = {(site, key) for site in sites for key in keys if primary(counts, MINIMUM)[site, key]}
    others = [(site, key) for site in sites for key in keys if (site, key) not in small]
    for more in combinations(others, fewest.at_least - len(small) - 1):
        assert _told(counts, small | {*more})
    ours = safe_measures(counts, MINIMUM)["state"].to_pylist().count("suppressed")
    assert ours >= fewest.at_least


def _told(counts: pa.Table, hidden: set[tuple[int, int]]) -> bool:
    """Whether somebody who knows all but the hidden cells places a small count."""
    lattice, attacker, small = Lattice.of(counts), Attacker(), []
    yes, patients, excluded = (lattice.cube(counts[name])[0] for name in ("numerator", "patients", "excluded"))
    for site, key in product(range(len(lattice.sites)), range(len(lattice.keys))):
        answers = {"yes": yes[site, key], "no": patients[site, key] - yes[site, key], "excluded": excluded[site, key]}
        attacker.adds_up((site, key, "patients"), [(site, key, "yes"), (site, key, "no")])
        for name, count in answers.items():
            if (site, key) not in hidden:
                attacker.knows((site, key, name), float(count))
        small += [(site, key, name) for name, count in answers.items() if 0 < count < MINIMUM]
    for name in ("yes", "no", "excluded"):
        for key in range(len(lattice.keys)):
            attacker.adds_up((0, key, name), [(site, key, name) for site in range(1, len(lattice.sites))])
        for line in lattice.lines:
            for site in range(len(lattice.sites)):
                attacker.adds_up((site, line.total, name), [(site, int(part), name) for part in line.parts[:-1]])
    return any(attacker.discloses(count) for count in small)
