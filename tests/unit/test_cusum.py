"""CUSUM and VLAD against figures worked out by hand, a plain loop and the exact run length of a Markov chain."""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, poisson

from outcomes.arrays import Floats
from outcomes.measures.cusum import cusum_table
from outcomes.statistics.cusum import IN_CONTROL_YEARS, RATIOS, Periods, cusum, losses, threshold
from tests.support import marts
from tests.support.examples import examples

FEW_YEARS = 200

Row = dict[str, Any]


def test_steiners_weights_by_hand() -> None:
    # p = 0.1: ln 2/1.1 and ln 1/1.1 for doubled odds, ln 0.5/0.95 and ln 1/0.95 for halved ones
    assert weight(0.1, 1, 2) == pytest.approx(0.597837, abs=1e-6)
    assert weight(0.1, 0, 2) == pytest.approx(-0.0953102, abs=1e-6)
    assert weight(0.1, 1, 0.5) == pytest.approx(-0.641854, abs=1e-6)
    assert weight(0.1, 0, 0.5) == pytest.approx(0.0512933, abs=1e-6)


def test_a_weight_is_that_of_the_formula() -> None:
    for risk in (0.003, 0.3, 0.97):
        for outcome in (0, 1):
            for ratio in (2, 0.5):
                by_formula = np.log(ratio**outcome / (1 - risk + ratio * risk))
                assert weight(risk, outcome, ratio) == pytest.approx(by_formula)


def test_a_weight_over_time_is_the_likelihood_ratio_of_a_poisson_count() -> None:
    for hazard in (0.001, 0.2, 3.0):
        for outcome in (0, 1):
            for ratio in (2, 0.5):
                by_likelihood = poisson.logpmf(outcome, ratio * hazard) - poisson.logpmf(outcome, hazard)
                assert weight(hazard, outcome, ratio, over_time=True) == pytest.approx(by_likelihood)


def weight(expected: float, observed: int, ratio: float, over_time: bool = False) -> float:
    (lost,) = losses(np.array([expected]), ratio, np.array([over_time]))
    return float(observed * np.log(ratio) - lost)


def test_a_path_by_hand() -> None:
    steps = np.array([-1.0, 0.5, 0.5, -0.25, 0.75, -0.25, 1.0])
    path = cusum(steps, np.zeros(7, dtype=int), np.array([1.5]))
    assert path.tolist() == [0, 0.5, 1.0, 0.75, 1.5, 0, 1.0], "at 1.5 it signals and starts anew"


def test_no_patients() -> None:
    assert cusum(np.zeros(0), np.zeros(0, dtype=int), np.zeros(0)).tolist() == []


STEPS = st.lists(st.tuples(st.integers(0, 3), st.floats(-1, 1)), max_size=60)


@given(STEPS, st.lists(st.floats(0.1, 2), min_size=4, max_size=4))
def test_charts_side_by_side_are_those_one_by_one(given_steps: list[tuple[int, float]], limits: list[float]) -> None:
    charts = np.array([chart for chart, _ in given_steps], dtype=np.int64)
    steps = np.array([step for _, step in given_steps], dtype=float)
    value, alone = [0.0] * 4, []
    for chart, step in given_steps:
        now = max(0.0, value[chart] + step)
        alone.append(now)
        value[chart] = 0.0 if now >= limits[chart] else now
    assert cusum(steps, charts, np.array(limits)).tolist() == alone


def exact_run_length(periods: Periods, ratio: float, over_time: bool, height: float, states: int = 800) -> float:
    """The in-control average run length by a Markov chain on a fine grid (Brook and Evans 1972, Biometrika 59:539)."""
    width = height / states
    moves = np.zeros((states, states))
    for patients, expected, lost in zip(*periods, strict=True):
        counts = np.arange(patients + 30)
        law = poisson(expected) if over_time else binom(patients, expected / patients)
        for observed, chance in zip(counts, law.pmf(counts), strict=True):
            reached = np.maximum(np.arange(states) + (observed * np.log(ratio) - lost) / width, 0)
            for state, share in ((np.floor(reached), 1 - reached % 1), (np.floor(reached) + 1, reached % 1)):
                inside = np.flatnonzero(state < states)
                np.add.at(moves, (inside, state[inside].astype(int)), share[inside] * chance / len(periods.patients))
    return float(np.linalg.solve(np.eye(states) - moves, np.ones(states))[0])


