"""Risk models: known coefficients come back, what cannot be estimated is not, and what is shown protects."""

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import rankdata
from statsmodels.genmod.families import Binomial, Poisson
from statsmodels.genmod.generalized_linear_model import GLM

from outcomes.disclosure.risk_models import protected_calibration, protected_models
from outcomes.measures.risk_models import RiskTables, fit_risk_models, headline_measures
from tests.support import marts

MINIMUM = 11
OUTCOME = "pain_12_months"
ALL_THE_SAME: dict[str, Any] = {
    "sex": "unknown", "age": 55, "age_known": "missing", "smoking": "unknown", "diabetes": "unknown",
    "asa_class": "unknown", "prior_surgery": "unknown", "approach": "unknown", "levels": "unknown", "ndi": 0,
    "ndi_known": "missing", "indication": "unknown", "workers_compensation": "unknown",
}  # fmt: skip

Factors = dict[str, NDArray[Any]]
Row = dict[str, Any]


def fit(
    factors: Factors,
    has_outcome: NDArray[np.bool_],
    day: NDArray[np.int64] | None = None,
    *,
    order: NDArray[np.int64] | None = None,
    measure: str = OUTCOME,
) -> RiskTables:
    """The models of patients with these factors, in this order; a factor that is not given is missing for all.

    `day` is the end of each patient's time, where the measure counts events within a time.
    """
    size = len(has_outcome)
    order = np.arange(size) if order is None else order
    con = duckdb.connect()
    keys = {"site_id": ["s"] * size, "patient_id": [f"p{n}" for n in order]}
    values = {name: factors.get(name, np.full(size, value))[order].tolist() for name, value in ALL_THE_SAME.items()}
    status = np.where(has_outcome, "yes", "no")[order].tolist()
    ends = [None] * size if day is None else day[order].tolist()
    tables = {
        "risk_factors": keys | values,
        "headline_results": {"measure": [measure] * size, **keys, "status": status, "day": ends},
    }
    types = {"age": pa.int64(), "ndi": pa.int64(), "day": pa.int64()}
    for name, columns in tables.items():
        con.register(
            "given",
            pa.table({column: pa.array(cells, types.get(column, pa.string())) for column, cells in columns.items()}),
        )
        con.execute(f"create table {name} as from given")
    return fit_risk_models(con, MINIMUM)


@cache
def simulated() -> tuple[Factors, NDArray[np.bool_]]:
    """6,000 patients whose log odds are -1.5 + 0.4 per 10 years + 0.8 if smoking + 0.2 per 10 points of NDI."""
    rng = np.random.default_rng(20)
    size = 6000
    factors = {
        "age": 5 * rng.integers(6, 18, size),
        "age_known": np.full(size, "recorded"),
        "ndi": 10 * rng.integers(0, 9, size),
        "ndi_known": np.full(size, "recorded"),
        "smoking": rng.choice(["current", "former", "never"], size, p=[0.3, 0.2, 0.5]),
        "sex": rng.choice(["female", "male"], size),
    }
    logit = (
        -1.5
        + 0.4 * (factors["age"] - 55) / 10
        + 0.2 * (factors["ndi"] - 40) / 10
        + 0.8 * (factors["smoking"] == "current")
    )
    return factors, rng.random(size) < expit(logit)


@cache
def fitted() -> RiskTables:
    return fit(*simulated())


def terms(tables: RiskTables, measure: str = OUTCOME) -> dict[tuple[str, str], Row]:
    rows = tables.models.to_pylist()
    return {(row["term"], row["level"]): row for row in rows if row["measure"] == measure}


def model(tables: RiskTables, measure: str = OUTCOME) -> Row:
    return terms(tables, measure)["intercept", "all"]


