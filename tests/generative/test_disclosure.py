"""Random registries: whoever knows every shown count to the patient places no small one closely."""

from itertools import product
from typing import Any
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from outcomes.arrays import Counts
from outcomes.disclosure import linear_program
from outcomes.disclosure.audit import PublishedTables, audit, require_safe
from outcomes.disclosure.lattice import EVERYBODY, UNNESTED, Nesting
from outcomes.disclosure.measures import protected_measures, safe_measures
from outcomes.disclosure.suppression import (
    ROUND_TO,
    SITES_AGAINST_CONTRIBUTORS,
    before_coarse,
    before_rounding,
    coarse,
    hide_parts,
    hide_parts_of_sites,
    hide_steps,
    is_small,
    rounded,
)
from outcomes.errors import OutcomesError
from tests.support.attacker import MINIMUM, Attacker
from tests.support.examples import examples
from tests.support.lattices import Answers, Group, by_site, has_small_count, measure_counts, shown_but

COUNTS = st.sampled_from([0, 0, 0, 1, 2, 5, 9, 10, 11, 12, 25, 60])
PERIODS = st.sampled_from([("2023", "2024"), ("2023", "2024", "2025"), ("2023-01", "2023-02", "2024-01")])
NESTING = Nesting(part_of=frozenset({("part", "whole")}))
COUNTED = ("yes", "no", "excluded", "patients")
MADE_OF = {"patients": ("yes", "no"), "size": ("patients", "excluded")}
MORE = st.sampled_from([0, 0, 1, 3, 5, 8, 15])


class Reader(Attacker):
    """Knows a table of measures and what adds up in it; `more` is what the whole has more than the part.

    What is shown is rounded to `step`, but for what the reader's own site has.
    """

    def __init__(self, shown: pa.Table, nesting: Nesting = UNNESTED, step: int = 1, own: str | None = None) -> None:
        super().__init__()
        rows = shown.to_pylist()
        self._cells = sorted(
            {(row["site_id"], _key(row)) for row in rows}, key=lambda cell: tuple(str(part) for part in cell)
        )
        measures = sorted({row["measure"] for row in rows})
        for row in rows:
            if row["state"] != "suppressed":
                counts = {name: count for name, count in _counts(row).items() if name != "patients"}
                exactly = 1 if row["site_id"] == own else step
                ends = before_rounding(np.array([*counts.values()]), MINIMUM, exactly)
                for name, low, high in zip(counts, *ends, strict=True):
                    self.knows_between((*_place(row), name), low, high)
        for measure, (site, key) in product(measures, self._cells):
            at = (measure, site, key)
            self.adds_up((*at, "patients"), [(*at, "yes"), (*at, "no")])
            self.adds_up(("cohort", site, key, "size"), [(*at, "patients"), (*at, "excluded")])
        for measure, count in [*product(measures, COUNTED), ("cohort", "size")]:
            for key in {key for _, key in self._cells}:
                sites = [site for site, other in self._cells if other == key and site]
                self.adds_up((measure, None, key, count), [(measure, site, key, count) for site in sites])
            for site, total in self._cells:
                for parts in self._parts(site, total):
                    self.adds_up((measure, site, total, count), [(measure, site, part, count) for part in parts])
        for part, whole in nesting.part_of:
            for site, key in self._cells:
                self.adds_up((whole, site, key, "yes"), [(part, site, key, "yes"), (part, site, key, "more")])

    def _parts(self, site: str | None, total: tuple[Any, ...]) -> list[list[tuple[Any, ...]]]:
        keys = [key for other, key in self._cells if other == site]
        if total == EVERYBODY:
            of_all = [[key for key in keys if key[0] == "year"], [key for key in keys if key[2] == "approach"]]
            return [parts for parts in of_all if parts]
        months = [key for key in keys if key[0] == "month" and total[0] == "year" and key[1][:4] == total[1]]
        return [months] if months else []


