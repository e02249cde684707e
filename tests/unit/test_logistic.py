"""The logistic model's sums by cell, beside the whole design as one matrix."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from outcomes.statistics import logistic
from outcomes.statistics.logistic import fit_logistic


@pytest.mark.parametrize("most_binary", [40, 2, 0])
@given(seed=st.integers(0, 2**32), patterns=st.integers(0, 60), binary=st.integers(0, 5), numeric=st.integers(0, 3))
def test_it_is_the_model_of_the_whole_design(
    most_binary: int, seed: int, patterns: int, binary: int, numeric: int
) -> None:
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 4, patterns)
    columns = [*rng.integers(0, 2, (binary, patterns)), *rng.normal(size=(numeric, patterns)), np.ones(patterns)]
    slopes = rng.permutation(np.array(columns, dtype=float)).T
    trials = rng.integers(0, 5, patterns).astype(float)
    successes = rng.binomial(trials.astype(int), 0.4).astype(float)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logistic, "_MOST_BINARY", most_binary)
        found = fit_logistic(group, 4, slopes, successes, trials)

    design = np.column_stack([np.eye(4)[group], slopes])
    weights = trials * found.probability * (1 - found.probability)
    prior = np.eye(design.shape[1]) / 2.5**2
    information = design.T @ (design * weights[:, np.newaxis])
    np.testing.assert_allclose(found.information, information, atol=1e-9)
    np.testing.assert_allclose(found.covariance, np.linalg.inv(information + prior), atol=1e-6)
    np.testing.assert_allclose(found.probability, 1 / (1 + np.exp(-found.effect[group] - found.log_odds)), atol=1e-12)
    # At the maximum the score of each group is its prior's.
    score = np.bincount(group, successes - trials * found.probability, 4)
    np.testing.assert_allclose(score, found.effect / 2.5**2, atol=1e-6)
