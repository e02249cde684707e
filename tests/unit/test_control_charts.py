"""Control charts against published figures and figures worked out by hand; each rule on both sides of its edge."""

import math
from collections.abc import Sequence
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from outcomes.measures.control_charts import control_chart_table
from outcomes.site_files import Annotation, Target
from outcomes.statistics.control_charts import (
    ASSURANCES,
    BETTER,
    RULES,
    VARIATIONS,
    Choice,
    Limits,
    Signals,
    assurance,
    between,
    charted,
    choose_chart,
    false_alarm_rate,
    moving_range_limits,
    patients_between,
    share_limits,
    signals,
    variation,
)
from tests.support import marts

# R 4: set.seed(123); rnorm(20), the series of NHSRplotthedots' own tests
NORMAL = [
    -0.56047565, -0.23017749, 1.55870831, 0.07050839, 0.12928774, 1.71506499, 0.46091621, -1.26506123, -0.68685285,
    -0.44566197, 1.22408180, 0.35981383, 0.40077145, 0.11068272, -0.55584113, 1.78691314, 0.49785048, -1.96661716,
    0.70135590, -0.47279141,
]  # fmt: skip
# Montgomery, Introduction to Statistical Quality Control, 6th ed., table 7.1: leaking cans among 50, in 30 samples
CANS = [12, 15, 8, 10, 4, 7, 16, 9, 14, 10, 5, 6, 17, 12, 22, 8, 10, 5, 13, 11, 20, 18, 24, 15, 9, 12, 7, 13, 9, 6]

Row = dict[str, Any]


