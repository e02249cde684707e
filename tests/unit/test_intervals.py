"""Intervals against published values and against statsmodels."""

import numpy as np
import pyarrow as pa
import pytest
from numpy.testing import assert_allclose
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.rates import confint_poisson

from outcomes.measures.estimates import with_intervals
from outcomes.statistics.intervals import poisson_interval, wilson_interval


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_values_of_newcombe_1998(successes: int, trials: int, low: float, high: float) -> None:
    found = wilson_interval(np.array([successes]), np.array([trials]))
    assert_allclose(np.ravel(found), [low, high], atol=5e-5)


@pytest.mark.parametrize(
    ("events", "low", "high"),
    [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (5, 1.6235, 11.6683), (10, 4.7954, 18.3904), (100, 81.3640, 121.6270)],
)
def test_poisson_gives_the_tabled_exact_limits(events: int, low: float, high: float) -> None:
    found = poisson_interval(np.array([events]), np.array([1.0]))
    assert_allclose(np.ravel(found), [low, high], atol=1e-3)


def test_both_agree_with_statsmodels() -> None:
    events, patients = np.array([0, 1, 7, 40, 250]), np.array([3, 11, 7, 400, 100_000])
    assert_allclose(wilson_interval(events, patients), proportion_confint(events, patients, method="wilson"), atol=1e-9)
    years = np.array([0.5, 1.0, 30.0, 365.25, 10_000.0])
    expected = [confint_poisson(n, time, method="exact-c") for n, time in zip(events, years, strict=True)]
    assert_allclose(np.transpose(poisson_interval(events, years)), np.nan_to_num(expected), atol=1e-9)


def test_nothing_to_divide_by_gives_nothing() -> None:
    zero = np.array([0])
    assert np.isnan(wilson_interval(zero, zero)).all()
    assert np.isnan(poisson_interval(zero, zero.astype(float))).all()
    assert len(wilson_interval(zero[:0], zero[:0])[0]) == 0


def test_the_limits_of_none_and_all_are_exact() -> None:
    low, high = wilson_interval(np.array([0, 9]), np.array([9, 9]))
    assert low[0] == 0
    assert high[1] == 1


def test_shares_and_rates_have_their_own_estimates() -> None:
    counts = pa.table(
        {
            "numerator": pa.array([20, 4, 0, 0]),
            "patients": pa.array([80, 50, 0, 0]),
            "days": pa.array([None, 73050, None, 0], pa.int64()),
        }
    )
    found = with_intervals(counts)
    assert found.drop_columns(["estimate", "estimate_low", "estimate_high"]).equals(counts)
    assert found["estimate"].to_pylist() == [0.25, 2.0, None, None]
    low, high = found["estimate_low"].to_pylist(), found["estimate_high"].to_pylist()
    assert_allclose([low[0], high[0]], proportion_confint(20, 80, method="wilson"))
    assert_allclose([low[1], high[1]], confint_poisson(4, 2, method="exact-c"))
    assert low[2:] == high[2:] == [None, None]