@st.composite
def registries(
    draw: st.DrawFn, measures: int = 1, least_sites: int = 1, most_sites: int = 3, *, sparse: bool = False
) -> pa.Table:
    """Counts of measures over some sites, three periods and two approaches; the second lies in the first.

    Of a sparse one few sites have patients of the second approach.
    """
    periods, sites = draw(PERIODS), draw(st.integers(least_sites, most_sites))
    approaches = draw(st.integers(1, 2))
    groups: dict[str, dict[Group, Answers]] = {name: {} for name in ("whole", "part")[:measures]}
    for site, period, approach in product("abcdef"[:sites], periods, ("anterior", "posterior")[:approaches]):
        is_absent = sparse and approach == "posterior" and site > "b"
        both, whole_only, neither, excluded = (0 if is_absent else draw(COUNTS) for _ in range(4))
        groups["whole"][site, period, approach] = (both + whole_only, neither, excluded)
        if measures > 1:
            groups["part"][site, period, approach] = (both, whole_only + neither, excluded)
    return measure_counts(groups)


@st.composite
def unrelated(draw: st.DrawFn) -> pa.Table:
    """Counts of two measures of the same patients, whose answers say nothing of each other, by site and year."""
    groups: dict[str, dict[Group, Answers]] = {"first": {}, "second": {}}
    for site, year in product("abcd"[: draw(st.integers(1, 4))], ("2023", "2024", "2025")[: draw(st.integers(1, 3))]):
        joint = draw(arrays(np.int64, (3, 3), elements=COUNTS, fill=st.just(0)))
        for axis, of_measure in enumerate(groups.values()):
            yes, no, excluded = joint.sum(axis=axis).tolist()
            of_measure[site, year, "anterior"] = (yes, no, excluded)
    return measure_counts(groups)


_YEARS: dict[Group, Answers] = {
    ("a", "2022", "x"): (75, 44, 20),
    ("a", "2023", "x"): (42, 53, 44),
    ("b", "2022", "x"): (44, 75, 75),
    ("b", "2023", "x"): (42, 44, 42),
}
BEGUN = [measure_counts({"pain": groups}) for groups in (_YEARS, _YEARS | {("a", "2024", "x"): (40, 5, 40)})]
"""A year begins, of which one count is small; the years before did not change, and all of them are shown."""


@st.composite
def growing(draw: st.DrawFn) -> list[pa.Table]:
    """Counts of one measure in two or three releases; to few groups something is added, and a year may begin."""
    sites, approaches = "abcd"[: draw(st.integers(1, 4))], ("anterior", "posterior")[: draw(st.integers(1, 2))]
    groups: dict[Group, Answers] = {}
    releases: list[pa.Table] = []
    for year in draw(st.sampled_from([("2023", "2024"), ("2023", "2023"), ("2023", "2024", "2025")])):
        for group in product(sites, (year,), approaches):
            groups.setdefault(group, (draw(COUNTS), draw(COUNTS), draw(COUNTS)))
        for group in draw(st.lists(st.sampled_from(sorted(groups)), max_size=2 if releases else 0)):
            yes, no, excluded = groups[group]
            groups[group] = (yes + draw(MORE), no + draw(MORE), excluded + draw(MORE))
        releases.append(measure_counts({"pain": groups}))
    return releases


@settings(deadline=None, max_examples=examples(40))
@given(st.one_of(registries(measures=2), unrelated()))
def test_no_small_count_can_be_worked_out(counts: pa.Table) -> None:
    shown = safe_measures(counts, MINIMUM, NESTING)
    hidden = {_place(row) for row in shown.to_pylist() if row["state"] == "suppressed"}
    exact = shown_but(counts, lambda row: _place(row) in hidden)
    assert not any(has_small_count(row) for row in exact.to_pylist() if row["state"] == "shown")
    attacker = Reader(exact)
    for row in counts.to_pylist():
        at = _place(row)
        for name, count in _counts(row).items():
            if at in hidden and 0 < count < MINIMUM:
                assert not attacker.discloses((*at, name)), (at, name, attacker.bounds((*at, name)))


