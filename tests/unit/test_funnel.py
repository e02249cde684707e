"""Funnels against published figures, figures worked out by hand, and what must hold whatever the figures."""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.stats import binom, poisson
from statsmodels.stats.meta_analysis import combine_effects

from outcomes.disclosure.comparison import protected_comparison
from outcomes.measures.comparison import comparison_table
from outcomes.statistics.funnel import (
    Limits,
    against_expected,
    binomial_limits,
    dispersion,
    poisson_limits,
    positions,
    ratio_interval,
    share_ratio_interval,
    standardised,
    widened_limits,
    winsorised,
)
from tests.support import marts

MINIMUM = 11
FUNNELPLOTR = np.array([[100.0, 150, 180, 80, 120, 225], [108.0, 112, 165, 95, 100, 220]])
"""Observed and expected in the tests of FunnelPlotR (tests/testthat/test-classes_methods.R)."""

Row = dict[str, Any]


def test_limits_around_the_expected_are_those_of_funnelplotr() -> None:
    # FunnelPlotR, tests/testthat/test-poisson_limits.R: expected 15, 20, 30
    expected = np.array([15.0, 20, 30])
    inner, outer = ratio_interval(expected, expected), ratio_interval(expected, expected, 0.998)
    assert inner.low == pytest.approx([0.5596924, 0.6108260, 0.6746958], abs=5e-8)
    assert inner.high == pytest.approx([1.649348, 1.544419, 1.427562], abs=5e-7)
    assert outer.low == pytest.approx([0.3862650, 0.4479107, 0.5289724], abs=5e-8)
    assert outer.high == pytest.approx([2.082907, 1.902094, 1.702771], abs=5e-7)


def test_exact_interval_of_a_count() -> None:
    # Garwood 1936: a Poisson count of 0 means 0 to 3.689, one of 10 means 4.795 to 18.390
    low, high = ratio_interval(np.array([0.0, 10]), np.ones(2))
    assert low == pytest.approx([0, 4.795], abs=5e-4)
    assert high == pytest.approx([3.689, 18.390], abs=5e-4)


def test_exact_interval_of_a_share() -> None:
    # Of 10 patients: with none the upper limit is 1 - 0.025^(1/10), with all the lower 0.025^(1/10); of 5 the interval
    # is 0.1871 to 0.8129 (Clopper and Pearson 1934). Twice as wide over a risk of a half.
    low, high = share_ratio_interval(np.full(3, 10.0), np.array([0.0, 5, 10]), np.full(3, 0.5))
    assert low == pytest.approx([0, 2 * 0.18709, 2 * 0.025**0.1], abs=5e-5)
    assert high == pytest.approx([2 - 2 * 0.025**0.1, 2 * 0.81291, 2], abs=5e-5)


@given(
    patients=st.integers(20, 500), risk=st.floats(0.001, 0.999), observed=st.integers(0, 500), over_time=st.booleans()
)
@example(patients=400, risk=0.5, observed=179, over_time=False)
@example(patients=39, risk=0.95, observed=39, over_time=False)
def test_the_interval_excludes_1_exactly_beyond_the_95_percent_limits(
    patients: int, risk: float, observed: int, over_time: bool
) -> None:
    observed = min(observed, patients)
    chance = poisson(patients * risk) if over_time else binom(patients, risk)
    tails = chance.cdf(observed), chance.sf(observed - 1)
    assume(min(abs(tail - 0.025) for tail in tails) > 1e-9)  # on the limit itself rounding of floats decides
    sizes, counts = np.array([float(patients)]), np.array([float(observed)])
    site = {name: each[0] for name, each in against_expected(sizes, counts, sizes * risk, risk, over_time).items()}
    assert (site["ratio_low"] > 1) == site["position"].startswith("above")
    assert (site["ratio_high"] < 1) == site["position"].startswith("below")
    assert site["ratio_low"] - 1e-9 <= site["ratio"] <= site["ratio_high"] + 1e-9


@given(st.lists(st.tuples(st.integers(20, 400), st.floats(0, 1)), min_size=20, max_size=25), st.booleans())
def test_beyond_the_widened_limits_the_interval_excludes_1(sites: list[tuple[int, float]], over_time: bool) -> None:
    patients = np.array([float(each) for each, _ in sites])
    observed = np.round(patients * [share for _, share in sites])
    assume(observed.sum() > 0)
    target = observed.sum() / patients.sum()
    found = against_expected(patients, observed, patients * target, target, over_time)
    outside = found["widened_position"] != "inside"
    excludes_1 = (found["ratio_low"] > 1) | (found["ratio_high"] < 1)
    assert not (outside & ~excludes_1).any()


