"""What holds for the control chart of any series: the rules a plain loop finds, limits as exact as claimed."""

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from outcomes.arrays import Floats, Ints
from outcomes.measures.control_charts import control_chart_table
from outcomes.statistics.control_charts import (
    RULES,
    Limits,
    moving_range_limits,
    patients_between,
    share_limits,
    signals,
)
from tests.support import marts
from tests.support.examples import examples

TAIL = 0.00135

# Coarse values, so that ties, runs and trends are common.
VALUES = st.lists(st.integers(-4, 4), min_size=1, max_size=40)
MONTHS = st.lists(st.tuples(st.integers(0, 60), st.floats(0, 1)), min_size=1, max_size=30)


def around_zero(values: Floats) -> Limits:
    return Limits(*(np.full(len(values), line, dtype=float) for line in (0, -3, 3, -2, 2)))


def one(values: Any) -> Ints:
    return np.zeros(len(values), dtype=np.int64)


def by_loop(values: list[int]) -> list[set[str]]:
    """The rules as their sentences say, value by value."""
    found: list[set[str]] = [{"outside"} if abs(value) > 3 else set() for value in values]
    for start in range(len(values)):
        seven, three = values[start : start + 7], values[start : start + 3]
        steps = [after - before for before, after in pairwise(seven)]
        for sign in (1, -1):
            if len(seven) == 7 and all(sign * value > 0 for value in seven):
                for row in range(start, start + 7):
                    found[row].add("run")
            if len(seven) == 7 and all(sign * step > 0 for step in steps):
                for row in range(start, start + 7):
                    found[row].add("trend")
            outer = [start + place for place, value in enumerate(three) if sign * value > 2]
            if len(three) == 3 and all(sign * value > 0 for value in three) and len(outer) >= 2:
                for row in outer:
                    found[row].add("near")
    return found


@given(VALUES | st.lists(st.integers(1, 4), min_size=5, max_size=12) | st.permutations(range(-4, 5)))
def test_the_rules_are_those_of_a_plain_loop(values: list[int]) -> None:
    as_floats = np.array(values, dtype=float)
    hits = signals(as_floats, around_zero(as_floats), one(values)).hits
    assert [{rule for rule, holds in zip(RULES, row, strict=True) if holds} for row in hits] == by_loop(values)


@given(VALUES)
def test_a_mirrored_series_has_mirrored_signals(values: list[int]) -> None:
    as_floats = np.array(values, dtype=float)
    found = signals(as_floats, around_zero(as_floats), one(values))
    mirrored = signals(-as_floats, around_zero(as_floats), one(values))
    assert (found.hits == mirrored.hits).all()
    assert (found.towards == -mirrored.towards).all()


@given(VALUES, VALUES)
def test_series_do_not_touch_each_other(first: list[int], second: list[int]) -> None:
    both = np.array(first + second, dtype=float)
    segment = np.repeat([0, 1], [len(first), len(second)])
    limits = moving_range_limits(both, segment)
    hits = signals(both, limits, segment).hits
    for values, rows in ((first, slice(0, len(first))), (second, slice(len(first), None))):
        alone = np.array(values, dtype=float)
        limits_alone = moving_range_limits(alone, one(alone))
        np.testing.assert_allclose(limits.upper[rows], limits_alone.upper)
        assert (hits[rows] == signals(alone, limits_alone, one(alone)).hits).all()


@given(VALUES, st.sampled_from([1e-3, 0.5, 7.0]), st.integers(-100, 100))
def test_signals_do_not_depend_on_the_unit(values: list[int], scale: float, shift: int) -> None:
    def hits(series: Floats) -> Any:
        return signals(series, moving_range_limits(series, one(series)), one(series)).hits

    as_floats = np.array(values, dtype=float)
    assert (hits(as_floats) == hits(as_floats * scale + shift)).all()


@given(st.floats(-1e6, 1e6), st.integers(1, 40))
def test_a_series_that_never_changes_has_no_signal(value: float, months: int) -> None:
    values = np.full(months, value)
    assert not signals(values, moving_range_limits(values, one(values)), one(values)).hits.any()


@given(MONTHS)
def test_the_limits_of_shares_are_shares_in_order(months: list[tuple[int, float]]) -> None:
    patients = np.array([count + 1 for count, _ in months])
    numerators = np.array([round((count + 1) * share) for count, share in months])
    limits = share_limits(numerators, patients, one(patients))
    lines = [limits.lower, limits.near_lower, limits.near_upper, limits.upper]
    assert (limits.lower >= 0).all()
    assert (np.diff(lines, axis=0) >= 0).all()
    assert (limits.upper <= 1).all()


@given(MONTHS)
def test_exact_limits_cry_wolf_no_more_than_claimed(months: list[tuple[int, float]]) -> None:
    patients = np.array([count + 1 for count, _ in months])
    numerators = np.array([round((count + 1) * share) for count, share in months])
    limits = share_limits(numerators, patients, one(patients))
    share = limits.centre
    few = patients * np.minimum(share, 1 - share) < 5
    lower, upper = np.rint(limits.lower * patients), np.rint(limits.upper * patients)
    assert (stats.binom.cdf(lower - 1, patients, share)[few] <= TAIL).all()
    assert (stats.binom.sf(upper, patients, share)[few] <= TAIL).all()


@given(MONTHS)
def test_patients_between_outcomes_add_up(months: list[tuple[int, float]]) -> None:
    patients = np.array([count + 1 for count, _ in months])
    events = np.array([int((count + 1) * share / 3) for count, share in months])
    values, limits = patients_between(events, patients, one(patients))
    rows = np.flatnonzero(events)
    assert np.isnan(values[events == 0]).all()
    if len(rows):
        until_last = slice(0, rows[-1] + 1)
        assert np.isclose((values[rows] * events[rows]).sum(), (patients - events)[until_last].sum())
        assert (limits.lower[rows] <= limits.centre[rows]).all()
        assert (limits.centre[rows] <= limits.upper[rows]).all()


CUBES = st.dictionaries(
    st.tuples(st.sampled_from(["pain", "satisfied"]), st.sampled_from([None, "north", "south"])),
    st.lists(st.tuples(st.integers(0, 3000), st.floats(0, 0.2)), min_size=9, max_size=9),
    min_size=1,
)


@given(CUBES, st.randoms(use_true_random=False))
@settings(max_examples=examples(50), deadline=None)
def test_any_cube_gives_a_table_whatever_the_order_of_its_rows(cube: dict[Any, Any], random: Any) -> None:
    rows = [
        {"measure": measure, "site_id": site, "resolution": "month", "index_period": f"2020-{number + 1:02d}"}
        | {"stratum_kind": "all", "numerator": int(patients * share), "patients": patients}
        for (measure, site), months in cube.items()
        for number, (patients, share) in enumerate(months)
    ]
    cube_of = partial(marts.table, marts.exact("measures"))
    directions = {"pain": "lower_is_better", "satisfied": "higher_is_better"}
    table = control_chart_table(cube_of(rows), directions)
    # Nine months are nine values, or those of three quarters.
    assert len(rows) / 3 <= table.num_rows <= len(rows)
    for row in table.to_pylist():
        assert (row["variation"] is None) == (row["value"] is None)
        assert (row["rules"] is None) == (row["variation"] in (None, "common"))
    random.shuffle(rows)
    assert control_chart_table(cube_of(rows), directions).equals(table)