@settings(deadline=None, max_examples=examples(20))
@given(registries(measures=2))
def test_no_small_difference_to_the_whole_can_be_worked_out(counts: pa.Table) -> None:
    shown = safe_measures(counts, MINIMUM, NESTING)
    states = {_place(row): row["state"] for row in shown.to_pylist()}
    exact = shown_but(counts, lambda row: states[row["measure"], row["site_id"], _key(row)] == "suppressed")
    yes = {_place(row): row["numerator"] for row in counts.to_pylist()}
    attacker = Reader(exact, NESTING)
    for (measure, *cell), count in yes.items():
        if measure == "part" and states["whole", *cell] != "suppressed":
            left = yes["whole", *cell] - count
            if 0 < left < MINIMUM:
                assert states["part", *cell] == "suppressed"
                assert not attacker.discloses(("part", *cell, "more"))


@settings(deadline=None, max_examples=examples(10))
@given(registries(measures=2, least_sites=4, most_sites=6), st.data())
def test_no_site_works_out_a_small_count_of_another_by_subtracting_its_own(
    counts: pa.Table, data: st.DataObject
) -> None:
    """Each sum across sites by itself: not several at once, not sums of fewer than four sites with patients."""
    rows = counts.to_pylist()
    contributor = data.draw(st.sampled_from(sorted({row["site_id"] for row in rows if row["site_id"]})))
    shown = safe_measures(counts, MINIMUM, NESTING)
    hidden = {_place(row) for row in shown.to_pylist() if row["state"] == "suppressed"}
    unknown = {at for at in hidden if at[1] != contributor}
    known = shown_but(counts, lambda row: _place(row) in unknown)
    for key in sorted({key for _, _, key in unknown}, key=str):
        of_key = [row for row in rows if _key(row) == key]
        if len({row["site_id"] for row in of_key if row["site_id"] and row["patients"] + row["excluded"]}) < 4:
            continue
        sum_across_sites = known.filter(np.array([_key(row) == key for row in known.to_pylist()]))
        attacker, nested = Reader(sum_across_sites), Reader(sum_across_sites, NESTING)
        yes = {(row["measure"], row["site_id"]): row["numerator"] for row in of_key}
        for row in of_key:
            at = (row["measure"], row["site_id"], key)
            if row["site_id"] is None or at not in unknown:
                continue
            for name, count in _counts(row).items():
                if 0 < count < MINIMUM:
                    assert not attacker.discloses((*at, name)), (contributor, at, name, attacker.bounds((*at, name)))
            left = yes["whole", row["site_id"]] - yes["part", row["site_id"]]
            if row["measure"] == "part" and ("whole", *at[1:]) not in unknown and 0 < left < MINIMUM:
                assert not nested.discloses((*at, "more")), (contributor, at, nested.bounds((*at, "more")))


@settings(deadline=None, max_examples=examples(12))
@given(registries(measures=2, least_sites=4, most_sites=5, sparse=True), st.data())
def test_no_site_is_sure_of_a_small_count_of_others_whatever_it_adds_up(counts: pa.Table, data: st.DataObject) -> None:
    """All sums at once, and the measures within each other, as all can read them beside what the site knows."""
    exact = {_place(row): row for row in counts.to_pylist()}
    sites = {site for (_, site, _), row in exact.items() if site and row["patients"] + row["excluded"]}
    assume(len(sites) >= SITES_AGAINST_CONTRIBUTORS)
    contributor = data.draw(st.sampled_from(sorted(sites)))
    shown = safe_measures(counts, MINIMUM, NESTING).to_pylist()
    known = [row | exact[_place(row)] | {"state": "shown"} if row["site_id"] == contributor else row for row in shown]
    attacker = Reader(pa.Table.from_pylist(known), NESTING, ROUND_TO, contributor)
    for measure, site, key in {_place(row) for row in known if row["state"] == "suppressed"}:
        own = _counts(exact[measure, contributor, key]) if site is None else dict.fromkeys(COUNTED, 0)
        for name, count in _counts(exact[measure, site, key]).items():
            if 0 < count - own[name] < MINIMUM:
                low, high = attacker.bounds((measure, site, key, name))
                assert low - own[name] < 1 - 1e-6 or high - own[name] > MINIMUM - 1 + 1e-6, (measure, site, key, name)


