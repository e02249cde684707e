"""CUSUM and VLAD against figures worked out by hand, a plain loop and the exact run length of a Markov chain."""

from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from outcomes.arrays import Floats
from outcomes.measures.cusum import cusum_table
from outcomes.statistics.cusum import Draws, cusum, threshold, weights
from tests.support import marts
from tests.support.examples import examples

FEW_DRAWS = Draws.seeded(1, 20_000)

Row = dict[str, Any]


def test_steiners_weights_by_hand() -> None:
    # p = 0.1: ln 2/1.1 and ln 1/1.1 for doubled odds, ln 0.5/0.95 and ln 1/0.95 for halved ones
    expected, observed = np.array([0.1, 0.1]), np.array([True, False])
    assert weights(expected, observed, 2) == pytest.approx([0.597837, -0.0953102], abs=1e-6)
    assert weights(expected, observed, 0.5) == pytest.approx([-0.641854, 0.0512933], abs=1e-6)


def test_a_weight_is_that_of_the_formula() -> None:
    for risk in (0.003, 0.3, 0.97):
        for outcome in (0, 1):
            for ratio in (2, 0.5):
                by_formula = np.log(ratio**outcome / (1 - risk + ratio * risk))
                assert weights(np.array([risk]), np.array([outcome == 1]), ratio)[0] == pytest.approx(by_formula)


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


def exact_run_length(risks: Floats, odds_ratio: float, height: float, states: int = 800) -> float:
    """The in-control average run length by a Markov chain on a fine grid (Brook and Evans 1972, Biometrika 59:539)."""
    width = height / states
    moves = np.zeros((states, states))
    for risk in risks:
        for outcome, chance in ((True, risk), (False, 1 - risk)):
            step = weights(np.array([risk]), np.array([outcome]), odds_ratio)[0]
            reached = np.maximum(np.arange(states) + step / width, 0)
            for state, share in ((np.floor(reached), 1 - reached % 1), (np.floor(reached) + 1, reached % 1)):
                inside = np.flatnonzero(state < states)
                np.add.at(moves, (inside, state[inside].astype(int)), share[inside] * chance / len(risks))
    return float(np.linalg.solve(np.eye(states) - moves, np.ones(states))[0])


@pytest.mark.parametrize("odds_ratio", [2, 0.5])
@pytest.mark.parametrize("risks", [[0.05, 0.1, 0.3], [0.02] * 10 + [0.5], [0.2]])
def test_the_threshold_gives_the_run_length_asked_for(risks: list[float], odds_ratio: float) -> None:
    height = threshold(np.array(risks), odds_ratio, Draws.seeded(), 1000)
    assert 0.85 < exact_run_length(np.array(risks), odds_ratio, height) / 1000 < 1.15


def test_a_longer_run_needs_a_higher_threshold() -> None:
    heights = [threshold(np.array([0.05, 0.2]), 2, Draws.seeded(), run) for run in (200, 1000, 5000)]
    assert heights == sorted(set(heights))


def test_thresholds_are_the_same_each_time() -> None:
    risks = np.linspace(0.01, 0.4, 50)
    assert threshold(risks, 2, Draws.seeded()) == threshold(risks, 2, Draws.seeded())
    assert threshold(risks, 2, Draws.seeded()) != threshold(risks, 2, Draws.seeded(7))


@pytest.mark.parametrize("risk", [1e-9, 0, 1])
def test_a_risk_without_uncertainty_has_a_threshold(risk: float) -> None:
    assert threshold(np.array([risk]), 2, FEW_DRAWS) > 0


@pytest.mark.parametrize("odds_ratio", [2, 0.5])
def test_as_expected_signals_seldom_and_doubled_odds_soon(odds_ratio: float) -> None:
    rng = np.random.default_rng(3)
    charts = np.repeat(np.arange(20), 30_000)
    risks = rng.uniform(0.05, 0.3, len(charts))
    height = threshold(risks, odds_ratio, Draws.seeded(), 1000)
    odds = odds_ratio * risks / (1 - risks)
    as_expected, changed = (
        int(
            (
                cusum(weights(risks, rng.random(len(charts)) < truth, odds_ratio), charts, np.full(20, height))
                >= height
            ).sum()
        )
        for truth in (risks, odds / (1 + odds))
    )
    assert 500 < as_expected < 720, "600 at 1 in 1000"
    assert changed > 10 * as_expected


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
    rows = cusum_table(outcomes(PATIENTS), 100, FEW_DRAWS).to_pylist()
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
    first, second = np.log(2 / 1.3), np.log(2 / 1.2)
    assert [row["cusum_upper"] for row in rows] == pytest.approx([0, 0, first, first + second])
    assert [row["signal"] for row in rows] == [None] * 4


def bad_run(site: str, patients: int, observed: int) -> list[tuple[str, str, str, str, float, int]]:
    return [("pain", site, f"2021-{n // 50 + 1:02d}", f"p{n:04d}", 0.1, observed) for n in range(patients)]


def test_a_signal_is_marked_and_the_chart_starts_anew() -> None:
    rows = cusum_table(outcomes(bad_run("south", 100, 1) + bad_run("north", 100, 0)), 500, FEW_DRAWS).to_pylist()
    assert [(row["site_id"], row["signal"]) for row in rows] == [
        ("north", "lower"),
        ("north", "lower"),
        ("south", "upper"),
        ("south", "upper"),
    ]
    for row in rows:
        assert (row["cusum_upper"] >= row["threshold_upper"]) == (row["site_id"] == "south")
        assert row["cusum_upper"] < row["threshold_upper"] + np.log(2)
    assert rows[-1]["vlad"] == pytest.approx(-90)


def test_no_outcomes_make_an_empty_table() -> None:
    table = cusum_table(outcomes([]), 100, FEW_DRAWS)
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
    table = cusum_table(outcomes(rows), 100, FEW_DRAWS)
    assert sum(table["patients"].to_pylist()) == len(rows)
    assert sum(table["observed"].to_pylist()) == sum(row[-1] for row in rows)
    last = {(row["measure"], row["site_id"]): row["vlad"] for row in table.to_pylist()}
    assert sum(last.values()) == pytest.approx(sum(row[-2] - row[-1] for row in rows))
    assert all(row["cusum_upper"] >= 0 and row["cusum_lower"] >= 0 for row in table.to_pylist())
    random.shuffle(rows)
    assert cusum_table(outcomes(rows), 100, FEW_DRAWS).equals(table)


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
    together = cusum_table(outcomes(rows), 100, FEW_DRAWS).to_pylist()
    assert [row for row in together if row["site_id"] == "south"] == of_south(cusum_table(alone, 100, FEW_DRAWS))


def test_the_mart_describes_the_table() -> None:
    declared = marts.exact("cusum")
    table = cusum_table(outcomes(PATIENTS), 100, FEW_DRAWS)
    with duckdb.connect() as con:
        con.register("cusum_points", table)
        mart = con.sql(declared.select).to_arrow_table()
    assert mart.column_names == marts.names(declared) == table.column_names
    assert mart.to_pylist() == table.sort_by([(name, "ascending") for name in declared.key]).to_pylist()