def one(length: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.zeros(length, dtype=np.int64)


def xmr(values: Sequence[float]) -> tuple[float, float, float]:
    limits = moving_range_limits(np.array(values, dtype=float), one(len(values)))
    return limits.centre[0], limits.lower[0], limits.upper[0]


def found(values: Sequence[float], segment: Sequence[int] = ()) -> Signals:
    """Signals around 0 with limits at -3 and 3 and outer thirds from -2 and 2."""
    lines = (np.full(len(values), line, dtype=float) for line in (0, -3, 3, -2, 2))
    owner = np.array(segment, dtype=np.int64) if segment else one(len(values))
    return signals(np.array(values, dtype=float), Limits(*lines), owner)


def hit(rule: str, values: Sequence[float], segment: Sequence[int] = ()) -> list[int]:
    return [int(row) for row in np.flatnonzero(found(values, segment).hits[:, RULES.index(rule)])]


@pytest.mark.parametrize(
    ("values", "published"),
    [
        (NORMAL, (0.142, -3.01, 3.29)),
        (NORMAL[:10], (0.0746, -2.60, 2.75)),
        (NORMAL[10:], (0.209, -3.28, 3.70)),
    ],
)
def test_xmr_limits_are_those_of_plot_the_dots(values: list[float], published: tuple[float, ...]) -> None:
    # tests/testthat/_snaps/ptd_spc.md of NHSRplotthedots, three significant digits
    assert [float(f"{line:.3g}") for line in xmr(values)] == list(published)


def test_an_odd_value_does_not_widen_the_limits() -> None:
    # NHSRplotthedots, vignette "Deviations from Excel defaults": 4.6, 1.94 and -0.72
    centre, lower, upper = xmr([1, 2, 1, 2, 10, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1])
    assert (round(upper, 2), round(centre, 2), round(lower, 2)) == (4.60, 1.94, -0.72)


def test_xmr_by_hand() -> None:
    # moving ranges 2, 3, 1 and 4
    assert xmr([3, 5, 2, 3, 7]) == pytest.approx((4, 4 - 2.66 * 2.5, 4 + 2.66 * 2.5))
    assert xmr([0.1] * 12) == pytest.approx((0.1, 0.1, 0.1))


def test_one_value_has_no_limits() -> None:
    centre, lower, upper = xmr([5])
    assert centre == 5
    assert math.isnan(lower)
    assert math.isnan(upper)


@pytest.mark.parametrize(
    ("rule", "values", "hits"),
    [
        ("outside", [0, 3, 3.001, -3, -3.001], [2, 4]),
        # a run is seven
        ("run", [-1, 1, 2, 1, 2, 1, 2, -1], []),
        ("run", [-1, 1, 2, 1, 2, 1, 2, 1, -1], [1, 2, 3, 4, 5, 6, 7]),
        ("run", [-1] * 8, [0, 1, 2, 3, 4, 5, 6, 7]),
        # a value on the centre ends a run, and rounding is no side
        ("run", [1, 2, 1, 0, 1, 2, 1, 2], []),
        ("run", [0, 0, 0, 0, 0, 0, 0, 0], []),
        ("run", [1e-15] * 8, []),
        # a trend is seven values, and two equal ones end it
        ("trend", [-1, -0.5, 0, 0.5, 1, 1.5], []),
        ("trend", [-1, -0.5, 0, 0.5, 1, 1.5, 1.8], [0, 1, 2, 3, 4, 5, 6]),
        ("trend", [1.5, 1.8, 1.5, 1, 0.5, 0, -0.5, -1, -0.5], [1, 2, 3, 4, 5, 6, 7]),
        ("trend", [-1, -0.5, 0, 0, 0.5, 1, 1.5, 1.8], []),
        # two of three in the outer third, which begins beyond 2 and has no end
        ("near", [0, 2.5, 1, 2.1, 0], [1, 3]),
        ("near", [0, 2.5, 2, 1, 2.1, 0], []),
        ("near", [2.5, 2.1, 1], [0, 1]),
        ("near", [-2.5, -1, -2.1], [0, 2]),
        ("near", [2.5, 2.1], []),
        ("near", [1, 3.5, 2.5], [1, 2]),
        # the three are on one side
        ("near", [2.5, -1, 2.5], []),
        ("near", [1, 2.5, -2.5, -1], []),
        ("near", [2.5, 0, 2.5], []),
    ],
)
def test_a_rule_hits(rule: str, values: list[float], hits: list[int]) -> None:
    assert hit(rule, values) == hits


def test_opposite_limits_are_no_signal_as_in_plot_the_dots() -> None:
    # tests/testthat/test-ptd_spc_standard.R
    values = np.array([1.0, -1.0] * 7 + [5.5, -5.5])
    limits = moving_range_limits(values, one(16))
    assert not signals(values, limits, one(16)).hits[14:].any()


def test_rules_end_where_a_phase_ends() -> None:
    assert hit("run", [1, 2, 1, 2, 1, 2, 1, 2], [0, 0, 0, 0, 1, 1, 1, 1]) == []
    assert hit("trend", [-1, -0.5, 0, 0.5, 1, 1.5, 1.8], [0, 0, 0, 0, 0, 0, 1]) == []
    assert hit("near", [2.5, 1, 2.5], [0, 0, 1]) == []


@pytest.mark.parametrize(
    ("values", "towards"),
    [
        ([3.5], 1),
        ([-3.5], -1),
        ([-1] * 7, -1),
        ([-1.9, -1.5, -1, -0.9, -0.8, -0.7, -0.6], 1),
        ([1, 2.5, 2.5], 1),
    ],
)
def test_a_signal_points_somewhere(values: list[float], towards: int) -> None:
    assert found(values).towards[-1] == towards


def test_where_trends_meet_the_later_one_counts() -> None:
    rise_and_fall = [-1.2, -0.8, -0.4, 0, 0.4, 0.8, 1.2, 0.8, 0.4, 0, -0.4, -0.8, -1.2]
    assert found(rise_and_fall).towards.tolist() == [1] * 6 + [-1] * 7


@pytest.mark.parametrize(
    ("direction", "high", "low"),
    [
        ("lower_is_better", "special_concerning", "special_improving"),
        ("higher_is_better", "special_improving", "special_concerning"),
        ("neutral", "special_neutral", "special_neutral"),
    ],
)
def test_variation_follows_the_direction(direction: str, high: str, low: str) -> None:
    kinds = variation(found([3.5, 1, -3.5]), np.full(3, BETTER[direction]))
    assert [VARIATIONS[kind] for kind in kinds] == [high, "common", low]


def test_p_chart_of_the_juice_cans() -> None:
    cans, sizes = np.array(CANS), np.full(30, 50)
    limits = share_limits(cans, sizes, one(30))
    assert limits.centre[0] == pytest.approx(0.2313, abs=5e-5)
    assert limits.upper[0] == pytest.approx(0.4102, abs=1e-4)
    assert limits.lower[0] == pytest.approx(0.0524, abs=1e-4)
    outside = signals(cans / 50, limits, one(30)).hits[:, RULES.index("outside")]
    assert [int(sample) + 1 for sample in np.flatnonzero(outside)] == [15, 23]


def test_limits_vary_with_the_patients() -> None:
    limits = share_limits(np.array([20, 80]), np.array([100, 400]), one(2))
    assert limits.centre.tolist() == [0.2, 0.2]
    assert limits.upper == pytest.approx([0.2 + 3 * 0.04, 0.2 + 3 * 0.02])
    assert limits.near_lower == pytest.approx([0.2 - 2 * 0.04, 0.2 - 2 * 0.02])


@pytest.mark.parametrize("share", [0.1, 0.9])
def test_limits_are_exact_where_few_are_expected(share: float) -> None:
    patients = np.array([30, 50])
    limits = share_limits(np.round(patients * share).astype(int), patients, one(2))
    masses = [math.comb(30, k) * share**k * (1 - share) ** (30 - k) for k in range(31)]
    upper, lower = round(limits.upper[0] * 30), round(limits.lower[0] * 30)
    assert sum(masses[upper + 1 :]) <= 0.00135 < sum(masses[upper:])
    assert sum(masses[:lower]) <= 0.00135 < sum(masses[: lower + 1])
    # 50 patients at 10 % expect 5, which is enough for the usual limits
    assert limits.upper[1] - share == pytest.approx(min(3 * math.sqrt(0.09 / 50), 1 - share))


def test_no_signal_where_the_share_cannot_be_lower() -> None:
    numerators = np.array([0, 0, 3, 0, 0, 2, 0, 4])
    patients = np.full(8, 10)
    found_here = signals(numerators / patients, share_limits(numerators, patients, one(8)), one(8))
    assert not found_here.hits[numerators == 0].any()


@pytest.mark.parametrize("numerator", [0, 10])
def test_all_or_none_is_no_signal(numerator: int) -> None:
    numerators, patients = np.full(12, numerator), np.full(12, 10)
    limits = share_limits(numerators, patients, one(12))
    assert (limits.lower == numerator / 10).all()
    assert not signals(numerators / patients, limits, one(12)).hits.any()


def test_exposure_between_events() -> None:
    events = np.array([0, 1, 0, 0, 2, 0, 1, 0])
    exposure = np.array([5, 5, 1, 2, 3, 4, 5, 9])
    assert between(events, exposure, one(8)).tolist() == [0, 10, 0, 0, 6, 0, 9, 0]
    assert between(events, exposure, np.array([0, 0, 0, 0, 0, 1, 1, 1])).tolist() == [0, 10, 0, 0, 6, 0, 9, 0]
    assert between(events, exposure, np.array([0, 0, 0, 1, 1, 1, 1, 1])).tolist() == [0, 10, 0, 0, 5, 0, 9, 0]
    assert between(np.zeros(3, dtype=int), exposure[:3], one(3)).tolist() == [0, 0, 0]


def test_g_chart_has_geometric_limits() -> None:
    events, patients = np.array([1, 0, 1, 0, 0, 1]), np.array([10, 10, 20, 30, 10, 20])
    values, limits = patients_between(events, patients, one(6))
    assert values[[0, 2, 5]].tolist() == [9, 29, 59]
    assert np.isnan(values[[1, 3, 4]]).all()
    share = 3 / 100  # P(X <= x) = 1 - (1 - p)^(x + 1)
    tail = 0.0013498980316300933
    assert limits.centre[0] == math.ceil(math.log(0.5) / math.log(1 - share)) - 1
    assert limits.upper[0] == math.ceil(math.log(tail) / math.log(1 - share)) - 1
    assert limits.lower[0] == 0


def test_two_outcomes_in_a_month_are_one_value_with_narrower_limits() -> None:
    values, limits = patients_between(np.array([1, 2]), np.array([50, 100]), one(2))
    assert values.tolist() == [49, 49]
    assert limits.upper[1] < limits.upper[0]
    assert limits.lower[1] >= limits.lower[0]


@pytest.mark.parametrize(
    ("events", "patients", "months", "chart", "pooled"),
    [
        (0, 0, 0, None, 1),
        (11, 500, 12, "g", 1),
        (12, 500, 12, "p", 3),
        (59, 500, 12, "p", 3),
        (60, 500, 12, "p", 1),
        (440, 500, 12, "p", 1),
        (441, 500, 12, "p", 3),
        (500, 500, 12, "p", 3),
        (1200, 11_999, 12, "p", 1),
        (1200, 12_000, 12, "xmr", 1),
        (0, 12_000, 12, "g", 1),
    ],
)
def test_the_chart_follows_the_volume(events: int, patients: int, months: int, chart: str | None, pooled: int) -> None:
    choice = choose_chart(events, patients, months)
    assert (choice.chart, choice.months) == (chart, pooled)
    assert choice.reason


@pytest.mark.parametrize(
    ("values", "confirmed"),
    [
        ([0, 3.5, 2.5, 0], [1]),
        ([0, 3.5, 3.5, 0], [1]),
        ([0, 3.5, 2, 0], []),
        ([0, 3.5, -3.5, 0], []),
        ([0, 2.9, 3.5], []),
        ([3.5, 2.9], [0]),
        ([-3.5, -2.1], [0]),
    ],
)
def test_a_value_beyond_a_limit_is_confirmed_by_the_next(values: list[float], confirmed: list[int]) -> None:
    assert np.flatnonzero(found(values).confirmed).tolist() == confirmed


def test_the_next_phase_confirms_nothing() -> None:
    assert not found([3.5, 3.5], [0, 1]).confirmed.any()


@pytest.mark.parametrize(
    ("chart", "pooled", "events", "patients", "periods"),
    [("g", 1, 30, 300, 96), ("p", 3, 200, 600, 32), ("p", 1, 2000, 6000, 96)],
)
def test_false_alarms_are_as_many_as_a_plain_simulation_finds(
    chart: str, pooled: int, events: int, patients: int, periods: int
) -> None:
    rng = np.random.default_rng(2)
    alarms = 0
    for _ in range(400):
        sizes = np.maximum(rng.poisson(patients / periods, periods), 1)
        values, limits = charted(chart, rng.binomial(sizes, events / patients), sizes, one(periods))
        rows = np.flatnonzero(~np.isnan(values))
        hits = signals(values[rows], limits.at(rows), one(len(rows))).hits.any(axis=1)
        alarms += int((hits & (rows >= periods - 12 // pooled)).any())
    assert false_alarm_rate(Choice(chart, pooled, ""), events, patients, periods) == pytest.approx(
        alarms / 400, abs=0.09
    )


def test_a_chart_of_few_months_has_its_false_alarms_too() -> None:
    assert 0 <= false_alarm_rate(choose_chart(30, 60, 3), 30, 60, 3) < 0.2


def month(number: int) -> str:
    return f"{2020 + number // 12}-{number % 12 + 1:02d}"


def counts(series: dict[tuple[str, str | None], list[tuple[int, int]]]) -> pa.Table:
    """The cube for series of (numerator, patients) by month from January 2020; with rows of other resolutions."""
    rows: list[Row] = []
    for (measure, site), months in series.items():
        key = {"measure": measure, "site_id": site, "excluded": 0, "numerator": 1, "patients": 9}
        rows.append(key | {"resolution": "year", "index_period": "2020", "stratum_kind": "all"})
        rows.append(key | {"resolution": "all", "stratum_kind": "approach", "stratum": "anterior"})
        rows += [
            key
            | {"resolution": "month", "index_period": month(number), "stratum_kind": "all"}
            | {"numerator": numerator, "patients": patients}
            for number, (numerator, patients) in enumerate(months)
        ]
    return marts.table(marts.exact("measures"), rows)


def chart(table: pa.Table, site: str | None = None) -> list[Row]:
    return [row for row in table.to_pylist() if row["site_id"] == site]


STEADY = [(20, 100), (22, 100)] * 6
DIRECTIONS = {"pain": "lower_is_better", "satisfied": "higher_is_better"}


def chart_of(months: list[tuple[int, int]], measure: str = "pain") -> list[Row]:
    """The chart of a measure of all sites with these months."""
    return chart(control_chart_table(counts({(measure, None): months}), DIRECTIONS))


def test_a_table_by_measure_site_and_month() -> None:
    table = control_chart_table(
        counts({("satisfied", None): STEADY, ("pain", "south"): STEADY, ("pain", None): STEADY}), DIRECTIONS
    )
    keys = [(row["measure"], row["site_id"], row["index_period"]) for row in table.to_pylist()]
    assert keys == [
        (measure, site, month(number))
        for measure, site in (("pain", None), ("pain", "south"), ("satisfied", None))
        for number in range(12)
    ]
    first = table.to_pylist()[0]
    assert (first["chart"], first["value"], first["centre"], first["phase"]) == ("p", 0.2, pytest.approx(0.21), 1)
    assert (first["rules"], first["variation"], first["is_rebased"]) == (None, "common", False)
    assert not first["has_trial_limits"]


def test_rules_and_variation_of_a_table() -> None:
    worse = [*STEADY[:6], (60, 100), (40, 100)]
    rows = chart_of(worse)
    assert [(row["rules"], row["variation"]) for row in rows[-2:]] == [
        ("outside", "special_concerning"),
        (None, "common"),
    ]
    rows = chart_of(worse, "satisfied")
    assert rows[-2]["variation"] == "special_improving"
    assert rows[-2]["has_trial_limits"], "fewer than 12 values"


def test_months_without_patients_have_no_value() -> None:
    rows = chart_of([(6, 30), (0, 0), (7, 30)])
    assert [row["value"] for row in rows] == [0.2, None, pytest.approx(7 / 30)]
    assert [row["variation"] for row in rows] == ["common", None, "common"]
    assert (rows[1]["lower"], rows[1]["chart"]) == (None, "p")


def test_a_run_passes_over_months_without_patients() -> None:
    months = [(9, 30)] * 4 + [(0, 0)] + [(10, 30)] * 3 + [(1, 30)] * 7
    rows = chart_of(months)
    assert [row["rules"] is not None and "run" in row["rules"] for row in rows] == [True] * 4 + [False] + [True] * 10


def test_no_patients_at_all() -> None:
    rows = chart_of([(0, 0)] * 3)
    found = {(row["chart"], row["reason_for_chart"], row["value"]) for row in rows}
    assert found == {(None, "no patients in any month", None)}


def test_a_cube_without_months() -> None:
    table = control_chart_table(counts({("pain", None): []}), DIRECTIONS)
    assert table.num_rows == 0
    assert "variation" in table.column_names


def test_a_long_wait_for_an_outcome_is_an_improvement() -> None:
    months = [(1, 20), (0, 20)] * 12 + [(0, 600), (1, 20)]
    rows = chart_of(months)
    assert {row["chart"] for row in rows} == {"g"}
    assert (rows[-1]["rules"], rows[-1]["variation"]) == ("outside", "special_improving")
    assert rows[-2]["value"] is None


def test_a_measure_without_a_direction_is_not_charted() -> None:
    table = control_chart_table(counts({("revision_rate", None): STEADY, ("pain", None): STEADY}), DIRECTIONS)
    assert set(table["measure"].to_pylist()) == {"pain"}


THIN = [(2, 8), (1, 9), (3, 7)] * 4


def test_thin_months_are_pooled_to_quarters() -> None:
    rows = chart_of(THIN)
    assert [row["index_period"] for row in rows] == ["2020-01", "2020-04", "2020-07", "2020-10"]
    assert {(row["chart"], row["months"], row["value"], row["centre"]) for row in rows} == {("p", 3, 0.25, 0.25)}
    assert all(row["has_trial_limits"] for row in rows)


def test_quarters_are_those_of_the_calendar() -> None:
    rows = chart_of([(0, 0), *THIN])
    assert [row["index_period"] for row in rows] == ["2020-01", "2020-04", "2020-07", "2020-10", "2021-01"]
    assert rows[0]["value"] == pytest.approx(3 / 17)
    assert rows[-1]["value"] == pytest.approx(3 / 7)


def test_each_site_has_its_own_periods() -> None:
    table = control_chart_table(counts({("pain", None): STEADY, ("pain", "south"): THIN}), DIRECTIONS)
    assert {(row["site_id"], row["months"]) for row in table.to_pylist()} == {(None, 1), ("south", 3)}
    assert table.num_rows == 12 + 4


def test_a_quarter_is_judged_when_its_last_month_is_mature() -> None:
    table = control_chart_table(counts({("pain", None): THIN}), DIRECTIONS, immature_from={"pain": "2020-09"})
    assert [row["is_judged"] for row in table.to_pylist()] == [True, True, False, False]


def test_an_annotation_within_a_quarter_is_of_the_quarter() -> None:
    cube = counts({("pain", None): THIN})
    rows = control_chart_table(cube, DIRECTIONS, [note("", "2020-05"), rebase("", "2020-09")]).to_pylist()
    assert [row["annotation"] for row in rows] == [None, "new clinic", None, None]
    assert [row["phase"] for row in rows] == [1, 1, 2, 2]


def test_a_confirmed_value_is_marked() -> None:
    rows = chart_of([*STEADY, (40, 100), (35, 100), (20, 100)])
    assert [row["is_confirmed"] for row in rows[-3:]] == [True, False, False]


def test_the_false_alarms_of_a_chart_are_told_in_each_row() -> None:
    rows = chart_of([*STEADY, (0, 0)])
    (rate,) = {row["false_alarm_rate"] for row in rows}
    assert 0 < rate < 0.5
    assert {row["false_alarm_rate"] for row in chart_of([(0, 0)] * 3)} == {None}


def test_limits_of_many_patients_come_from_the_moving_range() -> None:
    rows = chart_of([(300, 1000), (400, 1000)] * 6)
    assert {row["chart"] for row in rows} == {"xmr"}
    assert (rows[0]["lower"], rows[0]["upper"]) == pytest.approx((0.35 - 0.266, 0.35 + 0.266))


def annotation(site: str, period: str, **stated: str) -> Annotation:
    context = {"measures": {"pain"}, "sites": {site}}
    return Annotation.model_validate({"site_id": site, "measure": "pain", "period": period, **stated}, context=context)


def rebase(site: str, period: str) -> Annotation:
    return annotation(site, period, kind="rebase", text="", author="A. Lead", reason="new pathway")


def note(site: str, period: str) -> Annotation:
    return annotation(site, period, kind="note", text="new clinic", author="B. Nurse", reason="")


TWO_LEVELS = [(20, 100), (22, 100)] * 6 + [(50, 100), (52, 100)] * 6


def test_a_rebase_starts_a_phase_with_limits_of_its_own() -> None:
    cube = counts({("pain", None): TWO_LEVELS, ("pain", "south"): TWO_LEVELS, ("satisfied", None): TWO_LEVELS})
    table = control_chart_table(cube, DIRECTIONS, [rebase("", "2021-01")])
    for site in (None, "south"):
        rows = [row for row in chart(table, site) if row["measure"] == "pain"]
        assert [row["phase"] for row in rows] == [1] * 12 + [2] * 12
        assert [row["is_rebased"] for row in rows] == [False] * 12 + [True] + [False] * 11
        assert (rows[0]["centre"], rows[12]["centre"]) == pytest.approx((0.21, 0.51))
        assert {row["rules"] for row in rows} == {None}
        assert (rows[12]["annotation_author"], rows[12]["annotation_reason"]) == ("A. Lead", "new pathway")
    other = [row for row in chart(table) if row["measure"] == "satisfied"]
    assert {row["phase"] for row in other} == {1}
    assert "run" in other[0]["rules"]


def test_a_rebase_of_a_site_is_of_that_site() -> None:
    cube = counts({("pain", None): TWO_LEVELS, ("pain", "south"): TWO_LEVELS})
    table = control_chart_table(cube, DIRECTIONS, [rebase("south", "2021-01")])
    assert {row["phase"] for row in chart(table)} == {1}
    assert {row["phase"] for row in chart(table, "south")} == {1, 2}


def test_a_rebase_in_the_first_month_changes_nothing() -> None:
    table = control_chart_table(counts({("pain", None): STEADY}), DIRECTIONS, [rebase("", "2020-01")])
    assert {row["phase"] for row in chart(table)} == {1}


def test_annotations_of_a_month_are_joined() -> None:
    table = control_chart_table(
        counts({("pain", None): STEADY}), DIRECTIONS, [note("", "2020-03"), note("", "2020-03"), rebase("", "2020-03")]
    )
    row = chart(table)[2]
    assert row["annotation"] == "new clinic; new clinic"
    assert row["annotation_author"] == "B. Nurse; B. Nurse; A. Lead"
    assert row["annotation_reason"] == "new pathway"
    assert chart(table)[1]["annotation"] is None


def test_an_annotation_of_no_month_here_changes_nothing() -> None:
    cube = counts({("pain", None): STEADY})
    assert control_chart_table(cube, DIRECTIONS, [rebase("", "1999-01"), note("north", "2020-01")]).equals(
        control_chart_table(cube, DIRECTIONS)
    )


@pytest.mark.parametrize(
    ("direction", "target", "promise"),
    [
        ("lower_is_better", 0.5, "hits"),
        ("lower_is_better", 0.4, "hits"),
        ("lower_is_better", 0.39, "either"),
        ("lower_is_better", 0.2, "either"),
        ("lower_is_better", 0.19, "misses"),
        ("higher_is_better", 0.1, "hits"),
        ("higher_is_better", 0.2, "hits"),
        ("higher_is_better", 0.21, "either"),
        ("higher_is_better", 0.4, "either"),
        ("higher_is_better", 0.41, "misses"),
        ("neutral", 0.5, None),
        ("lower_is_better", math.nan, None),
    ],
)
def test_assurance_between_limits_of_20_and_40_percent(direction: str, target: float, promise: str | None) -> None:
    limits = Limits(*(np.array([line]) for line in (0.3, 0.2, 0.4, 0.25, 0.35)))
    (found,) = assurance(np.array([target]), limits, np.array([BETTER[direction]]))
    assert [*ASSURANCES, None][found] == promise


def test_without_limits_nothing_is_assured() -> None:
    nowhere = Limits(*(np.array([line]) for line in (0.3, math.nan, math.nan, math.nan, math.nan)))
    assert assurance(np.array([0.5]), nowhere, np.array([-1])).tolist() == [len(ASSURANCES)]


def aim(measure: str, target: float) -> Target:
    return Target.model_construct(measure=measure, target=target, author="A. Lead", reason="agreed")


def test_a_target_is_of_its_measure_at_every_site() -> None:
    cube = counts({("pain", None): STEADY, ("pain", "south"): STEADY, ("satisfied", None): STEADY})
    rows = control_chart_table(cube, DIRECTIONS, targets=[aim("pain", 0.5)]).to_pylist()
    said = {(row["measure"], row["target_author"], row["target_reason"]) for row in rows}
    assert said == {("pain", "A. Lead", "agreed"), ("satisfied", None, None)}
    assert {(row["measure"], row["site_id"], row["target"], row["assurance"]) for row in rows} == {
        ("pain", None, 0.5, "hits"),
        ("pain", "south", 0.5, "hits"),
        ("satisfied", None, None, None),
    }


def test_assurance_goes_by_month_and_direction() -> None:
    cube = counts({("pain", None): [(20, 100), (0, 0), (200, 1000)], ("satisfied", None): [(20, 100), (200, 1000)]})
    rows = control_chart_table(cube, DIRECTIONS, targets=[aim("pain", 0.25), aim("satisfied", 0.25)]).to_pylist()
    assert {row["target"] for row in rows} == {0.25}
    assert [row["assurance"] for row in rows] == ["either", None, "hits", "either", "misses"]


def test_a_chart_of_what_lies_between_outcomes_assures_nothing() -> None:
    cube = counts({("pain", None): [(1, 20), (0, 20)] * 12})
    rows = control_chart_table(cube, DIRECTIONS, targets=[aim("pain", 1)]).to_pylist()
    assert {(row["chart"], row["target"], row["assurance"]) for row in rows} == {("g", 1, None)}


@pytest.mark.parametrize("share", [0, 100], ids=["rare", "common"])
def test_months_that_are_not_mature_move_no_limit_and_break_no_rule(share: int) -> None:
    falling = [(share // 10, 100)] * 8
    with_immature = counts({("pain", None): STEADY + falling})
    first = month(len(STEADY))
    rows = chart(control_chart_table(with_immature, DIRECTIONS, immature_from={"pain": first}))
    alone = chart_of(STEADY)
    immature = rows[len(STEADY) :]

    told = ("value", "centre", "lower", "upper", "rules", "variation", "phase", "is_judged")
    assert [[row[name] for name in told] for row in rows[: len(STEADY)]] == [
        [row[name] for name in told] for row in alone
    ]
    assert [row["value"] for row in immature] == [share / 1000] * len(falling)
    assert {row["is_judged"] for row in immature} == {False}
    assert {row[name] for row in immature for name in ("centre", "lower", "upper", "rules", "variation")} == {None}
    assert {row["phase"] for row in rows} == {1}


def test_a_registry_without_months_has_no_chart_and_nothing_to_wait_for() -> None:
    assert control_chart_table(counts({}), DIRECTIONS, immature_from={"pain": month(0)}).num_rows == 0


def test_only_the_named_measure_waits_and_at_every_site() -> None:
    cube = counts({(name, site): STEADY for name in ("pain", "satisfied") for site in (None, "south")})
    rows = control_chart_table(cube, DIRECTIONS, immature_from={"pain": month(3)}).to_pylist()
    judged = {(row["measure"], row["site_id"], row["index_period"]) for row in rows if row["is_judged"]}
    assert len(judged) == 2 * len(STEADY) + 2 * 3
    assert {period for name, _, period in judged if name == "pain"} == {month(0), month(1), month(2)}


def test_the_mart_describes_the_table() -> None:
    declared = marts.exact("control_charts")
    table = control_chart_table(counts({("pain", None): STEADY, ("pain", "south"): STEADY}), DIRECTIONS)
    with duckdb.connect() as con:
        con.register("control_chart_points", table)
        mart = con.sql(declared.select).to_arrow_table()
    assert mart.column_names == marts.names(declared) == table.column_names
    assert mart.num_rows == table.num_rows
    assert marts.column(declared, "variation").enum == tuple(VARIATIONS)
    assert marts.column(declared, "assurance").enum == tuple(ASSURANCES)