def test_known_coefficients_come_back() -> None:
    found = terms(fitted())
    known = {
        ("intercept", "all"): -1.5,
        ("age", "per 10 years"): 0.4,
        ("age_past_65", "further per 10 years past 65"): 0,
        ("ndi", "per 10 points"): 0.2,
        ("smoking", "current"): 0.8,
        ("smoking", "former"): 0,
    }
    for term, coefficient in known.items():
        assert abs(found[term]["coefficient"] - coefficient) < 3 * found[term]["std_error"], term
        assert found[term]["std_error"] < 0.15
    assert found["smoking", "never"]["role"] == "reference", "the most frequent level"
    assert (model(fitted())["model_kind"], model(fitted())["reason"]) == ("full", None)


def test_an_odds_ratio_has_its_interval() -> None:
    row = terms(fitted())["smoking", "former"]
    assert row["ratio"] == pytest.approx(np.exp(row["coefficient"]))
    assert row["ratio_high"] == pytest.approx(np.exp(row["coefficient"] + 1.959964 * row["std_error"]))
    assert model(fitted())["ratio"] is None


def test_the_coefficients_are_those_of_statsmodels_on_patients() -> None:
    factors, has_outcome = simulated()
    found = {term: row for term, row in terms(fitted()).items() if row["role"] == "estimated"}
    result = GLM(has_outcome.astype(float), _design(list(found), factors), family=Binomial()).fit(tol=1e-12)
    assert [row["coefficient"] for row in found.values()] == pytest.approx(result.params.tolist(), abs=1e-7)
    assert [row["std_error"] for row in found.values()] == pytest.approx(result.bse.tolist(), abs=1e-7)


def test_the_published_coefficients_give_the_published_risks() -> None:
    factors, _ = simulated()
    found = {term: row for term, row in terms(fitted()).items() if row["role"] == "estimated"}
    risks = expit(_design(list(found), factors) @ [row["coefficient"] for row in found.values()])
    expected = {row["patient_id"]: row["expected"] for row in fitted().expected.to_pylist()}
    assert [expected[f"p{n}"] for n in range(len(risks))] == pytest.approx(risks.tolist(), abs=1e-9)


def test_as_many_are_expected_as_were_observed() -> None:
    expected = fitted().expected
    observed = expected["observed"].to_numpy().sum()
    assert expected["expected"].to_numpy().sum() == pytest.approx(observed, rel=1e-7)
    assert observed == model(fitted())["events"]


def test_cross_validation_is_that_of_models_fitted_anew() -> None:
    factors, has_outcome = simulated()
    names = [term for term, row in terms(fitted()).items() if row["role"] == "estimated"]
    design = _design(names, factors)
    keys = [hashlib.sha256(f"s/p{n}".encode()).hexdigest() for n in range(len(design))]
    fold = np.array([int(key[0], 16) % 8 for key in keys])
    risks = np.empty(len(fold))
    pairs = concordant = 0.0
    for each in range(8):
        of_fold = fold == each
        result = GLM(has_outcome[~of_fold].astype(float), design[~of_fold], family=Binomial()).fit()
        risks[of_fold] = result.predict(design[of_fold])
        yes = has_outcome[of_fold]
        concordant += rankdata(risks[of_fold])[yes].sum() - yes.sum() * (yes.sum() + 1) / 2
        pairs += yes.sum() * (~yes).sum()
    logit = np.log(risks / (1 - risks))
    slope = GLM(has_outcome.astype(float), np.column_stack([np.ones(len(logit)), logit]), family=Binomial()).fit()
    row = model(fitted())
    assert row["c_statistic"] == pytest.approx(concordant / pairs, abs=1e-4)
    assert row["brier"] == pytest.approx(np.mean((risks - has_outcome) ** 2), abs=1e-5)
    assert row["calibration_slope"] == pytest.approx(slope.params[1], abs=1e-3)
    assert abs(row["calibration_intercept"]) < 0.01


def test_a_model_of_noise_is_given_up() -> None:
    rng = np.random.default_rng(7)
    factors = {"smoking": rng.choice(["current", "former", "never"], 400), "sex": rng.choice(["f", "m"], 400)}
    row = model(fit(factors, rng.random(400) < 0.4))
    assert (row["model_kind"], row["reason"]) == ("intercept", "no_better_than_chance")
    assert row["c_statistic"] == 0.5