@settings(deadline=None, max_examples=examples(20))
@given(registries(), st.randoms(use_true_random=False))
def test_the_auditor_finds_what_the_attacker_finds(counts: pa.Table, random: Any) -> None:
    carelessness = random.random()
    shown = shown_but(counts, lambda row: has_small_count(row) or random.random() < carelessness)
    found = audit(PublishedTables(MINIMUM, shown, counts, round_to=1))
    attacker = Reader(shown)
    hidden = [row for row in shown.to_pylist() if row["state"] == "suppressed"]
    disclosed = [attacker.discloses((*_place(row), name)) for row in hidden for name in COUNTED]
    assert bool(found) == any(disclosed)
    true = {_place(row): _counts(row) for row in counts.to_pylist()}
    for finding in found:
        if finding.cell in true:
            name = {"numerator": "yes", "complement": "no"}.get(finding.count, finding.count)
            assert finding.low - 1e-3 <= true[finding.cell][name] <= finding.high + 1e-3


def test_what_hiding_small_counts_alone_leaves_is_found_by_attacker_and_auditor() -> None:
    of_sites = by_site(a=(3, 60, 0), b=(40, 60, 0), c=(50, 60, 0))
    counts = measure_counts({"first": of_sites, "second": of_sites})
    leaky = shown_but(counts, has_small_count)
    low, high = Reader(leaky).bounds(("first", "a", EVERYBODY, "yes"))
    assert high - low < 1e-6
    with pytest.raises(OutcomesError, match="disclosure_risk"):
        require_safe(PublishedTables(MINIMUM, leaky, counts, round_to=1))
    hidden = {_place(row) for row in safe_measures(counts, MINIMUM).to_pylist() if row["state"] == "suppressed"}
    attacker = Reader(shown_but(counts, lambda row: _place(row) in hidden))
    low, high = attacker.bounds(("first", "a", EVERYBODY, "yes"))
    assert high - low >= MINIMUM - 1e-6
    assert audit(PublishedTables(MINIMUM, protected_measures(counts, MINIMUM, round_to=1), counts, round_to=1)) == []


@settings(deadline=None, max_examples=examples(20))
@given(registries())
def test_one_hidden_cell_alone_in_a_sum_is_found(counts: pa.Table) -> None:
    shown = shown_but(counts, has_small_count)
    hidden = [(row["site_id"], _key(row)) for row in shown.to_pylist() if row["state"] == "suppressed"]
    keys = [key for _, key in hidden]
    if any(keys.count(key) == 1 for key in keys):
        assert audit(PublishedTables(MINIMUM, shown, counts, round_to=1))


@settings(deadline=None, max_examples=examples(8))
@given(st.one_of(registries(measures=2), unrelated()))
def test_what_is_found_and_hidden_does_not_hang_on_the_path_of_the_solver(counts: pa.Table) -> None:
    """Each count by programs of its own at once, or as many as possible by random goals for all, from within or not."""
    leaky = PublishedTables(MINIMUM, shown_but(counts, has_small_count), counts, round_to=1)
    found, shown = [], []
    for path in (
        patch.object(linear_program._Program, "_not_settled", lambda _, __, targets, *___: targets),
        patch.object(linear_program, "_LARGE", 10**9),
        patch.object(linear_program, "_LARGE", 0),
    ):
        with path:
            found.append(audit(leaky, NESTING))
            shown.append(safe_measures(counts, MINIMUM, NESTING))
    assert found[0] == found[1] == found[2]
    assert shown[0].equals(shown[1])
    assert shown[0].equals(shown[2])


@settings(deadline=None, max_examples=examples(10))
@given(registries(), registries())
def test_what_follows_a_release_gives_nothing_of_it_away(before: pa.Table, now: pa.Table) -> None:
    first = PublishedTables(MINIMUM, safe_measures(before, MINIMUM), before)
    second = PublishedTables(MINIMUM, safe_measures(now, MINIMUM, previous=[first]), now)
    assert not audit(second, previous=[first])


