"""Invariants of the curves, and an attacker who adds and subtracts all that the protected ones show.

The attacker is a linear program, apart from the code that hides: it takes every count on a day shown as exactly known,
and finds the least and the greatest value that a small change between two days can have.
"""

from itertools import combinations, product
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from outcomes.arrays import Counts, Mask
from outcomes.disclosure.curves import as_contributors_see, protected_curves, shown_parts, shown_whole
from outcomes.disclosure.suppression import ROUND_TO, SITES_AGAINST_CONTRIBUTORS, coarse, hide_parts, is_small
from outcomes.measures.curves import cumulative_incidence_table
from outcomes.statistics.survival import aalen_johansen, one_minus_kaplan_meier
from tests.support.attacker import MINIMUM, Attacker
from tests.support.examples import examples

ENDS = arrays(np.int64, (3, 2, 15), elements=st.integers(0, 4))
"""Patients with the event, a competing one and neither, in two groups, by day."""


@given(ENDS)
@settings(deadline=None)
def test_curves_rise_from_0_and_their_limits_hold_them(ends: Counts) -> None:
    for estimate in (aalen_johansen, one_minus_kaplan_meier):
        curves = estimate(*ends)
        some = curves.at_risk > 0
        assert (np.isnan(curves.incidence) == ~some).all()
        incidence = np.where(some, curves.incidence, 1)
        assert (np.diff(incidence, axis=1) >= 0).all()
        assert ((incidence >= 0) & (incidence <= 1 + 1e-12)).all()
        known = ~np.isnan(curves.low)
        assert (curves.low[known] <= curves.incidence[known] + 1e-12).all()
        assert (curves.high[known] >= curves.incidence[known] - 1e-12).all()
        assert ((curves.low[known] >= 0) & (curves.high[known] <= 1)).all()


@given(ENDS)
@settings(deadline=None)
def test_competing_events_only_lower_the_curve(ends: Counts) -> None:
    competing = aalen_johansen(*ends).incidence
    alone = one_minus_kaplan_meier(*ends).incidence
    assert (competing <= alone + 1e-12)[~np.isnan(alone)].all()
    events, _, censored = ends
    without = (events, np.zeros_like(events), censored)
    np.testing.assert_allclose(
        aalen_johansen(*without).incidence, one_minus_kaplan_meier(*without).incidence, atol=1e-12
    )


@given(ENDS)
@settings(deadline=None)
def test_the_causes_and_those_without_any_add_up_to_all(ends: Counts) -> None:
    events, competing, censored = ends
    of_event = aalen_johansen(events, competing, censored).incidence
    of_competing = aalen_johansen(competing, events, censored).incidence
    of_either = one_minus_kaplan_meier(events + competing, np.zeros_like(events), censored).incidence
    np.testing.assert_allclose(of_event + of_competing, of_either, atol=1e-12)