def test_calibration_by_tenths_adds_up() -> None:
    rows = [row for row in fitted().calibration.to_pylist() if row["measure"] == OUTCOME]
    assert [(row["first_tenth"], row["last_tenth"]) for row in rows] == [(n, n) for n in range(1, 11)]
    assert sum(row["patients"] for row in rows) == 6000
    assert sum(row["observed"] for row in rows) == model(fitted())["events"]
    shares = [row["expected_share"] for row in rows]
    assert shares == sorted(shares)
    inside = [row["observed_share_low"] < row["expected_share"] < row["observed_share_high"] for row in rows]
    assert sum(inside) >= 8


def test_the_order_of_rows_changes_nothing() -> None:
    again = fit(*simulated(), order=np.random.default_rng(9).permutation(6000))
    for name in ("models", "calibration", "expected"):
        assert getattr(again, name).equals(getattr(fitted(), name)), name


@cache
def followed() -> tuple[Factors, NDArray[np.bool_], NDArray[np.int64]]:
    """6,000 patients, smokers with twice the events of others, of whom many are lost before day 730."""
    rng = np.random.default_rng(30)
    smoking = rng.choice(["current", "never"], 6000, p=[0.3, 0.7])
    event = rng.exponential(np.where(smoking == "current", 4000, 8000)).astype(np.int64) + 1
    end = np.minimum(rng.integers(0, 1500, 6000), 730)
    return {"smoking": smoking}, event <= end, np.minimum(event, end)


@cache
def fitted_over_time() -> RiskTables:
    return fit(*followed(), measure="revision_2_years")


def test_twice_the_rate_comes_back_from_patients_of_whom_many_are_lost() -> None:
    row = terms(fitted_over_time(), "revision_2_years")["smoking", "current"]
    assert row["family"] == "poisson"
    assert row["ratio_low"] < 2 < row["ratio_high"]
    assert row["std_error"] < 0.1


def test_events_over_time_have_the_coefficients_of_statsmodels_on_patients() -> None:
    factors, has_event, day = followed()
    hazard = _cumulative_hazard(has_event, day)[day]
    some = hazard > 0
    design = np.column_stack([np.ones(len(day)), factors["smoking"] == "current"])
    result = GLM(has_event[some].astype(float), design[some], family=Poisson(), exposure=hazard[some]).fit(tol=1e-12)
    found = terms(fitted_over_time(), "revision_2_years")
    for (term, level), coefficient, error in zip(
        (("intercept", "all"), ("smoking", "current")), result.params, result.bse, strict=True
    ):
        assert found[term, level]["coefficient"] == pytest.approx(coefficient, abs=1e-7)
        assert found[term, level]["std_error"] == pytest.approx(error, abs=1e-7)


def test_what_is_expected_over_time_is_that_of_the_time_at_risk() -> None:
    factors, has_event, day = followed()
    found = {term: row["coefficient"] for term, row in terms(fitted_over_time(), "revision_2_years").items()}
    rate = np.exp(found["intercept", "all"] + found["smoking", "current"] * (factors["smoking"] == "current"))
    by_hand = _cumulative_hazard(has_event, day)[day] * rate
    rows = fitted_over_time().expected.to_pylist()
    expected = {row["patient_id"]: row["expected"] for row in rows}
    assert [expected[f"p{n}"] for n in range(len(day))] == pytest.approx(by_hand.tolist(), abs=1e-8)
    assert sum(expected.values()) == pytest.approx(has_event.sum(), rel=1e-7)
    assert sum(row["observed"] for row in rows) == has_event.sum()


