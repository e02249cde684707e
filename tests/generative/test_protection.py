"""Random registries: whoever knows every shown count to the patient places no small one closely.

The attacker here is written for itself: one dense linear program over all measures at once, two for each count.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from outcomes.disclosure.audit import PublishedTables, audit
from outcomes.disclosure.lattice import EVERYBODY, UNNESTED, Nesting
from outcomes.disclosure.measures import protected_measures, safe_measures
from tests.support.lattices import Answers, Group, has_small_count, measure_counts, shown_but

MINIMUM = 11
COUNTS = st.sampled_from([0, 0, 0, 1, 2, 5, 9, 10, 11, 12, 25, 60])
PERIODS = st.sampled_from([("2023", "2024"), ("2023", "2024", "2025"), ("2023-01", "2023-02", "2024-01")])
NESTING = Nesting(part_of=frozenset({("part", "whole")}))
COUNTED = ("yes", "no", "excluded", "patients")


@dataclass
class Attacker:
    """Bounds of every count from what a table shows; `more` is what the whole has more than the part."""

    shown: pa.Table
    nesting: Nesting = UNNESTED

    def __post_init__(self) -> None:
        self.place: dict[tuple[Any, ...], int] = {}
        self.equations: list[dict[int, float]] = []
        self.known: dict[int, float] = {}
        rows = self.shown.to_pylist()
        self.cells = sorted(
            {(row["site_id"], _key(row)) for row in rows}, key=lambda cell: tuple(str(part) for part in cell)
        )
        self.measures = sorted({row["measure"] for row in rows})
        for row in rows:
            at = (row["measure"], row["site_id"], _key(row))
            if row["state"] != "suppressed":
                self.known[self._unknown(*at, "yes")] = row["numerator"]
                self.known[self._unknown(*at, "patients")] = row["patients"]
                self.known[self._unknown(*at, "excluded")] = row["excluded"]
        for measure, (site, key) in product(self.measures, self.cells):
            at = (measure, site, key)
            self._adds_up((*at, "patients"), [(*at, "yes"), (*at, "no")])
            self._adds_up(("cohort", site, key, "size"), [(*at, "patients"), (*at, "excluded")])
        answers = [*product(self.measures, COUNTED), ("cohort", "size")]
        for measure, count in answers:
            for key in {key for _, key in self.cells}:
                sites = [site for site, other in self.cells if other == key and site]
                self._adds_up((measure, None, key, count), [(measure, site, key, count) for site in sites])
            for site, total in self.cells:
                for parts in self._parts(site, total):
                    self._adds_up((measure, site, total, count), [(measure, site, part, count) for part in parts])
        for part, whole in self.nesting.part_of:
            for site, key in self.cells:
                self._adds_up((whole, site, key, "yes"), [(part, site, key, "yes"), (part, site, key, "more")])

    def bounds(self, *count: Any) -> tuple[float, float]:
        """The least and the greatest value of measure, site, key, name of the count."""
        matrix = np.zeros((len(self.equations), len(self.place)))
        for row, equation in enumerate(self.equations):
            for column, sign in equation.items():
                matrix[row, column] = sign
        goal = np.zeros(len(self.place))
        goal[self.place[count]] = 1
        limits = [(self.known.get(at, 0), self.known.get(at)) for at in range(len(self.place))]
        zero = np.zeros(len(self.equations))
        ends = [linprog(sign * goal, A_eq=matrix, b_eq=zero, bounds=limits, method="highs") for sign in (1, -1)]
        return ends[0].fun, np.inf if ends[1].status == 3 else -ends[1].fun

    def discloses(self, *count: Any) -> bool:
        low, high = self.bounds(*count)
        return high - low < MINIMUM - 1e-6 and low < MINIMUM - 1e-6 and high >= 1 - 1e-6

    def _parts(self, site: str | None, total: tuple[Any, ...]) -> list[list[tuple[Any, ...]]]:
        keys = [key for other, key in self.cells if other == site]
        if total == EVERYBODY:
            of_all = [[key for key in keys if key[0] == "year"], [key for key in keys if key[2] == "approach"]]
            return [parts for parts in of_all if parts]
        months = [key for key in keys if key[0] == "month" and total[0] == "year" and key[1][:4] == total[1]]
        return [months] if months else []

    def _unknown(self, *count: Any) -> int:
        return self.place.setdefault(count, len(self.place))

    def _adds_up(self, total: tuple[Any, ...], parts: list[tuple[Any, ...]]) -> None:
        self.equations.append({self._unknown(*total): 1.0} | {self._unknown(*part): -1.0 for part in parts})


@st.composite
def registries(draw: st.DrawFn, measures: int = 1, least_sites: int = 1, most_sites: int = 3) -> pa.Table:
    """Counts of measures over some sites, three periods and two approaches; the second lies in the first."""
    periods, sites = draw(PERIODS), draw(st.integers(least_sites, most_sites))
    approaches = draw(st.integers(1, 2))
    groups: dict[str, dict[Group, Answers]] = {name: {} for name in ("whole", "part")[:measures]}
    for site, period, approach in product("abcdef"[:sites], periods, ("anterior", "posterior")[:approaches]):
        both, whole_only, neither, excluded = (draw(COUNTS) for _ in range(4))
        groups["whole"][site, period, approach] = (both + whole_only, neither, excluded)
        if measures > 1:
            groups["part"][site, period, approach] = (both, whole_only + neither, excluded)
    return measure_counts(groups)


@settings(deadline=None, max_examples=40)
@given(registries(measures=2))
def test_no_small_count_can_be_worked_out(counts: pa.Table) -> None:
    shown = safe_measures(counts, MINIMUM, NESTING)
    hidden = {(row["measure"], row["site_id"], _key(row)) for row in shown.to_pylist() if row["state"] == "suppressed"}
    exact = shown_but(counts, lambda row: (row["measure"], row["site_id"], _key(row)) in hidden)
    assert not any(has_small_count(row) for row in exact.to_pylist() if row["state"] == "shown")
    attacker = Attacker(exact)
    for row in counts.to_pylist():
        at = (row["measure"], row["site_id"], _key(row))
        for name, count in _counts(row).items():
            if at in hidden and 0 < count < MINIMUM:
                assert not attacker.discloses(*at, name), (at, name, attacker.bounds(*at, name))


@settings(deadline=None, max_examples=40)
@given(registries(measures=2))
def test_no_small_difference_to_the_whole_can_be_worked_out(counts: pa.Table) -> None:
    shown = safe_measures(counts, MINIMUM, NESTING)
    states = {(row["measure"], row["site_id"], _key(row)): row["state"] for row in shown.to_pylist()}
    exact = shown_but(counts, lambda row: states[row["measure"], row["site_id"], _key(row)] == "suppressed")
    yes = {(row["measure"], row["site_id"], _key(row)): row["numerator"] for row in counts.to_pylist()}
    attacker = Attacker(exact, NESTING)
    for (measure, *cell), count in yes.items():
        if measure == "part" and states["whole", *cell] != "suppressed":
            left = yes["whole", *cell] - count
            if 0 < left < MINIMUM:
                assert states["part", *cell] == "suppressed"
                assert not attacker.discloses("part", *cell, "more")


@settings(deadline=None, max_examples=20)
@given(registries(measures=2, least_sites=4, most_sites=6), st.data())
def test_no_site_works_out_a_small_count_of_another_by_subtracting_its_own(
    counts: pa.Table, data: st.DataObject
) -> None:
    """Each sum across sites by itself: not several at once, not sums of fewer than four sites with patients."""
    rows = counts.to_pylist()
    contributor = data.draw(st.sampled_from(sorted({row["site_id"] for row in rows if row["site_id"]})))
    shown = safe_measures(counts, MINIMUM, NESTING)
    hidden = {(row["measure"], row["site_id"], _key(row)) for row in shown.to_pylist() if row["state"] == "suppressed"}
    unknown = {at for at in hidden if at[1] != contributor}
    known = shown_but(counts, lambda row: (row["measure"], row["site_id"], _key(row)) in unknown)
    for key in sorted({key for _, _, key in unknown}, key=str):
        of_key = [row for row in rows if _key(row) == key]
        if len({row["site_id"] for row in of_key if row["site_id"] and row["patients"] + row["excluded"]}) < 4:
            continue
        sum_across_sites = known.filter(np.array([_key(row) == key for row in known.to_pylist()]))
        attacker, nested = Attacker(sum_across_sites), Attacker(sum_across_sites, NESTING)
        yes = {(row["measure"], row["site_id"]): row["numerator"] for row in of_key}
        for row in of_key:
            at = (row["measure"], row["site_id"], key)
            if row["site_id"] is None or at not in unknown:
                continue
            for name, count in _counts(row).items():
                if 0 < count < MINIMUM:
                    assert not attacker.discloses(*at, name), (contributor, at, name, attacker.bounds(*at, name))
            left = yes["whole", row["site_id"]] - yes["part", row["site_id"]]
            if row["measure"] == "part" and ("whole", *at[1:]) not in unknown and 0 < left < MINIMUM:
                assert not nested.discloses(*at, "more"), (contributor, at, nested.bounds(*at, "more"))


@settings(deadline=None, max_examples=60)
@given(registries(), st.randoms(use_true_random=False))
def test_the_auditor_finds_what_the_attacker_finds(counts: pa.Table, random: Any) -> None:
    carelessness = random.random()
    shown = shown_but(counts, lambda row: has_small_count(row) or random.random() < carelessness)
    found = audit(PublishedTables(MINIMUM, shown, round_to=1))
    attacker = Attacker(shown)
    hidden = [row for row in shown.to_pylist() if row["state"] == "suppressed"]
    disclosed = [
        attacker.discloses(row["measure"], row["site_id"], _key(row), name) for row in hidden for name in COUNTED
    ]
    assert bool(found) == any(disclosed)
    true = {(row["measure"], row["site_id"], _key(row)): _counts(row) for row in counts.to_pylist()}
    for finding in found:
        if finding.cell in true:
            name = {"numerator": "yes", "complement": "no"}.get(finding.count, finding.count)
            assert finding.low - 1e-3 <= true[finding.cell][name] <= finding.high + 1e-3


@settings(deadline=None, max_examples=40)
@given(registries())
def test_one_hidden_cell_alone_in_a_sum_is_found(counts: pa.Table) -> None:
    shown = shown_but(counts, has_small_count)
    hidden = [(row["site_id"], _key(row)) for row in shown.to_pylist() if row["state"] == "suppressed"]
    keys = [key for _, key in hidden]
    if any(keys.count(key) == 1 for key in keys):
        assert audit(PublishedTables(MINIMUM, shown, round_to=1))


@settings(deadline=None, max_examples=25)
@given(registries(), registries())
def test_what_follows_a_release_gives_nothing_of_it_away(before: pa.Table, now: pa.Table) -> None:
    first = PublishedTables(MINIMUM, safe_measures(before, MINIMUM))
    second = PublishedTables(MINIMUM, safe_measures(now, MINIMUM, previous=first))
    assert not audit(second, previous=first)


@settings(deadline=None, max_examples=40)
@given(registries(measures=2), st.integers(5, 20))
def test_any_minimum_cell_count_holds(counts: pa.Table, minimum_cell_count: int) -> None:
    shown = protected_measures(counts, minimum_cell_count, NESTING, round_to=1)
    assert not any(
        has_small_count(row, minimum_cell_count) for row in shown.to_pylist() if row["state"] != "suppressed"
    )
    rounded = protected_measures(counts, minimum_cell_count, NESTING).to_pylist()
    assert not any(has_small_count(row, minimum_cell_count) for row in rounded if row["state"] != "suppressed")


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("resolution", "period", "stratum_kind", "stratum"))


def _counts(row: dict[str, Any]) -> dict[str, int]:
    yes, patients = row["numerator"], row["patients"]
    return {"yes": yes, "no": patients - yes, "excluded": row["excluded"], "patients": patients}