def periods_of(patients: list[int], risk: float, ratio: float, over_time: bool) -> Periods:
    sizes = np.array(patients)
    lost = sizes * losses(np.array([risk]), ratio, np.array([over_time]))
    return Periods(sizes, sizes * risk, lost)


@pytest.mark.parametrize("ratio", [2, 0.5])
@pytest.mark.parametrize("over_time", [False, True])
@pytest.mark.parametrize(("patients", "risk"), [([3, 8, 12], 0.1), ([40], 0.03), ([5, 5, 30], 0.3)])
def test_the_threshold_gives_the_years_asked_for(
    patients: list[int], risk: float, over_time: bool, ratio: float
) -> None:
    periods = periods_of(patients, risk, ratio, over_time)
    height, run = threshold(periods, ratio, over_time, 12)
    exact = exact_run_length(periods, ratio, over_time, height)
    assert run >= IN_CONTROL_YEARS * 12
    assert run == pytest.approx(exact, rel=0.15)


def test_thresholds_are_the_same_each_time_and_higher_for_more_patients() -> None:
    few, many = (periods_of([size], 0.1, 2, over_time=False) for size in (5, 50))
    assert threshold(few, 2, False, 12) == threshold(few, 2, False, 12)
    assert threshold(few, 2, False, 12).height < threshold(many, 2, False, 12).height


@pytest.mark.parametrize("risk", [1e-9, 0, 1])
def test_a_risk_without_uncertainty_has_a_threshold(risk: float) -> None:
    assert threshold(periods_of([1, 4], risk, 2, over_time=False), 2, False, 12, FEW_YEARS).height > 0


@pytest.mark.parametrize("ratio", [2, 0.5])
@pytest.mark.parametrize("over_time", [False, True])
def test_as_expected_signals_seldom_and_a_change_soon(ratio: float, over_time: bool) -> None:
    rng = np.random.default_rng(3)
    charts = np.repeat(np.arange(50), 1200)
    patients = rng.integers(4, 13, len(charts))
    lost: Floats = patients * losses(np.array([0.1]), ratio, np.array([over_time]))
    expected: Floats = np.multiply(patients, 0.1, dtype=np.float64)
    height, _ = threshold(Periods(patients, expected, lost), ratio, over_time, 12)
    signals = []
    for risk in (0.1, 0.1 * ratio):
        observed = rng.poisson(patients * risk) if over_time else rng.binomial(patients, risk)
        path = cusum(observed * np.log(ratio) - lost, charts, np.full(50, height))
        signals.append(int((path >= height).sum()))
    assert 140 < signals[0] < 260, "200 in 5,000 years at one in 25"
    assert signals[1] > 10 * signals[0]


def test_a_site_that_loses_its_patients_signals_no_more_than_others() -> None:
    rng = np.random.default_rng(11)
    signals = []
    for latest in (730, 365):
        # 200 charts of 108 months with 8 patients each, 10 % of whom have the event by day 730, while observed.
        event = rng.exponential(730 / -np.log(0.9), (200 * 108, 8))
        end = np.minimum(rng.uniform(0, 2 * latest, event.shape), 730)
        hazard: Floats = np.minimum(event, end) / 730 * -np.log(0.9)
        for ratio in RATIOS.values():
            lost: Floats = losses(hazard.ravel(), ratio, np.ones(hazard.size, dtype=bool)).reshape(-1, 8).sum(axis=1)
            periods = Periods(np.full(len(hazard), 8), np.asarray(hazard.sum(axis=1)), lost)
            height, _ = threshold(periods, ratio, True, 12, 2000)
            observed = (event <= end).sum(axis=1)
            path = cusum(observed * np.log(ratio) - lost, np.repeat(np.arange(200), 108), np.full(200, height))
            signals.append(int((path >= height).sum()))
    # 200 charts of 9 years, one false signal in 25 years and side.
    assert all(45 < found < 100 for found in signals), signals


def outcomes(rows: list[tuple[str, str, str, str, float, int]]) -> pa.Table:
    names = ("measure", "site_id", "index_period", "patient_id", "expected", "observed")
    schema = pa.schema(zip(names, (*[pa.string()] * 4, pa.float64(), pa.int64()), strict=True))
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows], schema=schema)


PATIENTS = [
    ("pain", "south", "2021-02", "p1", 0.2, 1),
    ("pain", "south", "2021-01", "p2", 0.1, 0),
    ("pain", "south", "2021-01", "p3", 0.3, 1),
    ("pain", "north", "2021-01", "p1", 0.5, 0),
    ("asd", "south", "2021-01", "p1", 0.2, 0),
]