@given(st.permutations(range(12)))
@settings(deadline=None, max_examples=examples(20))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    rows: list[dict[str, Any]] = [
        {"site_id": ("east", "north")[number % 2], "patient_id": str(number), "outcome": "revision"}
        | {"day": 40 * (number % 5), "cause": number % 3, "approach": ("anterior", None)[number % 4 // 2]}
        | {"levels_band": "1", "age_band": "45-64", "indication": "both"}
        for number in range(12)
    ]
    assert _table([rows[number] for number in order]).equals(_table(rows))


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    with duckdb.connect() as con:
        con.register("rows", pa.Table.from_pylist(rows))
        con.execute("create table episodes as from rows")
        con.execute("create table time_to_event as from rows")
        return cumulative_incidence_table(con)


CHANGES = st.sampled_from([0, 0, 0, 0, 1, 2, 3, 5, 8, 10, 11, 12, 20, 40])
"""Patients who leave between two days, for one reason."""


@st.composite
def departures(draw: st.DrawFn, least_groups: int = 1) -> Counts:
    """Patients leaving, shape (groups, days, events and others); a last departure empties each group."""
    groups, days = draw(st.integers(least_groups, 4)), draw(st.integers(1, 4))
    return draw(arrays(np.int64, (groups, days + 1, 2), elements=CHANGES))


def left_and_at_risk(leaving: Counts) -> tuple[Counts, Counts]:
    """Counts to protect on each day read off and at the end, and patients at risk.

    Whoever leaves between two days read off is gone just before the later one.
    """
    so_far = np.cumsum(leaving, axis=1)
    before = np.concatenate([np.zeros_like(so_far[:, :1]), so_far], axis=1)
    patients = so_far[:, -1:].sum(axis=-1)
    gone = before.sum(axis=-1)
    return np.concatenate([before, gone[..., np.newaxis]], axis=-1), (patients - gone)[:, :-1]


def published(leaving: Counts, marks: Counts, *, know_their_own: bool = False) -> tuple[Counts, Mask, Mask]:
    """Counts, days of the whole that are shown, and days of the groups, which may know their own counts.

    `marks` tells which days go first (1 and 3), and on which groups may be shown (2 and 3; 3 goes first there too).
    """
    left, at_risk = left_and_at_risk(leaving)
    of_all: Counts = left.sum(axis=0)
    marks = marks[: at_risk.shape[1]]
    known = as_contributors_see(of_all, left) if know_their_own else of_all
    whole = shown_whole(known, np.sum(at_risk, axis=0), MINIMUM, marks % 2 == 1)
    rank = np.where(whole, np.maximum(marks - 1, 0), -1)
    return left, whole, shown_parts(left, at_risk, rank, MINIMUM, know_their_own=know_their_own)


MARKS = arrays(np.int64, 6, elements=st.integers(0, 3))


def withheld_groups(left: Counts, *, know_their_own: bool = False) -> Mask:
    """Groups whose totals no table shows, for one of them would be small."""
    hidden = [hide_parts(left[:, -1, kind], MINIMUM, know_their_own=know_their_own) for kind in range(left.shape[-1])]
    every = np.ones(len(left), dtype=bool)
    withheld: Mask = np.any([every if parts is None else parts for parts in hidden], axis=0)
    return withheld


def attacker_of(left: Counts, whole: Mask, shown: Mask, withheld: Mask) -> Attacker:
    """Who wants the change of a group between a day and the next, (group, day), for one kind of count.

    Known are the whole and the groups on the days shown, the whole at the end, the groups at the end unless their
    totals are withheld, that nobody had left before the first day, and that counts only grow.

    Args:
        left: shape (groups, days).
        whole: shape (days - 1,).
        shown: shape (groups, days - 1).
        withheld: groups whose totals are not known, shape (groups,).
    """
    attacker = Attacker()
    is_known = np.concatenate([shown, ~withheld[:, np.newaxis]], axis=1)
    for day, is_whole_known in enumerate([*whole, True]):
        changes = [[(group, earlier) for earlier in range(day + 1)] for group in range(len(left))]
        if is_whole_known:
            attacker.adds_up(("whole", day), [each for of_group in changes for each in of_group])
            attacker.knows(("whole", day), left[:, day].sum())
        for group in np.flatnonzero(is_known[:, day]):
            attacker.adds_up(("group", group, day), changes[group])
            attacker.knows(("group", group, day), left[group, day])
    return attacker


@given(departures(), MARKS)
@settings(deadline=None, max_examples=examples(150))
def test_no_small_change_can_be_placed_closely(leaving: Counts, marks: Counts) -> None:
    left, whole, shown = published(leaving, marks)
    if not whole.any():
        return
    groups, days, kinds = left.shape
    for kind in range(kinds):
        counts = left[..., kind]
        attacker = attacker_of(counts, whole, shown, withheld_groups(left))
        steps = np.diff(counts, prepend=0)
        for group, (earlier, later) in product(range(groups), combinations(range(days + 1), 2)):
            if 0 < steps[group, earlier:later].sum() < MINIMUM:
                between = ("between", group, earlier, later)
                attacker.adds_up(between, [(group, day) for day in range(earlier, later)])
                low, high = attacker.bounds(between)
                assert high - low >= MINIMUM - 1e-6


@given(st.integers(0, 2**32 - 1), st.sampled_from([60, 300, 1500]))
@settings(deadline=None, max_examples=examples(15))
def test_between_days_shown_no_count_of_a_curve_changes_by_few(seed: int, patients: int) -> None:
    with duckdb.connect() as con:
        _fill_registry(con, seed, patients)
        exact = cumulative_incidence_table(con)
    protected = protected_curves(exact, MINIMUM)
    days: dict[str, set[tuple[str, int]]] = {name: set() for name in ("whole", "part", "type")}
    last: dict[tuple[object, ...], Counts] = {}
    of_exact = {_key(row): row for row in exact.to_pylist() if row["estimator"] == "aalen_johansen"}
    for row in protected.to_pylist():
        truth = of_exact[_key(row)]
        curve = _key(row)[:-1]
        if row["state"] != "shown":
            assert all(row[name] is None for name in ("at_risk", "events", "incidence", "low", "high"))
            continue
        assert truth["at_risk"] >= MINIMUM
        assert row["at_risk"] >= 20
        assert row["events"] == 0 or row["events"] >= 20
        # As many patients more or fewer as a rounded count leaves open would give the same share.
        of_patients = int(coarse(np.array(of_exact[(*curve, 0)]["at_risk"]), MINIMUM))
        assert row["incidence"] * of_patients / ROUND_TO == pytest.approx(
            round(truth["incidence"] * of_patients / ROUND_TO), abs=0.001 * of_patients / ROUND_TO
        )
        others = truth["competing"] + truth["censored"]
        now = np.array([truth["events"], others, of_exact[(*curve, 0)]["at_risk"] - truth["at_risk"]])
        if row["outcome"].startswith("revision_"):
            now = now[:1]
        assert not is_small(now - last.get(curve, np.zeros_like(now)), MINIMUM).any()
        last[curve] = now
        is_whole = row["stratum_kind"] == "all" and row["site_id"] is None
        kind = "type" if row["outcome"].startswith("revision_") else "whole" if is_whole else "part"
        days[kind].add((row["outcome"].split("_")[0], row["day"]))
    assert days["part"] | days["type"] <= days["whole"]


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in ("outcome", "stratum_kind", "stratum", "site_id", "day"))


def _fill_registry(con: duckdb.DuckDBPyConnection, seed: int, patients: int) -> None:
    """Four sites of unlike size; one has no images. Of revision there are two types."""
    draw = np.random.default_rng(seed)
    day, cause = draw.integers(0, 700, (2, patients)), draw.choice(3, (2, patients), p=(0.6, 0.3, 0.1))
    is_nonunion = draw.random(patients) < 0.7
    site = draw.choice(["east", "north", "south", "tiny"], patients, p=(0.5, 0.3, 0.17, 0.03))
    episodes = {
        "site_id": site,
        "patient_id": np.arange(patients).astype(str),
        "approach": draw.choice(["anterior", "posterior"], patients, p=(0.8, 0.2)),
        "levels_band": draw.choice(["1", "2", "3+"], patients, p=(0.6, 0.37, 0.03)),
        "age_band": np.full(patients, "45-64"),
        "indication": np.full(patients, "both"),
    }
    outcomes = {
        "revision": (day[0], cause[0]),
        "revision_nonunion": (day[0], np.where((cause[0] == 1) & ~is_nonunion, 2, cause[0])),
        "revision_other": (day[0], np.where((cause[0] == 1) & is_nonunion, 2, cause[0])),
        "asd": (day[1], cause[1]),
    }
    con.register("given", pa.table(episodes))
    con.execute("create table episodes as from given")
    con.execute(
        "create table time_to_event (site_id varchar, patient_id varchar, outcome varchar, day bigint, cause bigint)"
    )
    for outcome, (days, causes) in outcomes.items():
        con.register(
            "given",
            pa.table({name: episodes[name] for name in ("site_id", "patient_id")} | {"day": days, "cause": causes}),
        )
        con.execute(
            f"insert into time_to_event select site_id, patient_id, '{outcome}', day, cause from given "
            f"where '{outcome}' <> 'asd' or site_id <> 'south'"
        )


@given(departures(SITES_AGAINST_CONTRIBUTORS), MARKS)
@settings(deadline=None, max_examples=examples(40))
def test_a_group_that_knows_its_own_counts_places_no_small_change_of_another(leaving: Counts, marks: Counts) -> None:
    left, whole, shown = published(leaving, marks, know_their_own=True)
    groups, days, kinds = left.shape
    if not whole.any():
        return
    for contributor, kind in product(range(groups), range(kinds)):
        counts = left[..., kind]
        attacker = attacker_of(counts, whole, shown, withheld_groups(left, know_their_own=True))
        steps = np.diff(counts, prepend=0)
        for day in range(days):
            attacker.knows((contributor, day), steps[contributor, day])
        for other, (earlier, later) in product(range(groups), combinations(range(days), 2)):
            if other != contributor and 0 < steps[other, earlier:later].sum() < MINIMUM:
                between = ("between", other, earlier, later)
                attacker.adds_up(between, [(other, day) for day in range(earlier, later)])
                low, high = attacker.bounds(between)
                assert high - low >= MINIMUM - 1e-6