def test_how_well_events_over_time_are_predicted() -> None:
    factors, has_event, day = followed()
    row = model(fitted_over_time(), "revision_2_years")
    hazard = _cumulative_hazard(has_event, day)[day]
    is_smoker = factors["smoking"] == "current"
    # Of an event and of time at risk: how often the event is a smoker's and the time another's, ties counting half.
    events, time = is_smoker[has_event].mean(), hazard[is_smoker].sum() / hazard.sum()
    assert row["c_statistic"] == pytest.approx(0.5 + (events - time) / 2, abs=0.005)
    assert row["brier"] is None
    assert abs(row["calibration_intercept"]) < 0.01
    assert row["calibration_slope"] == pytest.approx(1, abs=0.1)
    tenths = [row for row in fitted_over_time().calibration.to_pylist() if row["measure"] == "revision_2_years"]
    assert sum(row["patients"] for row in tenths) == 6000
    assert sum(row["observed"] for row in tenths) == has_event.sum()
    assert sum(row["expected"] for row in tenths) == pytest.approx(has_event.sum(), rel=0.01)


def _cumulative_hazard(has_event: NDArray[np.bool_], day: NDArray[np.int64]) -> NDArray[np.float64]:
    """By day, from those at risk on each."""
    steps = [has_event[day == today].sum() / max((day >= today).sum(), 1) for today in range(int(day.max()) + 1)]
    return np.cumsum(steps)


def test_a_rare_level_has_no_coefficient() -> None:
    rng = np.random.default_rng(5)
    levels = np.array(["anterior"] * 500 + ["posterior"] * 300 + ["combined"] * 40)
    has_outcome = np.concatenate([rng.random(500) < 0.3, rng.random(300) < 0.6, np.arange(40) < 10])
    found = terms(fit({"approach": levels}, has_outcome))
    states = {level: row["role"] for (term, level), row in found.items() if term == "approach"}
    assert states == {"anterior": "reference", "posterior": "estimated", "combined": "merged"}
    assert found["approach", "combined"]["coefficient"] is None


def test_a_level_that_settles_the_outcome_has_no_coefficient() -> None:
    has_outcome = np.concatenate([np.arange(400) < 120, np.ones(60, dtype=bool)])
    found = terms(fit({"sex": np.repeat(["female", "male"], [400, 60])}, has_outcome))
    assert found["intercept", "all"]["model_kind"] == "intercept"
    assert found["intercept", "all"]["reason"] == "no_usable_factor"


def test_factors_that_together_settle_the_outcome_leave_a_smaller_model() -> None:
    rng = np.random.default_rng(1)
    risky = rng.random((3, 900)) < 0.5
    factors = {
        name: np.where(is_risky, "yes", "no")
        for name, is_risky in zip(("diabetes", "prior_surgery", "workers_compensation"), risky, strict=True)
    }
    has_outcome = risky.sum(axis=0) >= 2
    factors["sex"] = np.where(rng.random(900) < np.where(has_outcome, 0.8, 0.2), "female", "male")
    row = model(fit(factors, has_outcome))
    assert (row["model_kind"], row["reason"]) == ("core", "not_converged")


@pytest.mark.parametrize(("events", "kind"), [(59, "core"), (60, "full"), (9, "intercept"), (0, "intercept")])
def test_few_events_bear_a_small_model(events: int, kind: str) -> None:
    # Six factors of two levels, of which three belong to the core model.
    factors, has_outcome = _halves(events)
    row = model(fit(factors, has_outcome))
    assert row["model_kind"] == kind
    assert row["reason"] == (None if kind == "full" else "too_few_events")


def test_without_factors_everyone_has_the_same_risk() -> None:
    tables = fit({}, np.arange(1000) < 200)
    row = model(tables)
    assert (row["model_kind"], row["reason"]) == ("intercept", "no_usable_factor")
    assert set(tables.expected["expected"].to_pylist()) == {0.2}
    assert (row["c_statistic"], row["brier"], row["calibration_slope"]) == (0.5, 0.16, None)
    assert [row for row in tables.calibration.to_pylist() if row["measure"] == OUTCOME] == [
        {
            "measure": OUTCOME, "first_tenth": 1, "last_tenth": 10, "patients": 1000, "observed": 200, "expected": 200,
            "observed_share": 0.2, "expected_share": 0.2,
            "observed_share_low": pytest.approx(0.1764, abs=1e-4),
            "observed_share_high": pytest.approx(0.2259, abs=1e-4),
        }
    ]  # fmt: skip


