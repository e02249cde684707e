"""Weights for those who did not answer: known cases, another implementation, and the truth of invented registries."""

import numpy as np
import pytest
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from benchmarks.coverage import ALL, SCENARIOS, Scenario, coverage
from outcomes.arrays import Floats, Ints
from outcomes.statistics.intervals import wilson_interval
from outcomes.statistics.logistic import fit_logistic
from outcomes.statistics.weighting import Answers, Weighting, weighted_quantiles

EVERYBODY = slice(None)
OF_SITE_0 = slice(0, 2)


def weighting(*, yes: list[int], no: list[int], missing: list[int]) -> Weighting:
    """Two sites; at each the patients of the first pattern are younger than those of the second."""
    young = np.array([1.0, 0.0] * (len(yes) // 2))
    answers = Answers(*(np.array(part, dtype=np.int64) for part in (yes, no, missing)))
    site = np.repeat(np.arange(len(yes) // 2), 2)
    return Weighting(site, len(yes) // 2, np.column_stack([np.ones(len(yes)), young]), answers)


def test_where_everybody_answered_it_is_the_observed_share_and_its_interval() -> None:
    found = weighting(yes=[30, 10, 5, 5], no=[10, 30, 5, 15], missing=[0, 0, 20, 10]).share(OF_SITE_0)
    low, high = wilson_interval(np.array([40]), np.array([80]))
    assert [*found] == pytest.approx([0.5, low[0], high[0], 80])


def test_each_answer_stands_for_those_like_it() -> None:
    # Young: 75 % yes, half of them answer. Old: 25 % yes, 90 % answer. If all answered it were 50 %.
    big = weighting(yes=[3750, 2250], no=[1250, 6750], missing=[5000, 1000]).share(EVERYBODY)
    assert big.share == pytest.approx(0.5, abs=0.001)
    assert 6000 / 14000 < big.low < 0.5 < big.high


@pytest.mark.parametrize("missing", [[0, 0], [1, 90], [500, 0], [1000, 1000]])
def test_it_lies_between_the_bounds(missing: list[int]) -> None:
    yes, no = [7, 1], [1, 9]
    found = weighting(yes=yes, no=no, missing=missing).share(EVERYBODY)
    patients = sum(yes) + sum(no) + sum(missing)
    assert sum(yes) / patients - 1e-12 <= found.share <= (sum(yes) + sum(missing)) / patients + 1e-12
    assert 0 < found.low < found.share < found.high < 1


@pytest.mark.parametrize("missing", [[5, 3], []])
def test_nobody_answered(missing: list[int]) -> None:
    nobody = [0] * len(missing)
    found = weighting(yes=nobody, no=nobody, missing=missing).share(EVERYBODY)
    assert np.isnan([found.share, found.low, found.high]).all()
    assert found.effective == 0


def test_where_all_say_the_same_the_interval_has_a_width() -> None:
    found = weighting(yes=[4, 3], no=[0, 0], missing=[4, 6]).share(EVERYBODY)
    assert (found.share, found.high) == (1, 1)
    low, _ = wilson_interval(np.array([7]), np.array([7]))
    assert found.effective < 7
    assert found.low < low[0]


def test_few_answers_never_stand_for_nearly_all() -> None:
    # One of 1,000 old patients answered; truncated, it stands for no more than the 99th percentile of the others.
    weights = weighting(yes=[100, 1], no=[100, 0], missing=[20, 999])
    assert weights.odds[1] == weights.odds[0]


def test_the_model_is_that_of_another_implementation() -> None:
    rng = np.random.default_rng(4)
    size = 4000
    site: Ints = np.sort(rng.integers(0, 5, size))
    slopes: Floats = np.column_stack([np.ones(size), rng.normal(size=size), rng.normal(size=size)])
    logit = np.array([-1, 0, 0.5, 1, -0.5])[site] + 0.8 * slopes[:, 1]
    answered = (rng.random(size) < 1 / (1 + np.exp(-logit))).astype(float)
    found = fit_logistic(site, 5, slopes, answered, np.ones(size))
    design = np.column_stack([(site[:, np.newaxis] == np.arange(1, 5)), slopes])
    expected = GLM(answered, design, family=Binomial()).fit().fittedvalues
    assert np.abs(found.probability - expected).max() < 0.003


@pytest.mark.parametrize("answered", [0.0, 1.0])
def test_the_model_is_finite_where_all_answered_alike(answered: float) -> None:
    site: Ints = np.array([0, 0, 1, 1])
    found = fit_logistic(site, 2, np.ones((4, 1)), np.full(4, 10 * answered), np.full(4, 10.0))
    assert np.abs(found.probability - answered).max() < 0.05


def test_quantiles_count_each_value_as_often_as_it_weighs() -> None:
    values, weights = np.array([3.0, 1.0, 2.0]), np.array([1.0, 98.0, 1.0])
    assert weighted_quantiles(values, weights, (0.01, 0.985, 1.0)).tolist() == [1, 2, 3]


@pytest.mark.parametrize("scenario", SCENARIOS[:2], ids=["chance", "known"])
def test_the_truth_lies_in_the_interval_where_the_weights_know_what_made_patients_answer(scenario: Scenario) -> None:
    # Of 60 registries 95 % is 57; fewer than 52 would come by chance once in 30 (seven sites, fixed seed).
    found = coverage(scenario, registries=60, seed=5)
    assert {cell.site: cell.weighted for cell in found if cell.weighted < 52 / 60} == {}
    assert np.mean([cell.weighted for cell in found]) >= 0.93


def test_the_weights_mend_what_they_know_and_nothing_else() -> None:
    known, more = ({cell.site: cell for cell in coverage(each, 40, seed=5)}[ALL] for each in SCENARIOS[1::2])
    assert known.observed < 0.6
    assert known.weighted >= 0.9
    assert abs(known.weighted_bias) < 0.01
    assert abs(known.observed_bias) > 0.03
    assert more.weighted < 0.1, "what made patients answer is not recorded, and no weight can mend it"
