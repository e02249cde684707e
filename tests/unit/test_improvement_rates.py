"""The twin of the improvement rate: what is reported, and how far few patients are drawn towards the others."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.polynomial.hermite_e import hermegauss
from scipy.optimize import minimize
from scipy.special import expit

from outcomes.measures.improvement_rates import improvement_rates
from outcomes.statistics.logistic import fit_hierarchical

SAME: dict[str, Any] = {
    "sex": "female", "age": 55, "age_known": "recorded", "approach": "anterior", "levels": "1", "baseline": 40.0,
    "smoking": "never", "diabetes": "no", "asa_class": "2", "prior_surgery": "no", "indication": "radiculopathy",
    "workers_compensation": "no",
}  # fmt: skip
Counted = tuple[int, int, int]
"""Improved, not improved, not answered."""


def rates(*patterns: tuple[str, Counted, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The rows by site, of patterns that differ from each other as stated; `west` may have none."""
    rows = [
        {"site_id": site, **SAME, **differs, **dict(zip(("yes", "no", "missing"), counted, strict=True))}
        for site, counted, differs in patterns
    ]
    sites = sorted({"west", *(site for site, _, _ in patterns)})
    return {row["site_id"]: row for row in improvement_rates(pa.Table.from_pylist(rows), sites)}


def test_fewer_than_half_or_20_answered_is_not_reported() -> None:
    found = rates(
        ("a", (40, 40, 80), {}), ("b", (40, 40, 81), {}), ("c", (10, 10, 0), {}), ("d", (10, 9, 0), {}),
    )  # fmt: skip
    assert {site: row["marking"] for site, row in found.items()} == {
        "a": "reported", "b": "under_half_answered", "c": "reported", "d": "insufficient", "west": "insufficient",
    }  # fmt: skip
    assert "rate" in found["a"]
    assert not any("rate" in found[site] for site in ("b", "d", "west"))
    assert (found["b"]["response"], found["b"]["observed_share"]) == (80 / 161, 0.5)
    assert (found["west"]["eligible"], found["west"]["response"]) == (0, None)


def test_one_site_is_compared_with_nobody() -> None:
    found = rates(("a", (40, 40, 10), {}), ("b", (0, 0, 30), {}))
    assert {row["marking"] for row in found.values()} == {"only_site"}
    assert not any("rate" in row for row in found.values())


def test_sites_that_are_the_same_have_the_rate_of_all() -> None:
    found = rates(*((site, (60, 40, 20), {}) for site in "abcdef"))
    assert [found[site]["rate"] for site in "abcdef"] == pytest.approx([0.6] * 6, abs=1e-4)
    assert found["a"]["site_spread"] < 0.02


def test_a_small_site_is_drawn_to_the_others_and_a_large_one_hardly() -> None:
    middle: list[tuple[str, Counted, dict[str, Any]]] = [(site, (500, 500, 0), {}) for site in "cdefgh"]
    found = rates(("a", (1400, 600, 0), {}), ("b", (21, 9, 0), {}), *middle)
    assert 0.69 < found["a"]["predicted_share"] < 0.7
    assert 0.5 < found["c"]["predicted_share"] < found["b"]["predicted_share"] < 0.68
    widths = {site: found[site].get("rate_high", 0) - found[site].get("rate_low", 0) for site in "ab"}
    assert widths["b"] > 2 * widths["a"] > 0, "of few patients little is known"
    for row in found.values():
        assert row["marking"] != "reported" or row["rate_low"] < row["rate"] < row["rate_high"]


def test_case_mix_is_no_merit() -> None:
    # Former smokers improve in 3 of 10, others in 7 of 10, at every site; the sites differ in how many they have.
    def site(name: str, smokers: int, others: int) -> list[tuple[str, Counted, dict[str, Any]]]:
        return [
            (name, (3 * smokers // 10, 7 * smokers // 10, 0), {"smoking": "former"}),
            (name, (7 * others // 10, 3 * others // 10, 0), {"smoking": "never"}),
        ]

    found = rates(*site("a", 300, 100), *site("b", 100, 300), *site("c", 200, 200))
    assert [found[each]["observed_share"] for each in "abc"] == [0.4, 0.6, 0.5]
    assert [found[each]["rate"] for each in "abc"] == pytest.approx([0.5] * 3, abs=0.005)


def test_answers_are_weighted_for_those_like_them_who_did_not_answer() -> None:
    # Young patients improve in 8 of 10 and half of them answer; old ones in 4 of 10 and all do. Of all 6 in 10.
    sites = [(site, pattern, {"age": age}) for site in "abc" for age, pattern in
             ((40, (400, 100, 500)), (70, (400, 600, 0)))]  # fmt: skip
    found = rates(*sites)
    assert found["a"]["observed_share"] == pytest.approx(800 / 1500)
    assert found["a"]["rate"] == pytest.approx(0.6, abs=0.005)


def test_the_spread_is_that_of_the_exact_likelihood() -> None:
    # Intercepts alone: the likelihood of spread and mean by 60-point Gauss-Hermite quadrature.
    rng = np.random.default_rng(8)
    sites, patients = 40, rng.integers(30, 200, 40).astype(float)
    improved = rng.binomial(patients.astype(int), expit(0.3 + 0.5 * rng.normal(size=sites))).astype(float)
    points, weights = hermegauss(60)

    def loss(parameters: Any) -> float:
        logit = parameters[0] + np.exp(parameters[1]) * points
        by_point = improved[:, np.newaxis] * logit - patients[:, np.newaxis] * np.logaddexp(0, logit)
        highest = by_point.max(axis=1, keepdims=True)
        return -float((highest[:, 0] + np.log(np.exp(by_point - highest) @ weights)).sum())

    mean, log_spread = minimize(loss, [0.0, -1.0], method="Nelder-Mead").x
    model, spread = fit_hierarchical(np.arange(sites), sites, np.ones((sites, 1)), improved, patients)
    assert spread == pytest.approx(np.exp(log_spread), rel=0.03)
    assert model.log_odds[0] == pytest.approx(mean, abs=0.01)