@pytest.mark.parametrize(("events", "risk"), [(0, 0), (50, 1)])
def test_where_all_have_the_same_answer_so_is_the_risk(events: int, risk: float) -> None:
    tables = fit({}, np.arange(50) < events)
    assert set(tables.expected["expected"].to_pylist()) == {risk}
    assert (model(tables)["coefficient"], model(tables)["c_statistic"]) == (None, None)


def test_of_time_without_any_event_none_is_expected() -> None:
    tables = fit({}, np.zeros(50, dtype=bool), np.arange(1, 51), measure="revision_2_years")
    assert set(tables.expected["expected"].to_pylist()) == {0}
    assert model(tables, "revision_2_years")["coefficient"] is None


def test_factors_missing_together_are_collinear_with_the_first() -> None:
    rng = np.random.default_rng(4)
    missing = rng.random(2000) < 0.2
    factors = {
        "diabetes": np.where(missing, "unknown", "no"),
        "smoking": np.where(missing, "unknown", "never"),
    }
    found = terms(fit(factors, rng.random(2000) < np.where(missing, 0.5, 0.2)))
    states = sorted(found[factor, "unknown"]["role"] for factor in factors)
    assert states == ["collinear", "estimated"]
    assert found["intercept", "all"]["model_kind"] == "full"


def test_an_index_known_of_few_has_no_slope() -> None:
    rng = np.random.default_rng(6)
    known = np.arange(600) < 12
    factors = {
        "ndi_known": np.where(known, "recorded", "missing"),
        "ndi": np.where(known, 10 * np.arange(600) % 70, 40),
    }
    has_outcome = rng.random(600) < 0.4
    factors["sex"] = np.where(rng.random(600) < np.where(has_outcome, 0.8, 0.2), "female", "male")
    found = terms(fit(factors, has_outcome))
    assert found["ndi", "per 10 points"]["role"] == "merged"
    assert found["ndi_known", "recorded"]["role"] == "merged"


def test_an_outcome_without_patients_has_a_row_and_no_figures() -> None:
    row = model(fitted(), "revision_2_years")
    assert (row["patients"], row["events"], row["model_kind"], row["coefficient"]) == (0, 0, "intercept", None)
    assert set(fitted().models["measure"].to_pylist()) == set(headline_measures())


@pytest.mark.parametrize(
    ("mart", "table"),
    [
        ("risk_models", lambda: fitted().models),
        ("risk_calibration", lambda: fitted().calibration),
        ("expected_outcomes", lambda: fitted().expected),
    ],
)
def test_a_mart_has_the_columns_of_its_file_in_its_order(mart: str, table: Callable[[], pa.Table]) -> None:
    declared = marts.exact(mart)
    con = duckdb.connect()
    con.register(mart, table())
    rows = con.sql(declared.select)
    assert rows.columns == marts.names(declared)
    keys = [tuple(row[name] for name in declared.key) for row in rows.to_arrow_table().to_pylist()]
    assert keys == sorted(set(keys))


def test_a_shown_model_lists_only_levels_with_enough_patients() -> None:
    shown = protected_models(fitted().models, _shown("shown"))
    _has_the_columns_of_its_file(shown, "risk_models")
    rows = [row for row in shown.to_pylist() if row["measure"] == OUTCOME]
    assert {row["role"] for row in rows} == {"estimated", "reference"}
    assert {(row["patients"], row["events"]) for row in rows} == {(6000, 1500)}
    assert all(row["ratio"] is None or row["ratio"] == round(row["ratio"], 2) for row in rows)