def test_binomial_limits_by_hand() -> None:
    # Of 10 at even odds: P(0..1) = 11/1024, P(0..2) = 56/1024, and 2.5 % are 25.6/1024: a share (25.6 - 11)/45 of
    # the way from 1 to 2 patients.
    low, high = binomial_limits(np.array([10.0]), np.array([0.5]), 0.95)
    assert low == pytest.approx([(1 + 14.6 / 45) / 10], abs=1e-12)
    assert high == pytest.approx([(9 - 14.6 / 45) / 10], abs=1e-12)


def test_of_a_certain_outcome_nothing_less_is_inside() -> None:
    low, high = binomial_limits(np.array([30.0, 30]), np.array([0.0, 1]), 0.95)
    assert low[0] == 0 < high[0] < 1 / 30
    assert 29 / 30 < low[1] < high[1] == 1


@given(
    patients=st.integers(20, 500),
    risk=st.floats(0.001, 0.999),
    level=st.sampled_from([0.95, 0.998]),
    observed=st.integers(0, 500),
)
def test_beyond_a_limit_is_what_chance_gives_too_rarely(
    patients: int, risk: float, level: float, observed: int
) -> None:
    observed = min(observed, patients)
    tail = (1 - level) / 2
    below, above = binom.cdf(observed, patients, risk), binom.sf(observed - 1, patients, risk)
    assume(min(abs(below - tail), abs(above - tail)) > 1e-9)
    limits = binomial_limits(np.array([float(patients)]), np.array([risk]), level)
    assert (observed / patients < limits.low[0]) == (below < tail)
    assert (observed / patients > limits.high[0]) == (above < tail)


def test_phi_is_that_of_funnelplotr() -> None:
    # FunnelPlotR, tests/testthat/test-classes_methods.R: z-scores on the log scale, none of six truncated
    observed, expected = FUNNELPLOTR
    error = 1 / np.sqrt(expected)
    assert round(dispersion(np.log(observed / expected) / error, error).phi, 6) == 2.948033


def test_tau2_is_that_of_a_meta_analysis() -> None:
    observed, expected = FUNNELPLOTR
    _, error = standardised(observed, expected, np.zeros(6))
    values = np.sqrt(observed / expected)
    pooled = np.average(values, weights=error**-2)
    oracle = combine_effects(values, error**2, method_re="dl")
    assert dispersion((values - pooled) / error, error).tau2 == pytest.approx(oracle.tau2, rel=1e-12)


def test_z_scores_by_hand() -> None:
    # sqrt(36/16) - 1 = 0.5; of a rare outcome the error is 1/(2 sqrt 16), at a risk of 0.75 half as much
    z, error = standardised(np.array([36.0, 36, 0]), np.full(3, 16.0), np.array([0, 0.75, 0]))
    assert z == pytest.approx([4, 8, -8])
    assert error == pytest.approx([0.125, 0.0625, 0.125])


def test_the_outermost_tenths_are_drawn_in() -> None:
    assert winsorised(np.arange(11.0)).tolist() == [1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9]


def test_sites_that_differ_by_chance_alone_have_no_variance_between_them() -> None:
    assert dispersion(np.array([0.5, -0.5, 0.1]), np.full(3, 0.1)).tau2 == 0
    one = dispersion(np.array([3.0]), np.array([0.1]))
    assert np.isnan(one.phi)
    assert one.tau2 == 0


def test_widened_limits_by_hand() -> None:
    # error² + tau² = 0.04: 1 ± 1.959964 · 0.2, squared; a limit below nothing is nothing
    low, high = widened_limits(np.sqrt(np.array([0.03, 1])), 0.01, 0.95)
    assert low == pytest.approx([0.369673, 0], abs=1e-6)
    assert high[0] == pytest.approx(1.937644, abs=1e-6)


def test_positions() -> None:
    inner, outer = Limits(np.full(5, 0.5), np.full(5, 1.5)), Limits(np.full(5, 0.2), np.full(5, 2.0))
    values = np.array([0.1, 0.4, 1.5, 1.6, 2.1])
    assert positions(values, inner, outer).tolist() == ["below_99_8", "below_95", "inside", "above_95", "above_99_8"]