@settings(deadline=None, max_examples=examples(5))
@example(BEGUN)
@given(growing())
def test_what_follows_a_release_gives_nothing_of_it_away_not_to_who_knows_what_stayed(
    releases: list[pa.Table],
) -> None:
    """All sums of the releases at once; where nothing changed, the counts are the same."""
    shown: list[pa.Table] = []
    before: list[PublishedTables] = []
    for counts in releases:
        shown.append(safe_measures(counts, MINIMUM, previous=before))
        before.insert(0, PublishedTables(MINIMUM, shown[-1], counts))
    # A count is named after the release in which it was first seen.
    attacker, first_seen = Attacker(), dict[tuple[Any, ...], tuple[Any, ...]]()
    small = set[tuple[Any, ...]]()
    for number, (counts, table) in enumerate(zip(releases, shown, strict=True)):
        true = {(*_place(row)[1:], name): count for row in counts.to_pylist() for name, count in _counts(row).items()}
        sizes = {(*cell, "size"): true[*cell, "patients"] + true[*cell, "excluded"] for *cell, _ in true}
        cells = {at: tuple(true[*at[:2], name] for name in COUNTED) for at in true} | sizes
        name_of = {at: first_seen.setdefault((*at, cell), (number, *at)) for at, cell in cells.items()}
        _know(attacker, table, name_of)
        hidden = {_place(row)[1:] for row in table.to_pylist() if row["state"] == "suppressed"}
        small |= {name_of[at] for at, count in true.items() if at[:2] in hidden and 0 < count < MINIMUM}
    for name in sorted(small, key=str):
        low, high = attacker.bounds(name)
        assert low < 1 - 1e-6 or high > MINIMUM - 1 + 1e-6, (name, low, high)


def _know(attacker: Attacker, shown: pa.Table, name_of: dict[tuple[Any, ...], tuple[Any, ...]]) -> None:
    """What a table of one measure shows, and what adds up in it."""
    for row in shown.to_pylist():
        if row["state"] != "suppressed":
            counts = {name: count for name, count in _counts(row).items() if name != "patients"}
            ends = before_rounding(np.array([*counts.values()]), MINIMUM)
            for name, low, high in zip(counts, *ends, strict=True):
                attacker.knows_between(name_of[*_place(row)[1:], name], low, high)
    keys = {key for _, key, _ in name_of}
    sites = {site for site, *_ in name_of}
    years, approaches = ([key for key in keys if is_part(key)] for is_part in (_is_year, _is_approach))
    for (site, key, count), at in name_of.items():
        if site is None:
            attacker.adds_up(at, [name_of[one, key, count] for one in sites if one])
        if key == EVERYBODY:
            for parts in (years, approaches):
                attacker.adds_up(at, [name_of[site, part, count] for part in parts])
        if count in MADE_OF:
            attacker.adds_up(at, [name_of[site, key, part] for part in MADE_OF[count]])


@settings(deadline=None, max_examples=examples(20))
@given(registries(measures=2), st.integers(5, 20))
def test_any_minimum_cell_count_holds(counts: pa.Table, minimum_cell_count: int) -> None:
    shown = protected_measures(counts, minimum_cell_count, NESTING, round_to=1)
    assert not any(
        has_small_count(row, minimum_cell_count) for row in shown.to_pylist() if row["state"] != "suppressed"
    )
    published = protected_measures(counts, minimum_cell_count, NESTING).to_pylist()
    assert not any(has_small_count(row, minimum_cell_count) for row in published if row["state"] != "suppressed")


@settings(deadline=None)
@given(arrays(np.int64, st.integers(1, 6), elements=st.sampled_from([1, 2, 5, 9, 10, 11, 12, 25, 60])))
def test_no_small_part_of_a_known_sum_can_be_worked_out(parts: Counts) -> None:
    hidden = hide_parts(parts, MINIMUM)
    if hidden is None:
        assert parts.sum() - len(parts) < MINIMUM or len(parts) == 1
        return
    assert not is_small(parts, MINIMUM)[~hidden].any()
    attacker = Attacker()
    attacker.adds_up("sum", range(len(parts)))
    attacker.knows("sum", parts.sum())
    for part, count in enumerate(parts):
        if hidden[part]:
            attacker.knows_at_least(part, 1)
        else:
            attacker.knows(part, count)
    for part in map(int, np.flatnonzero(is_small(parts, MINIMUM))):
        low, high = attacker.bounds(part)
        assert high - low >= MINIMUM - 1e-6