def test_a_table_by_hand() -> None:
    rows = cusum_table(outcomes(PATIENTS), FEW_YEARS).to_pylist()
    assert [
        (row["measure"], row["site_id"], row["index_period"], row["patients"], row["observed"]) for row in rows
    ] == [
        ("asd", "south", "2021-01", 1, 0),
        ("pain", "north", "2021-01", 1, 0),
        ("pain", "south", "2021-01", 2, 1),
        ("pain", "south", "2021-02", 1, 1),
    ]
    assert [row["expected"] for row in rows] == pytest.approx([0.2, 0.5, 0.4, 0.2])
    assert [row["vlad"] for row in rows] == pytest.approx([0.2, 0.5, -0.6, -1.4])
    first, second = np.log(2 / 1.3 / 1.1), np.log(2 / 1.2)
    assert [row["cusum_upper"] for row in rows] == pytest.approx([0, 0, first, first + second])
    assert [row["signal"] for row in rows] == [None] * 4


def bad_run(site: str, patients: int, observed: int) -> list[tuple[str, str, str, str, float, int]]:
    return [("pain", site, f"2021-{n // 50 + 1:02d}", f"p{n:04d}", 0.1, observed) for n in range(patients)]


def test_a_signal_is_marked_and_the_chart_starts_anew() -> None:
    rows = cusum_table(outcomes(bad_run("south", 200, 1) + bad_run("north", 200, 0)), FEW_YEARS).to_pylist()
    north, south = rows[:4], rows[4:]
    assert {row["signal"] for row in north} == {None, "lower"}
    assert {row["signal"] for row in south} == {"upper"}
    for row in south:
        assert row["cusum_upper"] == pytest.approx(50 * np.log(2 / 1.1)), "each month anew"
    assert south[-1]["vlad"] == pytest.approx(-180)


def test_no_outcomes_make_an_empty_table() -> None:
    table = cusum_table(outcomes([]), FEW_YEARS)
    assert table.num_rows == 0
    assert "signal" in table.column_names


SITES = st.lists(
    st.tuples(
        st.sampled_from(["asd", "pain"]),
        st.sampled_from(["east", "north", "south"]),
        st.sampled_from(["2020", "2020-01", "2020-02", "2021-07"]),
        st.uuids().map(str),
        st.floats(0.01, 0.9),
        st.integers(0, 1),
    ),
    min_size=1,
    max_size=40,
)


@given(SITES, st.randoms(use_true_random=False))
@settings(max_examples=examples(40), deadline=None)
def test_the_table_holds_each_patient_once_whatever_their_order(rows: list[Any], random: Any) -> None:
    table = cusum_table(outcomes(rows), FEW_YEARS)
    assert sum(table["patients"].to_pylist()) == len(rows)
    assert sum(table["observed"].to_pylist()) == sum(row[-1] for row in rows)
    last = {(row["measure"], row["site_id"]): row["vlad"] for row in table.to_pylist()}
    assert sum(last.values()) == pytest.approx(sum(row[-2] - row[-1] for row in rows))
    assert all(row["cusum_upper"] >= 0 and row["cusum_lower"] >= 0 for row in table.to_pylist())
    random.shuffle(rows)
    assert cusum_table(outcomes(rows), FEW_YEARS).equals(table)


@given(SITES)
@settings(max_examples=examples(20), deadline=None)
def test_a_site_does_not_depend_on_the_others(rows: list[Any]) -> None:
    def of_south(table: pa.Table) -> list[Row]:
        return [
            {name: value if name != "vlad" else pytest.approx(value) for name, value in row.items()}
            for row in table.to_pylist()
            if row["site_id"] == "south"
        ]

    alone = outcomes([row for row in rows if row[1] == "south"])
    together = cusum_table(outcomes(rows), FEW_YEARS).to_pylist()
    assert [row for row in together if row["site_id"] == "south"] == of_south(cusum_table(alone, FEW_YEARS))


def test_the_mart_describes_the_table() -> None:
    declared = marts.exact("cusum")
    table = cusum_table(outcomes(PATIENTS), FEW_YEARS)
    with duckdb.connect() as con:
        con.register("cusum_points", table)
        mart = con.sql(declared.select).to_arrow_table()
    assert mart.column_names == marts.names(declared) == table.column_names
    assert mart.to_pylist() == table.sort_by([(name, "ascending") for name in declared.key]).to_pylist()