def test_a_site_is_compared_with_what_is_expected_of_it() -> None:
    rows = compare({"big": (100, 36, 0.16), "fair": (400, 60, 0.2)})
    big = rows["big"]
    assert (big["marking"], big["patients"], big["observed"], big["expected"]) == ("compared", 100, 36, 16)
    assert big["ratio"] == pytest.approx(2.25)
    assert big["target_share"] == pytest.approx(96 / 500)
    assert big["adjusted_share"] == pytest.approx(2.25 * 96 / 500)
    assert big["position"] == "above_99_8"
    limit = binomial_limits(np.array([100.0]), np.array([0.16]), 0.95).high[0]
    assert big["high_95"] == pytest.approx(limit / 0.16 * 96 / 500)
    assert rows["fair"]["position"] == "below_95"


def test_a_small_site_is_marked_and_not_placed() -> None:
    rows = compare({"big": (100, 30, 0.3), "small": (19, 15, 0.3), "just": (20, 6, 0.3), "new": (0, 0, 0.3)})
    assert [rows[site]["marking"] for site in ("big", "small", "just", "new")] == [
        "compared", "insufficient", "compared", "insufficient"
    ]  # fmt: skip
    assert (rows["small"]["patients"], rows["small"]["observed"]) == (19, 15)
    assert {rows["small"][name] for name in _JUDGEMENTS} == {None}
    assert rows["new"]["share"] is None


def test_sites_stand_in_the_order_of_their_ids() -> None:
    assert list(compare({"b": (50, 40, 0.5), "c": (50, 2, 0.5), "a": (50, 25, 0.5)})) == ["a", "b", "c"]


def test_without_any_event_there_is_nothing_to_compare() -> None:
    row = compare({"big": (100, 0, 0.0)})["big"]
    assert (row["marking"], row["share"], row["ratio"], row["position"]) == ("none_expected", 0, None, None)


def test_one_site_alone_is_compared_with_nobody() -> None:
    row = compare({"only": (200, 40, 0.2)})["only"]
    assert (row["marking"], row["share"], row["expected"]) == ("only_site", 0.2, 40)
    assert {row[name] for name in _JUDGEMENTS} == {None}


def test_beside_sites_too_small_to_compare_a_site_is_alone() -> None:
    rows = compare({"big": (200, 40, 0.2), "small": (19, 4, 0.2), "new": (0, 0, 0.2)})
    assert [rows[site]["marking"] for site in ("big", "small", "new")] == ["only_site", "insufficient", "insufficient"]
    assert {rows["big"][name] for name in _JUDGEMENTS} == {None}


def test_of_six_sites_the_one_that_stands_out_does_not_hide_itself() -> None:
    # Observed over expected 1.28, beyond the 99.8 % limit: over-dispersion estimated from these six would be 2.6, and
    # the site as expected.
    rows = compare({"outlier": (400, 197, 154 / 400), **{f"fair{n}": (400, 140 + n, 146 / 400) for n in range(5)}})
    assert rows["outlier"]["ratio"] == pytest.approx(1.28, abs=0.005)
    assert rows["outlier"]["position"] == "above_99_8"
    assert {row[name] for row in rows.values() for name in _WIDENED} == {None}


@pytest.mark.parametrize(("sites", "is_widened"), [(2, False), (19, False), (20, True)])
def test_limits_widen_only_among_twenty_sites(sites: int, is_widened: bool) -> None:
    rows = compare({f"s{n:02d}": (400, 60 + 4 * n, 0.25) for n in range(sites)})
    assert {row["phi"] is not None for row in rows.values()} == {is_widened}
    assert {row["widened_position"] is not None for row in rows.values()} == {is_widened}


def test_limits_widen_where_many_sites_differ_by_more_than_chance() -> None:
    rows = compare({f"s{n:02d}": (400, 40 + 6 * n, 0.25) for n in range(24)})
    assert rows["s00"]["phi"] > 1
    assert rows["s00"]["tau2"] > 0
    for row in rows.values():
        assert row["widened_low_95"] < row["low_95"] < row["high_95"] < row["widened_high_95"]
    assert rows["s23"]["position"] == "above_99_8"
    assert rows["s23"]["widened_position"] == "inside"


def test_sites_that_do_not_differ_keep_their_exact_limits() -> None:
    rows = compare({f"s{n:02d}": (400, 100, 0.25) for n in range(20)})
    for row in rows.values():
        assert (row["tau2"], row["widened_low_95"], row["widened_position"]) == (0, row["low_95"], row["position"])