def test_of_a_hidden_measure_the_model_is_hidden() -> None:
    rows = protected_models(fitted().models, _shown("suppressed")).to_pylist()
    (row,) = [row for row in rows if row["measure"] == OUTCOME]
    assert row["state"] == "suppressed"
    hidden_of_row = ("patients", "events", "c_statistic", "brier", "ratio", "model_kind", "reason")
    assert {row[name] for name in hidden_of_row} == {None}
    hidden = protected_calibration(fitted().calibration, _shown("suppressed"), MINIMUM).to_pylist()
    assert [(row["first_tenth"], row["last_tenth"], row["patients"]) for row in hidden] == [(1, 10, None)]


def test_neighbouring_tenths_are_shown_together_until_there_are_enough() -> None:
    observed = np.array([0, 4, 8, 12, 10, 12, 30, 40, 95, 92])
    calibration = _calibration(observed, np.full(10, 100))
    shown = protected_calibration(calibration, _shown("shown"), MINIMUM)
    _has_the_columns_of_its_file(shown, "risk_calibration")
    rows = shown.to_pylist()
    assert [(row["first_tenth"], row["last_tenth"]) for row in rows] == [
        (1, 3), (4, 4), (5, 6), (7, 7), (8, 8), (9, 10)
    ]  # fmt: skip
    assert [row["observed"] for row in rows] == [15, 15, 20, 30, 40, 185]
    assert [row["patients"] for row in rows] == [305, 105, 200, 100, 100, 200]
    assert rows[0]["expected_share"] == pytest.approx(0.1, abs=1e-3)


def test_an_outcome_that_nobody_has_is_one_group() -> None:
    shown = protected_calibration(_calibration(np.zeros(2, int), np.full(2, 30)), _shown("zero"), MINIMUM)
    (row,) = shown.to_pylist()
    assert (row["patients"], row["observed"], row["state"]) == (60, 0, "shown")


def _design(names: list[tuple[str, str]], factors: Factors) -> NDArray[np.float64]:
    size = len(factors["age"])
    slopes = {
        "intercept": np.ones(size),
        "age": (factors["age"] - 55) / 10,
        "age_past_65": np.maximum(factors["age"] - 65, 0) / 10,
        "ndi": (factors["ndi"] - 40) / 10,
    }
    return np.column_stack(
        [slopes[term] if term in slopes else (factors[term] == level).astype(float) for term, level in names]
    )


def _halves(events: int) -> tuple[Factors, NDArray[np.bool_]]:
    """1,024 patients, six of whose factors halve them, and so many events, most of them in one half of the sexes."""
    number = np.arange(1024)
    names = ("sex", "asa_class", "levels", "diabetes", "prior_surgery", "workers_compensation")
    factors = {name: np.where(number >> bit & 1, "b", "a") for bit, name in enumerate(names)}
    order = np.random.default_rng(0).random(1024) + 0.02 * (factors["sex"] == "b")
    return factors, rankdata(-order) <= events


def _calibration(observed: NDArray[np.int64], patients: NDArray[np.int64]) -> pa.Table:
    tenths = np.arange(1, len(observed) + 1)
    share = np.full(len(observed), 0.1)
    return pa.table(
        {
            "measure": [OUTCOME] * len(observed), "first_tenth": tenths, "last_tenth": tenths, "patients": patients,
            "observed": observed, "expected": patients * 0.1, "observed_share": share, "observed_share_low": share,
            "observed_share_high": share, "expected_share": share,
        }
    )  # fmt: skip


def _shown(state: str) -> pa.Table:
    row = {"measure": OUTCOME, "site_id": None, "resolution": "all", "stratum_kind": "all", "state": state}
    patients, numerator = {"shown": (6000, 1500), "zero": (60, 0), "suppressed": (None, None)}[state]
    return marts.table(marts.protected("measures"), [row | {"patients": patients, "numerator": numerator}])


def _has_the_columns_of_its_file(table: pa.Table, mart: str) -> None:
    assert {*marts.names(marts.protected(mart))} == {*table.column_names}