@settings(deadline=None)
@given(arrays(np.int64, st.tuples(st.integers(4, 6), st.integers(1, 4)), elements=COUNTS))
def test_no_site_is_sure_of_a_small_part_of_all_others(counts: Counts) -> None:
    """Shown parts are told to the nearest ten; how many they are together is known to the patient."""
    hidden, of_all = hide_parts_of_sites(counts, MINIMUM), counts.sum(axis=0)
    if hidden is None or counts.any(axis=1).sum() < SITES_AGAINST_CONTRIBUTORS:
        return
    for own in counts:
        others, attacker = of_all - own, Attacker()
        attacker.adds_up("others", range(len(others)))
        attacker.knows("others", others.sum())
        told = before_coarse(coarse(of_all, MINIMUM), MINIMUM)
        least, greatest = (end - own for end in told)
        for part in map(int, np.flatnonzero(~hidden)):
            attacker.knows_between(part, max(least[part], 0), greatest[part])
        for part in map(int, np.flatnonzero(is_small(others, MINIMUM))):
            low, high = attacker.bounds(part)
            assert low < 1 - 1e-6 or high > MINIMUM - 1 + 1e-6


@settings(deadline=None)
@given(st.lists(COUNTS, max_size=6), st.integers(MINIMUM, 500))
def test_no_small_loss_between_steps_can_be_worked_out(losses: list[int], cohort: int) -> None:
    left = cohort + np.cumsum([0, *losses])[::-1]
    hidden = hide_steps(left, MINIMUM)
    attacker = Attacker()
    lost = [f"lost {step}" for step in range(len(losses))]
    attacker.adds_up("delivered", ["cohort", *lost])
    attacker.knows("cohort", cohort)
    for step in map(int, np.flatnonzero(~hidden)):
        attacker.adds_up("delivered", [step, *lost[:step]])
        attacker.knows(step, left[step])
    for name, loss in zip(lost, reversed(losses), strict=True):
        if 0 < loss < MINIMUM:
            low, high = attacker.bounds(name)
            assert high - low >= MINIMUM - 1e-6


@settings(deadline=None)
@given(st.integers(0, 400), st.integers(0, 400), st.integers(5, 20))
def test_no_difference_of_counts_in_tens_is_surely_small(one: int, other: int, minimum_cell_count: int) -> None:
    """Of two releases, say: whatever two such counts show, what is between them may be no small count."""
    counts = np.array([0 if is_small(np.array(count), minimum_cell_count) else count for count in (one, other)])
    (low, other_low), (high, other_high) = before_coarse(coarse(counts, minimum_cell_count), minimum_cell_count)
    assert low <= counts[0] <= high
    assert not (other_low - high >= 1 and other_high - low < minimum_cell_count)


def test_nor_beside_a_count_that_is_told_to_the_nearest_five_too() -> None:
    """A kind that is a measure, a reason that is all the excluded, a horizon: beside all that is told in tens alone."""
    counts = np.array([0, *range(MINIMUM, 400)])
    low, high = before_coarse(coarse(counts, MINIMUM), MINIMUM)
    low_in_fives, high_in_fives = before_rounding(rounded(counts, MINIMUM), MINIMUM)
    low_of_both, high_of_both = np.maximum(low, low_in_fives), np.minimum(high, high_in_fives)
    assert ((low_of_both <= counts) & (counts <= high_of_both)).all()
    least, greatest = np.subtract.outer(low_of_both, high), np.subtract.outer(high_of_both, low)
    assert not ((least >= 1) & (greatest < MINIMUM)).any()
    assert not ((greatest <= -1) & (least > -MINIMUM)).any()


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("resolution", "index_period", "stratum_kind", "stratum"))


def _is_year(key: tuple[Any, ...]) -> bool:
    return bool(key[0] == "year")


def _is_approach(key: tuple[Any, ...]) -> bool:
    return bool(key[2] == "approach")


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["measure"], row["site_id"], _key(row)


def _counts(row: dict[str, Any]) -> dict[str, int]:
    yes, patients = row["numerator"], row["patients"]
    return {"yes": yes, "no": patients - yes, "excluded": row["excluded"], "patients": patients}