@given(st.integers(20, 400), st.floats(0.02, 0.98), st.sampled_from([2, 5, 20]), st.booleans())
def test_limits_narrow_as_patients_grow(patients: int, risk: float, times: int, over_time: bool) -> None:
    sizes = np.array([patients, patients * times], dtype=float)
    found = against_expected(sizes, sizes * risk, sizes * risk, risk, over_time)
    for level in ("95", "99_8"):
        width = found[f"high_{level}"] - found[f"low_{level}"]
        assert width[1] < width[0]


@given(st.floats(0.05, 300), st.sampled_from([0.95, 0.998]), st.integers(0, 500))
def test_beyond_a_limit_of_events_over_time_is_what_chance_gives_too_rarely(
    expected: float, level: float, observed: int
) -> None:
    tail = (1 - level) / 2
    below, above = poisson.cdf(observed, expected), poisson.sf(observed - 1, expected)
    assume(min(abs(below - tail), abs(above - tail)) > 1e-9)
    limits = poisson_limits(np.array([expected]), level)
    assert (observed / expected < limits.low[0]) == (below < tail)
    assert (observed / expected > limits.high[0]) == (above < tail)


def test_completeness_counts_the_lost_and_not_the_dead_and_those_too_early() -> None:
    reasons = (
        ["no_assessment_in_window"] * 25 + ["window_not_closed"] * 500 + ["revised_before_window", "died_before_window"]
    )
    row = compare({"big": (75, 30, 0.4)}, excluded={"big": reasons})["big"]
    assert (row["eligible"], row["completeness"]) == (100, 0.75)


def test_of_events_within_a_time_completeness_is_of_the_time_observed() -> None:
    # Of 100 patients 60 were observed for all of 730 days and 40 for 146: 60 x 730 + 40 x 146 of 100 x 730.
    table = _table({"big": (100, 30, 0.3)}, outcome=REVISED)
    (row,) = (row for row in table.to_pylist() if row["measure"] == REVISED)
    assert (row["patients"], row["eligible"], row["completeness"]) == (100, 100, pytest.approx(0.68))


@pytest.mark.parametrize(("hidden", "completeness"), [([], 0.7), (["big"], None)])
def test_the_protected_completeness_of_time_is_as_coarse_as_its_count(
    hidden: list[str | None], completeness: float | None
) -> None:
    sites: dict[str | None, tuple[int, int]] = {None: (200, 60), "big": (100, 30)}
    shown = _shown({site: sites[site] for site in sites if site not in hidden}, hidden, REVISED)
    protected = protected_comparison(_table({"big": (100, 30, 0.3)}, outcome=REVISED), shown, MINIMUM).to_pylist()
    assert [row["completeness"] for row in protected if row["measure"] == REVISED] == [completeness]


def test_the_mart_has_the_columns_of_its_file() -> None:
    con, expected = _registry({"big": (100, 30, 0.3)}, {})
    con.register("site_comparison", comparison_table(con, expected))
    mart = marts.exact("site_comparison")
    assert con.sql(mart.select).columns == marts.names(mart)


def test_the_protected_comparison_knows_only_the_rounded_counts() -> None:
    sites = {"a": (103, 33, 0.3), "b": (98, 4, 0.31), "c": (21, 12, 0.3)}
    exact = _table(sites)
    shown = _shown({None: (220, 50), "a": (105, 35), "c": (25, 15)}, hidden=["b"])
    protected = protected_comparison(exact, shown, MINIMUM)
    rows = {row["site_id"]: row for row in protected.to_pylist() if row["measure"] == "pain_12_months"}
    assert (rows["a"]["patients"], rows["a"]["observed"], rows["a"]["expected"]) == (105, 35, 31.5)
    assert rows["a"]["ratio"] == pytest.approx(35 / 31.5)
    assert rows["a"]["target_share"] == pytest.approx(50 / 220)
    assert rows["a"]["eligible"] == 100
    assert rows["a"]["completeness"] == 1
    assert rows["b"]["state"] == "suppressed"
    assert {value for name, value in rows["b"].items() if name not in {"measure", "site_id", "state"}} == {None}


