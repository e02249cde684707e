"""The worked example of docs/privacy.md: its numbers are what disclosure control answers for its first table."""

import re
from pathlib import Path

import numpy as np

from outcomes.arrays import Ids, Mask
from outcomes.disclosure.linear_program import System
from outcomes.disclosure.measures import protected_measures
from outcomes.disclosure.suppression import Sums, hide_secondary, is_small
from tests.support.lattices import by_site, measure_counts

PAGE = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text(encoding="utf-8")
EXAMPLE = " ".join(PAGE.partition("## A worked example")[2].partition("\n## ")[0].split())
MINIMUM, ANY_WIDTH = 11, 10_000


def table(name: str) -> dict[str, list[str]]:
    """The rows of the table whose head begins with a name, by their own."""
    lines = PAGE.partition(f"\n| {name} |")[2].partition("\n\n")[0].splitlines()[2:]
    return {row: cells for row, *cells in ([cell.strip() for cell in line.strip("|").split("|")] for line in lines)}


EXACT = np.array([[int(cell) for cell in row] for row in table("exact").values()])
COUNTS = EXACT[:-1, :-1]
"""Three sites by three answers."""
IS_SMALL: Mask = is_small(COUNTS, MINIMUM)
HAS_SMALL: Mask = np.asarray(IS_SMALL.any(axis=1))


def suppressed() -> Mask:
    """The sites that are suppressed in the end."""
    sums = Sums(
        COUNTS[np.newaxis], IS_SMALL[np.newaxis], np.ones((1, 3), bool), HAS_SMALL[np.newaxis],
        np.zeros(1, bool), np.zeros(1, bool),
    )  # fmt: skip
    hidden, total_hidden = hide_secondary(sums, MINIMUM)
    assert not total_hidden.any()
    of_sites: Mask = hidden[0]
    return of_sites


def disclosed(hidden: Mask, narrower_than: int) -> dict[tuple[int, ...], tuple[int, int]]:
    """Of each count of hidden sites that is disclosed, the least and the greatest value that it may have."""
    system = System()
    unknown = np.broadcast_to(hidden[:, np.newaxis], COUNTS.shape)
    counts = system.counts(np.where(unknown, 0.0, COUNTS), np.where(unknown, np.inf, COUNTS), unknown)

    def known(sums: Ids) -> Ids:
        return system.counts(sums.astype(float), sums.astype(float), np.zeros(len(sums), bool))

    system.adds_up(known(EXACT[-1, :-1]), counts.T)
    system.adds_up(known(EXACT[:-1, -1]), counts)
    found, _ = system.disclosed(counts.ravel(), narrower_than)
    return {
        tuple(int(at) for at in np.argwhere(counts == count)[0]): (round(low), round(high))
        for count, (low, high) in found.items()
    }


def test_rows_and_columns_add_up() -> None:
    assert (EXACT[:, :-1].sum(axis=1) == EXACT[:, -1]).all()
    assert (EXACT[:-1].sum(axis=0) == EXACT[-1]).all()


def test_one_count_is_small_and_subtraction_gives_it_back() -> None:
    ((site, answer),) = np.argwhere(IS_SMALL)
    small, others = COUNTS[site, answer], np.delete(COUNTS[:, answer], site)
    assert disclosed(HAS_SMALL, MINIMUM) == {(site, answer): (small, small)}
    assert f"{EXACT[-1, answer]} − {' − '.join(map(str, others))} = {small}" in EXAMPLE


def test_secondary_suppression_leaves_the_sums_of_two_sites() -> None:
    together = COUNTS[suppressed()].sum(axis=0)
    said = "{} yes, {} no and {} not assessed, {} patients".format(*together, together.sum())
    assert said in EXAMPLE


def test_the_bounds_are_those_of_the_linear_program_and_of_frechet() -> None:
    hidden = suppressed()
    assert disclosed(hidden, MINIMUM) == {}
    bounds = disclosed(hidden, ANY_WIDTH)
    said = [re.fullmatch(r"(\d+) to (\d+)", cell) for row in table("bounds").values() for cell in row]
    assert [(int(each[1]), int(each[2])) for each in said if each] == list(bounds.values())
    inner = COUNTS[hidden]
    row, column = inner.sum(axis=1, keepdims=True), inner.sum(axis=0, keepdims=True)
    frechet = np.stack([np.maximum(0, row + column - inner.sum()), np.minimum(row, column)], axis=-1)
    assert list(bounds.values()) == [tuple(ends) for ends in frechet.reshape(-1, 2).tolist()]


def test_what_is_shown_is_what_a_release_would_show() -> None:
    sites = dict(zip(table("exact"), (tuple(row) for row in COUNTS.tolist()), strict=False))
    protected = protected_measures(measure_counts({"m": by_site(**sites)}), MINIMUM)
    shown = {
        row["site_id"] or "All sites": ["–"] * 3
        if row["state"] == "suppressed"
        else [str(count) for count in (row["numerator"], row["patients"] - row["numerator"], row["excluded"])]
        for row in protected.to_pylist()
        if row["resolution"] == row["stratum_kind"] == "all"
    }
    assert shown == table("shown")