def test_a_protected_position_says_the_word_of_the_exact_one_or_none() -> None:
    sites = {"a": (102, 43, 0.3), "b": (400, 120, 0.32), "c": (100, 20, 0.31)}
    exact = {row["site_id"]: row for row in _table(sites).to_pylist() if row["measure"] == "pain_12_months"}
    shown = _shown({None: (600, 195), "a": (100, 40), "b": (400, 120), "c": (100, 20)}, hidden=[])
    protected = protected_comparison(_table(sites), shown, MINIMUM).to_pylist()
    words = {row["site_id"]: row["position"] for row in protected if row["measure"] == "pain_12_months"}
    assert exact["a"]["position"] == "above_95"
    assert words["a"] is None, "rounded, 40 of 100 are inside"
    assert (words["b"], words["c"]) == (exact["b"]["position"], exact["c"]["position"]) == ("inside", "below_95")


def test_where_the_widened_limits_count_no_word_is_said_without_them() -> None:
    sites = {f"s{n:02d}": (400, 40 + 6 * n, 0.25) for n in range(24)}
    exact = {row["site_id"]: row for row in _table(sites).to_pylist() if row["measure"] == "pain_12_months"}
    assert {row["widened_position"] is None for row in exact.values()} == {False}
    counts = {site: (400, observed) for site, (_, observed, _) in sites.items()}
    hidden: list[str | None] = [*list(sites)[:5]]
    whole = (None, (9600, sum(observed for _, observed in counts.values())))
    few = dict([whole, *((site, counts[site]) for site in sites if site not in hidden)])
    for row in protected_comparison(_table(sites), _shown(few, hidden), MINIMUM).to_pylist():
        assert (row["position"], row["widened_position"]) == (None, None), "19 sites that may be shown"
    all_shown = protected_comparison(_table(sites), _shown(dict([whole, *counts.items()]), []), MINIMUM).to_pylist()
    words = {row["site_id"]: (row["position"], row["widened_position"]) for row in all_shown if row["phi"]}
    assert words["s23"] == (exact["s23"]["position"], exact["s23"]["widened_position"]) == ("above_99_8", "inside")


def test_the_only_site_that_may_be_shown_is_not_the_only_site() -> None:
    exact = _table({"a": (103, 33, 0.3), "b": (98, 32, 0.3)})
    shown = _shown({None: (200, 65), "a": (105, 35)}, hidden=["b"])
    rows = protected_comparison(exact, shown, MINIMUM).to_pylist()
    (row,) = [row for row in rows if row["measure"] == "pain_12_months" and row["site_id"] == "a"]
    assert (row["marking"], row["position"]) == ("compared", "inside")


def test_what_is_hidden_changes_nothing_that_is_shown() -> None:
    shown = _shown({None: (220, 50), "a": (105, 35), "c": (25, 15)}, hidden=["b"])
    few = protected_comparison(_table({"a": (103, 33, 0.3), "b": (98, 4, 0.31), "c": (21, 12, 0.3)}), shown, MINIMUM)
    many = protected_comparison(_table({"a": (103, 33, 0.3), "b": (98, 90, 0.9), "c": (21, 12, 0.3)}), shown, MINIMUM)
    assert few.equals(many)


def test_a_patient_whose_count_is_rounded_away_changes_no_expected_number() -> None:
    shown = _shown({None: (220, 50), "a": (105, 35), "c": (25, 15)}, hidden=["b"])
    others = {"b": (98, 4, 0.31), "c": (21, 12, 0.3)}
    one, two = (
        protected_comparison(_table({"a": (patients, 33, 0.3), **others}), shown, MINIMUM) for patients in (103, 104)
    )
    assert one["expected"].equals(two["expected"])


def test_the_expected_numbers_of_all_sites_add_up_to_no_exact_count() -> None:
    exact = _table({"a": (100, 33, 0.31), "b": (100, 30, 0.32)})
    shown = _shown({None: (200, 65), "a": (100, 35), "b": (100, 30)}, hidden=[])
    protected = protected_comparison(exact, shown, MINIMUM).to_pylist()
    expected = [row["expected"] for row in protected if row["measure"] == "pain_12_months"]
    assert sum(expected) == pytest.approx(65, abs=0.1), "63 by the fit"


def test_without_the_sum_of_all_sites_no_site_is_shown() -> None:
    shown = _shown({"a": (105, 35), "b": (100, 30)}, hidden=[None])
    protected = protected_comparison(_table({"a": (103, 33, 0.3), "b": (98, 32, 0.3)}), shown, MINIMUM)
    assert set(protected["state"].to_pylist()) == {"suppressed"}
    assert set(protected.column_names) == {*marts.names(marts.protected("site_comparison"))}


_JUDGEMENTS = (
    "ratio", "ratio_low", "ratio_high", "adjusted_share", "low_95", "high_95", "position", "widened_position"
)  # fmt: skip
_WIDENED = (
    "phi", "tau2", "widened_low_95", "widened_high_95", "widened_low_99_8", "widened_high_99_8", "widened_position"
)  # fmt: skip


REVISED = "revision_2_years"
_TIMES = {
    "measure": [REVISED] * 100,
    "site_id": ["big"] * 100,
    "observed_days": [730] * 60 + [146] * 40,
    "potential_days": [730] * 100,
}


def compare(sites: dict[str, tuple[int, int, float]], excluded: dict[str, list[str]] | None = None) -> dict[str, Row]:
    """The rows of one outcome by site; of each site the patients followed, those with the outcome, and their risk."""
    rows = _table(sites, excluded).to_pylist()
    return {row["site_id"]: row for row in rows if row["measure"] == "pain_12_months"}


def _table(
    sites: dict[str, tuple[int, int, float]],
    excluded: dict[str, list[str]] | None = None,
    outcome: str = "pain_12_months",
) -> pa.Table:
    con, expected = _registry(sites, excluded or {}, outcome)
    return comparison_table(con, expected)


def _registry(
    sites: dict[str, tuple[int, int, float]], excluded: dict[str, list[str]], outcome: str = "pain_12_months"
) -> tuple[duckdb.DuckDBPyConnection, pa.Table]:
    con = duckdb.connect()
    submissions = pa.table({"site_id": list(sites), "status": ["accepted"] * len(sites)})
    expected = [
        {
            "measure": outcome,
            "site_id": site,
            "patient_id": f"p{n}",
            "observed": int(n < events),
            "expected": p,
        }
        for site, (patients, events, p) in sites.items()
        for n in range(patients)
    ]
    results = [row | {"status": "yes" if row["observed"] else "no", "reason": None} for row in expected] + [
        {"measure": outcome, "site_id": site, "patient_id": f"x{n}", "status": "excluded", "reason": reason}
        for site, reasons in excluded.items()
        for n, reason in enumerate(reasons)
    ]
    results_schema = pa.schema(
        [(name, pa.string()) for name in ("measure", "site_id", "patient_id", "status", "reason")]
    )
    for name, table in (
        ("submissions", submissions),
        ("measure_estimates", _estimates(sites, outcome)),
        ("headline_results", pa.Table.from_pylist(results, schema=results_schema)),
        ("headline_follow_up", pa.table(_TIMES if outcome == REVISED else {name: [] for name in _TIMES})),
    ):
        con.register("given", table)
        con.execute(f"create table {name} as from given")
    return con, marts.table(marts.exact("expected_outcomes"), expected)


def _estimates(sites: dict[str, tuple[int, int, float]], outcome: str) -> pa.Table:
    counts: dict[str | None, tuple[int, int]] = {
        site: (patients, events) for site, (patients, events, _) in sites.items()
    }
    counts[None] = (sum(patients for patients, _ in counts.values()), sum(events for _, events in counts.values()))
    rows = [
        {"measure": outcome, "site_id": site, "estimate": events / patients if patients else None}
        for site, (patients, events) in counts.items()
    ]
    everybody = {"resolution": "all", "stratum_kind": "all"}
    of_a_year = {"resolution": "year", "stratum_kind": "all", "estimate": 0.9}
    return marts.table(marts.exact("measures"), [row | kind for row in rows for kind in (everybody, of_a_year)])


def _shown(
    counts: dict[str | None, tuple[int, int]], hidden: list[str | None], outcome: str = "pain_12_months"
) -> pa.Table:
    rows: list[Row] = [
        {"site_id": site, "patients": patients, "numerator": events, "estimate": events / patients, "state": "shown"}
        for site, (patients, events) in counts.items()
    ] + [{"site_id": site, "state": "suppressed"} for site in hidden]
    everybody: Row = {"measure": outcome, "resolution": "all", "stratum_kind": "all"}
    of_a_year: Row = {"resolution": "year", "patients": 1, "numerator": 1, "state": "shown"}
    of_measure = (everybody | row for row in [*rows, *(row | of_a_year for row in rows)])
    return marts.table(marts.protected("measures"), of_measure)
